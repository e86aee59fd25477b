#include <algorithm>
#include <cerrno>
#include <unordered_map>
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

    /// False if the table has a loop.
    [[nodiscard]] bool run() {
        for (std::size_t i = 0; i < table_.chains.size() && table_.chains[i].hook; ++i) {
            std::fill(states_.begin(), states_.end(), State::unseen);
            if (!visit(i, bit(*table_.chains[i].hook))) return false;
        }
        return true;
    }

    [[nodiscard]] HookMask hooks(std::size_t chain, std::size_t rule) const { return masks_[chain][rule]; }

  private:
    enum class State : std::uint8_t { unseen, open, done };
    struct Frame {
        std::size_t chain, next = 0;
    };

    /// Depth first without recursion: a chain of 10,000 jumps must not need the stack for it.
    bool visit(std::size_t first, HookMask hook) {
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
            if (states_[to] == State::open) return false;
            if (states_[to] == State::done) continue;
            states_[to] = State::open;
            path.push_back({to});
        }
        return true;
    }

    const Table& table_;
    std::unordered_map<std::string_view, std::size_t> index_;
    std::vector<std::vector<HookMask>> masks_;
    std::vector<State> states_;
};

int check_rule(const Place& place) {
    for (const auto& match : place.rule.matches)
        if (const auto& kind = kind_of(match); kind.check)
            if (const int error = kind.check(match, place)) return error;
    const auto* kind = kind_of(place.family, place.rule.target);
    return kind && kind->check ? kind->check(place.rule.target, place) : 0;
}

}  // namespace

int check_table(Family family, const Table& table) {
    Walk walk(table);
    if (!walk.run()) return ELOOP;
    for (std::size_t i = 0; i < table.chains.size(); ++i) {
        const auto& rules = table.chains[i].rules;
        for (std::size_t j = 0; j < rules.size(); ++j)
            if (const int error = check_rule({family, table.id, walk.hooks(i, j), *rules[j].rule}))
                return error;
    }
    return 0;
}

bool check_appended(Family family, const Table& table, const Chain& chain, std::size_t first) {
    HookMask hooks = 0;
    for (const auto& one : table.chains)
        if (one.hook && (!chain.hook || one.hook == chain.hook))
            hooks = static_cast<HookMask>(hooks | bit(*one.hook));
    return std::all_of(chain.rules.begin() + static_cast<std::ptrdiff_t>(first), chain.rules.end(),
                       [&](const RuleEntry& entry) {
                           return !std::holds_alternative<Jump>(entry.rule->target) &&
                                  check_rule({family, table.id, hooks, *entry.rule}) == 0;
                       });
}

}  // namespace weft::hook
