#include "control/publish/published_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "control/hook/print.hpp"

namespace weft {

namespace {

std::size_t size_of(const hook::Ruleset& rules) {
    std::size_t all = 0;
    for (const auto& table : rules.tables)
        for (const auto& chain : table.chains)
            all += chain.rules.size() + 1;
    return all;
}

/// Such a table lets everything pass, whatever its other chains hold. The kernel counts its policies still.
bool does_nothing(const hook::Table& table) {
    return std::all_of(table.chains.begin(), table.chains.end(), [](const hook::Chain& chain) {
        return !chain.hook || (chain.rules.empty() && chain.policy == hook::Verdict::accept);
    });
}

bool does_nothing(const hook::Ruleset& rules) {
    return std::all_of(rules.tables.begin(), rules.tables.end(),
                       [](const hook::Table& table) { return does_nothing(table); });
}

}  // namespace

PublishedRules::PublishedRules(Shared& shared, hook::FindSet find_set)
    : shared_(shared),
      find_set_(std::move(find_set)),
      families_{Family{.compiler = {hook::Family::ip, shared.secret_low}, .program = nullptr, .taken = {}},
                Family{.compiler = {hook::Family::ip6, shared.secret_low}, .program = nullptr, .taken = {}}} {
}

Result<> PublishedRules::judge(const hook::Rulesets& rules) const {
    for (const auto family : hook::families) {
        const auto& compiler = families_[static_cast<std::size_t>(family)].compiler;
        // Those that are to go keep their counters until the last worker has let go of them.
        if (compiler.ids_in_use() + size_of(rules.of(family)) >= RuleCounters::capacity)
            return refuse(
                fmt::format("there are counters for {} rules, to be and to go", RuleCounters::capacity - 1));
    }
    return {};
}

std::shared_ptr<const hook::HookProgram> PublishedRules::compile(hook::Family family,
                                                                 const FilteringInput& input) {
    auto& of = families_[static_cast<std::size_t>(family)];
    auto program = of.compiler.compile(input.rules.of(family), input.interfaces, find_set_);
    of.taken.resize(program->ids);
    if (!program->tracks && does_nothing(input.rules.of(family))) program = nullptr;
    return of.program = std::move(program);
}

std::shared_ptr<FlowTracker> PublishedRules::tracker_for(const FlowConfig& flows) {
    // Its memory is touched as it fills, so there may be room for a higher nf_conntrack_max.
    constexpr std::uint32_t least = 1 << 20, most = 1 << 26;
    if (!tracker_) {
        tracker_ = std::make_shared<FlowTracker>(std::clamp(flows.max, least, most),
                                                 static_cast<unsigned>(shared_.workers.size()),
                                                 shared_.secret_low, shared_.secret_high);
        tracker_->populate();
        ahead_ = std::make_unique<FlowAhead>(tracker_->table().pool());
    }
    return tracker_;
}

void PublishedRules::publish(const FilteringInput& input) {
    const bool same_rules = std::all_of(hook::families.begin(), hook::families.end(), [&](auto family) {
        return input.rules.shares(published_.rules, family);
    });
    if ((same_rules || input.rules == published_.rules) && input.interfaces == published_.interfaces &&
        input.flows == published_.flows && input.checks_sums == published_.checks_sums)
        return;
    auto filtering = std::make_unique<Filtering>();
    for (const auto family : hook::families) {
        const auto index = static_cast<std::size_t>(family);
        filtering->rules[index] = compile(family, input);
        filtering->tracks[index] = filtering->rules[index] && filtering->rules[index]->tracks;
        filtering->translates[index] = filtering->tracks[index] && filtering->rules[index]->translates;
    }
    // Connections that there are end in their time, also when no rule asks for them any more.
    filtering->tracker = filtering->tracks[0] || filtering->tracks[1] ? tracker_for(input.flows) : tracker_;
    filtering->flows = input.flows;
    // More than there is room for is no limit, and without a limit nothing would make room.
    if (filtering->tracker && (input.flows.max == 0 || input.flows.max > filtering->tracker->capacity()))
        filtering->flows.max = filtering->tracker->capacity();
    filtering->checks_sums = input.checks_sums;
    filtering->generation = ++generation_;
    shared_.filtering.replace(std::move(filtering), shared_.quiescence);
    settle_counts();
    published_ = input;
    book_ = nullptr;
    for (const auto family : hook::families)
        for (const auto id : families_[static_cast<std::size_t>(family)].compiler.recycle_ids())
            static_cast<void>(take(family, id));
}

/// Returns when every worker has counted all it knows of, under the rules that are published.
void PublishedRules::settle_counts() {
    for (auto& worker : shared_.workers) {
        if (!worker->runs.load(std::memory_order_acquire)) continue;
        worker->counts_wanted.fetch_add(1, std::memory_order_release);
        worker->waker.wake();
    }
    for (auto& worker : shared_.workers)
        while (worker->runs.load(std::memory_order_acquire) &&
               worker->counts_settled.load(std::memory_order_acquire) !=
                   worker->counts_wanted.load(std::memory_order_relaxed))
            std::this_thread::sleep_for(std::chrono::microseconds(20));
}

void PublishedRules::ask(std::vector<FlowQuestion>& questions) {
    for (std::size_t w = 0; w < questions.size(); ++w)
        shared_.workers[w]->question = &questions[w];
    settle_counts();
    for (auto& worker : shared_.workers)
        worker->question = nullptr;
}

std::shared_ptr<const RuleBook> PublishedRules::book() {
    if (book_) return book_;
    auto book = std::make_shared<RuleBook>();
    for (const auto family : hook::families)
        book->add(published_.rules.of(family), families_[static_cast<std::size_t>(family)].compiler);
    return book_ = std::move(book);
}

std::optional<hook::RulePlace> PublishedRules::place_of(hook::Family family, hook::RuleId id) {
    return book()->place(family, id);
}

bool PublishedRules::traces() const noexcept {
    return std::any_of(families_.begin(), families_.end(),
                       [](const Family& of) { return of.program && of.program->traces; });
}

hook::Counters PublishedRules::sum(hook::Family family, hook::RuleId id) const {
    hook::Counters all;
    for (const auto& worker : shared_.workers) {
        const auto& counter = worker->rule_counters[static_cast<std::size_t>(family)][id];
        all.packets += counter.packets.get();
        all.bytes += counter.bytes.get();
    }
    return all;
}

hook::Counters PublishedRules::take(hook::Family family, hook::RuleId id) {
    const auto now = sum(family, id);
    auto& taken = families_[static_cast<std::size_t>(family)].taken[id];
    const hook::Counters more{now.packets - taken.packets, now.bytes - taken.bytes};
    taken = now;
    return more;
}

std::string PublishedRules::text_of(hook::Family family, hook::RuleId wanted) const {
    if (wanted == hook::no_rule) return {};
    const auto& compiler = families_[static_cast<std::size_t>(family)].compiler;
    for (const auto& table : published_.rules.of(family).tables)
        for (const auto& chain : table.chains) {
            if (wanted == compiler.policy_id(table.id, chain.name))
                return fmt::format("-P {} {}", chain.name,
                                   chain.policy == hook::Verdict::drop ? "DROP" : "ACCEPT");
            const auto ids = compiler.ids(table.id, chain.name);
            const auto at = std::find(ids.begin(), ids.end(), wanted);
            if (at == ids.end()) continue;
            std::string text;
            hook::save_rule(text, family, chain.name, chain.rules[static_cast<std::size_t>(at - ids.begin())],
                            hook::CounterStyle::none);
            while (text.ends_with('\n'))
                text.pop_back();
            return text;
        }
    return {};
}

void PublishedRules::count(hook::Rulesets& rules) {
    const auto add = [](hook::Counters& to, const hook::Counters& more) {
        to.packets += more.packets;
        to.bytes += more.bytes;
    };
    if (std::any_of(families_.begin(), families_.end(), [](const Family& of) { return of.program; }))
        settle_counts();
    for (const auto family : hook::families) {
        const auto& of = families_[static_cast<std::size_t>(family)];
        if (!of.program) continue;
        for (auto& table : rules.edit(family).tables)
            for (auto& chain : table.chains) {
                const auto ids = of.compiler.ids(table.id, chain.name);
                for (std::size_t i = 0; i < ids.size(); ++i)
                    add(chain.rules[i].counters, take(family, ids[i]));
                if (const auto policy = of.compiler.policy_id(table.id, chain.name); policy != hook::no_rule)
                    add(chain.counters, take(family, policy));
            }
    }
}

}  // namespace weft
