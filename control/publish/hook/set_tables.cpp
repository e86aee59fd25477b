#include "control/publish/hook/set_tables.hpp"

#include <set>

namespace weft::hook {

namespace {

SetOptions table_options(const ipset::Options& from) {
    return {.family = from.family,
            .networks = from.type == ipset::Type::hash_net,
            .netmask = from.netmask.value_or(0xff),
            .most_members = from.maxelem,
            .timeouts = from.timeout.has_value(),
            .counters = from.counters};
}

SetMember member(const ipset::Entry& entry) {
    return {.address = entry.key.address,
            .length = entry.key.length,
            .exception = entry.nomatch,
            .deadline_us = entry.deadline_us,
            .counters = entry.counters};
}

}  // namespace

std::shared_ptr<const AddressSet> SetTables::find(std::string_view name) const {
    const auto at = names_.find(name);
    return at == names_.end() ? nullptr : at->second;
}

void SetTables::change(Table& at, const ipset::Set& next, std::uint64_t now_us) {
    if (at.set.entries.shares(next.entries)) return;
    // First what goes: a full set has no room for what comes.
    const auto each = [&](bool going) {
        ipset::Entries::compare(at.set.entries, next.entries,
                                [&](const ipset::Entry* was, const ipset::Entry* is) {
                                    if (was && !is && going)
                                        static_cast<void>(at.table->remove(member(*was), now_us));
                                    if (is && !going && (!was || was->stamp != is->stamp))
                                        static_cast<void>(at.table->add(member(*is), now_us, true));
                                });
    };
    each(true);
    each(false);
    at.set = next;
    wasteful_ = true;
}

void SetTables::apply(const ipset::Sets& next, std::uint64_t now_us) {
    std::set<std::uint64_t> used;
    std::set<std::string_view> named;
    for (const auto& one : next.all()) {
        if (!one.set) continue;
        used.insert(one.set->id);
        named.insert(one.name);
        auto& at = tables_[one.set->id];
        if (!at.table) {
            at.set.options = one.set->options;
            at.table = std::make_unique<AddressTable>(table_options(one.set->options), secret_);
        }
        change(at, *one.set, now_us);
        auto& name = names_[one.name];
        if (!name)
            name = std::make_shared<NamedSet>(*at.table);
        else
            name->exchange(*at.table);
    }
    for (auto at = names_.begin(); at != names_.end();)
        at = named.contains(at->first) ? std::next(at) : names_.erase(at);
    for (auto at = tables_.begin(); at != tables_.end();) {
        if (used.contains(at->first)) {
            ++at;
            continue;
        }
        gone_.push_back(std::move(at->second.table));
        at = tables_.erase(at);
        wasteful_ = true;
    }
}

void SetTables::reclaim() {
    gone_.clear();
    for (auto& [id, at] : tables_)
        at.table->reclaim();
    wasteful_ = false;
}

void SetTables::expire(std::uint64_t now_us) {
    for (auto& [id, at] : tables_) {
        if (!at.table->options().timeouts) continue;
        at.table->expire(now_us);
        wasteful_ = true;
    }
}

std::optional<Counters> SetTables::counters(std::uint64_t id, const ipset::Key& key) const {
    const auto at = tables_.find(id);
    return at == tables_.end() ? std::nullopt
                               : at->second.table->counters({.address = key.address, .length = key.length});
}

}  // namespace weft::hook
