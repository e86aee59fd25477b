#include <algorithm>
#include <cerrno>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "control/hook/kind.hpp"
#include "control/hook/ruleset.hpp"

namespace weft::hook {

namespace {

/// From which hooks each rule is reached. A rule behind an unconditional verdict is reached from none, and
/// there neither loops nor places matter (ip_tables.c, mark_source_chains).
class Walk {
  public:
    explicit Walk(const Table& table)
        : table_(table), masks_(table.chains.size()), states_(table.chains.size()) {
        for (std::size_t i = 0; i < table.chains.size(); ++i) {
            masks_[i].resize(table.chains[i].rules.size());
            index_.emplace(table.chains[i].name, i);
        }
    }

    struct Frame {
        std::size_t chain, next = 0;
    };
    /// The jump that closes a loop, the rule before `next`; nothing if there is none.
    [[nodiscard]] std::optional<Frame> run() {
        for (std::size_t i = 0; i < table_.chains.size() && table_.chains[i].hook; ++i) {
            std::fill(states_.begin(), states_.end(), State::unseen);
            if (auto loop = visit(i, bit(*table_.chains[i].hook))) return loop;
        }
        return std::nullopt;
    }

    [[nodiscard]] HookMask hooks(std::size_t chain, std::size_t rule) const { return masks_[chain][rule]; }

  private:
    enum class State : std::uint8_t { unseen, open, done };

    /// Depth first without recursion: a chain of 10,000 jumps must not need the stack for it.
    std::optional<Frame> visit(std::size_t first, HookMask hook) {
        std::vector<Frame> path{{first}};
        states_[first] = State::open;
        while (!path.empty()) {
            auto& frame = path.back();
            const auto& rules = table_.chains[frame.chain].rules;
            if (frame.next == rules.size()) {
                states_[frame.chain] = State::done;
                path.pop_back();
                continue;
            }
            const auto here = frame.next++;
            const auto& rule = *rules[here].rule;
            auto& mask = masks_[frame.chain][here];
            mask = static_cast<HookMask>(mask | hook);
            if (std::holds_alternative<Verdict>(rule.target) && unconditional(rule))
                frame.next = rules.size();
            const auto* jump = std::get_if<Jump>(&rule.target);
            if (!jump) continue;
            const auto to = index_.at(jump->chain);
            if (states_[to] == State::open) return frame;
            if (states_[to] == State::done) continue;
            states_[to] = State::open;
            path.push_back({to});
        }
        return std::nullopt;
    }

    const Table& table_;
    std::unordered_map<std::string_view, std::size_t> index_;
    std::vector<std::vector<HookMask>> masks_;
    std::vector<State> states_;
};

/// `of_target`: who objects.
Objection check_rule(const Place& place, bool& of_target) {
    const auto named = [](std::string_view name, Objection no) {
        no.reason = fmt::format("{}: {}", name, no.reason);
        return no;
    };
    of_target = false;
    for (const auto& match : place.rule.matches)
        if (const auto& kind = kind_of(match); kind.check)
            if (auto no = kind.check(match, place)) return named(kind.name, std::move(no));
    of_target = true;
    const auto* kind = kind_of(place.family, place.rule.target);
    if (!kind || !kind->check) return {};
    auto no = kind->check(place.rule.target, place);
    return no ? named(kind->name, std::move(no)) : no;
}

}  // namespace

Objection only_in(const Place& place, TableId table) {
    if (place.table == table) return {};
    return object("only in the table {}", to_string(table));
}

Objection only_from(const Place& place, HookMask allowed, std::string_view what) {
    for (std::size_t i = 0; i < hook_count; ++i)
        if (const auto hook = static_cast<Hook>(i); place.hooks & bit(hook) & ~allowed)
            return object("{} is not for packets from {}", what, to_string(hook));
    return {};
}

std::string worded(const TableFault& fault) {
    return fmt::format("rule {} of {}: {}", fault.rule + 1, fault.chain->name, fault.reason);
}

std::optional<TableFault> check_table(Family family, const Table& table) {
    Walk walk(table);
    if (const auto loop = walk.run()) {
        const auto& chain = table.chains[loop->chain];
        const auto rule = loop->next - 1;
        const auto& to = std::get<Jump>(chain.rules[rule].rule->target).chain;
        return TableFault{ELOOP, fmt::format("the chain {} would be in itself", to), &chain, rule, true};
    }
    for (std::size_t i = 0; i < table.chains.size(); ++i) {
        const auto& rules = table.chains[i].rules;
        for (std::size_t j = 0; j < rules.size(); ++j) {
            bool of_target = false;
            if (auto no = check_rule({family, table.id, walk.hooks(i, j), *rules[j].rule}, of_target))
                return TableFault{no.error, std::move(no.reason), &table.chains[i], j, of_target};
        }
    }
    return std::nullopt;
}

bool check_appended(Family family, const Table& table, const Chain& chain, std::size_t first) {
    HookMask hooks = 0;
    for (const auto& one : table.chains)
        if (one.hook && (!chain.hook || one.hook == chain.hook))
            hooks = static_cast<HookMask>(hooks | bit(*one.hook));
    return std::all_of(chain.rules.begin() + static_cast<std::ptrdiff_t>(first), chain.rules.end(),
                       [&](const RuleEntry& entry) {
                           bool of_target = false;
                           return !std::holds_alternative<Jump>(entry.rule->target) &&
                                  !check_rule({family, table.id, hooks, *entry.rule}, of_target);
                       });
}

}  // namespace weft::hook
