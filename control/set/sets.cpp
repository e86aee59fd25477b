#include "control/set/sets.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace weft::ipset {

std::uint64_t next_stamp() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool same(const Entry& a, const Entry& b) {
    return a.key == b.key && a.nomatch == b.nomatch && (a.deadline_us == 0) == (b.deadline_us == 0) &&
           a.comment == b.comment;
}

bool same(const Set& a, const Set& b) {
    if (&a == &b) return true;
    if (a.options != b.options || a.entries.size() != b.entries.size()) return false;
    if (a.entries.shares(b.entries)) return true;
    bool equal = true;
    Entries::compare(a.entries, b.entries, [&](const Entry* was, const Entry* is) {
        equal = equal && was && is && same(*was, *is);
    });
    return equal;
}

Sets::Named* Sets::place(std::string_view name) noexcept {
    const auto at =
        std::find_if(all_.begin(), all_.end(), [&](const Named& one) { return one.set && one.name == name; });
    return at == all_.end() ? nullptr : &*at;
}

const Set* Sets::find(std::string_view name) const noexcept {
    for (const auto& one : all_)
        if (one.set && one.name == name) return one.set.get();
    return nullptr;
}

Set* Sets::edit(std::string_view name) {
    auto* at = place(name);
    if (!at) return nullptr;
    if (at->set.use_count() != 1)
        at->set = std::make_shared<Set>(*at->set);
    else
        std::atomic_thread_fence(std::memory_order_acquire);  // of who let go of it last
    return at->set.get();
}

void Sets::create(std::string_view name, const Options& options, std::uint32_t initval) {
    auto set = std::make_shared<Set>();
    set->options = options;
    set->id = next_stamp();
    set->initval = initval;
    auto at = std::find_if(all_.begin(), all_.end(), [](const Named& one) { return !one.set; });
    if (at == all_.end()) at = all_.insert(at, Named{});
    *at = {std::string(name), std::move(set)};
}

void Sets::destroy(std::string_view name) {
    if (auto* at = place(name)) *at = {};
    while (!all_.empty() && !all_.back().set)
        all_.pop_back();
}

void Sets::rename(std::string_view from, std::string_view to) {
    if (auto* at = place(from)) at->name = to;
}

void Sets::swap(std::string_view one, std::string_view other) {
    auto *first = place(one), *second = place(other);
    if (first && second) std::swap(first->set, second->set);
}

bool operator==(const Sets& a, const Sets& b) {
    const auto has = [](const Sets& in, const Sets::Named& one) {
        const auto* other = one.set ? in.find(one.name) : nullptr;
        return !one.set || (other && same(*one.set, *other));
    };
    return std::all_of(a.all_.begin(), a.all_.end(), [&](const auto& one) { return has(b, one); }) &&
           std::all_of(b.all_.begin(), b.all_.end(),
                       [&](const auto& one) { return !one.set || a.find(one.name); });
}

void Sets::keep_running(Sets& next, std::uint64_t now_us) const {
    for (const auto& named : next.all_) {
        const auto* running = named.set ? find(named.name) : nullptr;
        if (!running || running == named.set.get() || running->options != named.set->options) continue;
        auto& set = *next.edit(named.name);
        set.id = running->id;
        set.initval = running->initval;
        std::vector<const Entry*> stay;
        set.entries.visit([&](const Entry& entry) {
            const auto* before = running->entries.find(entry.key);
            if (before && !before->over(now_us) && same(*before, entry)) stay.push_back(before);
        });
        if (stay.size() == set.entries.size() && stay.size() == running->entries.size()) {
            set.entries = running->entries;
            continue;
        }
        for (const auto* entry : stay)
            set.entries.put(*entry);
    }
}

}  // namespace weft::ipset
