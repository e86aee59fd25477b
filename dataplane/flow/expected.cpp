// How connections with helpers expect others, and how those are met.
#include <type_traits>

#include "dataplane/flow/tracker.hpp"

namespace weft {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

IpAddress any_address(be32 address) noexcept {
    return to_address(address);
}
IpAddress any_address(const std::array<std::uint8_t, 16>& address) noexcept {
    return {address};
}

}  // namespace

template <class Tuple>
void FlowTracker::meet_expectation(FlowRef ref, const Tuple& tuple, FlowKind kind,
                                   const FlowMoment& moment) noexcept {
    const auto alive = [&](const Expectation& what) {
        const FlowState& master = state_of(what.master);
        return master.version() == what.master_version && master.has(FlowStatus::confirmed) &&
               !master.has(FlowStatus::dying);
    };
    const auto met =
        expectations_.take(any_address(tuple.source), tuple.source_port, any_address(tuple.destination),
                           tuple.destination_port, kind, moment.now, alive);
    if (!met) return;
    state_of(ref).set(FlowStatus::expected);
    mark(ref).store(mark(met->master).load(relaxed), relaxed);
    FlowExtra& own = extra(ref);
    own.helper = FlowHelper::none;
    own.follow = met->follow;
    own.follower = state_of(ref).version();
}

template void FlowTracker::meet_expectation(FlowRef, const Tuple4&, FlowKind, const FlowMoment&) noexcept;
template void FlowTracker::meet_expectation(FlowRef, const Tuple6&, FlowKind, const FlowMoment&) noexcept;

void FlowTracker::assign_helper(FlowRef ref, FlowHelper helper) noexcept {
    FlowState& state = state_of(ref);
    if (helper == FlowHelper::none || state.has(FlowStatus::expected | FlowStatus::confirmed)) return;
    FlowExtra& own = extra(ref);
    own.helper = helper;
    for (unsigned way = 0; way < 2; ++way) {
        own.lines[way] = {};
        own.adjust[way] = {};
    }
    own.given = {};
    own.follow = {};
    state.set(FlowStatus::helper);
}

Expected FlowTracker::expect(FlowRef master, Expectation what, const FlowMoment& moment) noexcept {
    what.master = master & ~FlowRef{1};
    what.master_version = state_of(master).version();
    what.helper = extra(master).helper;
    const FlowDirection& original = table_.direction_of(what.master);
    const auto tuple = [&](const auto& from) {
        what.master_tuple = {any_address(from.source), any_address(from.destination), from.source_port,
                             from.destination_port};
    };
    if (original.kind_now().flags & FlowKind::ipv6)
        tuple(original.tuple_now<Tuple6>());
    else
        tuple(original.tuple_now<Tuple4>());
    if (original.kind.flags & FlowKind::selective) what.told = extra(master).told.expectations;
    return expectations_.add(what, extra(master).expectations, moment.config.expect_max, moment.now);
}

/// nf_ct_remove_expectations.
void FlowTracker::forget_expectations(std::uint32_t index) noexcept {
    if (table_.pool()[index].state.has(FlowStatus::helper))
        expectations_.remove_of(extras_[index].expectations);
}

}  // namespace weft
