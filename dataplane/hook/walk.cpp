#include "dataplane/hook/walk.hpp"

#include <algorithm>

#include "dataplane/hook/effect.hpp"

namespace weft::hook {

/// One base chain and all it calls. Of a packet that nobody is told of, nothing is tested for it.
template <bool watched>
class Walk {
  public:
    Walk(const HookProgram& program, View& view, const EitherKey& key, Trail& trail, std::uint64_t now_us,
         Actions* actions)
        : program_(program),
          key_(key),
          trail_(trail),
          actions_(actions),
          look_{view, trail.rests, now_us, trail.peeks},
          odd_(view.layer4 == Layer4::odd) {}

    WalkResult run(const BaseChain& base) {
        trail_.places.clear();
        trail_.candidates.clear();
        enter(base.chain);
        while (!trail_.places.empty()) {
            const RuleCode* rule = next_match();
            if (dropped_) return {Ending::drop, no_rule};
            if (!rule) {
                if constexpr (watched)
                    if (trail_.places.back().slot != base.chain)
                        actions_->came_to_end(trail_.places.back().slot);
                leave();
                continue;
            }
            pass(rule->id);
            if constexpr (watched) actions_->met(rule->id);
            switch (rule->step) {
                case Step::next:
                    break;
                case Step::accept:
                    return {Ending::accept, rule->id};
                case Step::drop:
                    return {Ending::drop, rule->id};
                case Step::reject:
                    return {Ending::reject, rule->id, std::get_if<RejectTarget>(&rule->target)};
                case Step::nat:
                    return {Ending::accept, rule->id, nullptr, std::get_if<NatTarget>(&rule->target)};
                case Step::return_:
                    leave();
                    break;
                case Step::go:
                    leave();
                    [[fallthrough]];
                case Step::jump:
                    enter(rule->chain);
                    break;
                default:
                    if (!act(*rule)) return {Ending::drop, rule->id};
            }
        }
        pass(base.policy);
        if constexpr (watched) actions_->met(base.policy);
        if (base.drops) return {Ending::drop, base.policy};
        return {};
    }

  private:
    void pass(RuleId rule) {
        if (trail_.path.size() >= Trail::most_rules && actions_) [[unlikely]] {
            actions_->count(trail_.path);
            trail_.path.clear();
            trail_.cut = true;
        }
        trail_.path.push_back(rule);
    }

    void enter(ChainSlot slot) {
        trail_.places.push_back({program_.chains[slot].get(), slot, 0, trail_.candidates.size(), 0});
        open_block(trail_.places.back());
    }
    void leave() {
        trail_.candidates.resize(trail_.places.back().base);
        trail_.places.pop_back();
    }

    void open_block(Trail::Place& place) {
        trail_.candidates.resize(place.base);
        place.next = odd_ ? 0 : place.base;
        if (place.block == place.chain->blocks.size()) return;
        const auto& block = *place.chain->blocks[place.block];
        block.note(look_.packet, look_.rests);
        if (!odd_) block.find(key_, trail_.candidates);
    }

    /// The chain's next rule that matches; null at its end, or if the packet is dropped.
    const RuleCode* next_match() {
        auto& place = trail_.places.back();
        for (; place.block < place.chain->blocks.size(); ++place.block, open_block(place)) {
            const auto& block = *place.chain->blocks[place.block];
            if (odd_) {
                while (place.next < block.size() && !dropped_) {
                    const auto position = place.next++;
                    const auto own = block.matches_own(position, look_.packet, key_);
                    dropped_ = own == Matched::drop;
                    if (own == Matched::yes && all_match(block.rule(position).checks))
                        return &block.rule(position);
                }
            } else {
                while (place.next < trail_.candidates.size() && !dropped_) {
                    const auto& rule = block.rule(trail_.candidates[place.next++]);
                    if (all_match(rule.rest)) return &rule;
                }
            }
            if (dropped_) return nullptr;
        }
        return nullptr;
    }

    template <class Checks>
    bool all_match(const Checks& checks) {
        for (const auto& check : checks) {
            const auto matched = check->matches(look_);
            dropped_ = matched == Matched::drop;
            if (matched != Matched::yes) return false;
        }
        return true;
    }

    /// False: the packet is dropped.
    bool act(const RuleCode& rule) {
        switch (rule.step) {
            case Step::mark:
                set_mark(*std::get_if<MarkTarget>(&rule.target), look_.packet);
                return true;
            case Step::connmark:
                set_connmark(*std::get_if<ConnmarkTarget>(&rule.target), look_.packet, look_.rests);
                return true;
            case Step::ct:
                set_template(*std::get_if<CtTarget>(&rule.target), look_.packet);
                return true;
            case Step::log:
                look_.rests.on(Rest::log);
                break;
            case Step::trace:
                look_.rests.on(Rest::trace);
                break;
            default:
                look_.rests.on(Rest::tcpmss);
        }
        return !actions_ || actions_->perform(rule, look_.packet, trail_.path.size());
    }

    const HookProgram& program_;
    const EitherKey& key_;
    Trail& trail_;
    Actions* actions_;
    Look look_;
    bool odd_, dropped_ = false;
};

namespace {

WalkResult run(const BaseChain& base, const HookProgram& program, View& view, const EitherKey& key,
               Trail& trail, std::uint64_t now_us, Actions* actions) {
    if (actions && actions->watches()) [[unlikely]]
        return Walk<true>(program, view, key, trail, now_us, actions).run(base);
    return Walk<false>(program, view, key, trail, now_us, actions).run(base);
}

}  // namespace

WalkResult walk(const HookProgram& program, Hook hook, TableMask tables, View& view, Trail& trail,
                std::uint64_t now_us, Actions* actions) {
    if (view.layer4 == Layer4::odd || view.fragment != 0) trail.rests.on(Rest::odd_header);
    const auto key = key_of(view);
    for (const auto& base : program.hooks[static_cast<std::size_t>(hook)]) {
        if (!(tables & bit(base.table))) continue;
        const auto result = run(base, program, view, key, trail, now_us, actions);
        if (result.ending != Ending::accept) return result;
    }
    return {};
}

WalkResult walk_nat(const HookProgram& program, Hook hook, View& view, Trail& trail, std::uint64_t now_us,
                    Actions* actions) {
    const auto key = key_of(view);
    return run(program.nat[static_cast<std::size_t>(hook)], program, view, key, trail, now_us, actions);
}

}  // namespace weft::hook
