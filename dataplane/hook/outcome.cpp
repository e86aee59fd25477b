#include "dataplane/hook/outcome.hpp"

#include <algorithm>

#include "dataplane/flow/epoch.hpp"

namespace weft {

namespace {

Hindrance hindrance_of(const FlowOutcome& outcome, FlowTracker& tracker, FlowRef ref) noexcept {
    const bool answered = FlowTable::direction(ref) || tracker.state_of(ref).has(FlowStatus::seen_reply);
    if (answered != outcome.answered) return Hindrance::answered;
    if (outcome.condition.asks_connection_mark &&
        tracker.mark(ref).load(std::memory_order_relaxed) != outcome.condition.connection_mark)
        return Hindrance::connection_mark;
    return Hindrance::none;
}

/// Of its routes, if they are what they were.
std::uint32_t epoch_of(const FlowOutcome& outcome, FlowRef ref, FlowTracker& tracker, const HookWork& work,
                       const HopTable& hops, const Routing& routing) noexcept {
    if (outcome.condition.asks_routes) return work.changes;
    const FlowEntry& entry = tracker.table().pool()[FlowTable::index(ref)];
    const bool v6 = entry.direction[0].kind.flags & FlowKind::ipv6;
    const bool way_back = routing.local_networks4 || routing.interface(outcome.iif).rp_filter != 0;
    return route_generation(entry, ref & 1, v6, entry.state.status.load(std::memory_order_relaxed), way_back,
                            hops.changes());
}

/// While routes have not changed it is the one that the outcome was made with.
void look_at_hop(FlowOutcome& outcome, const Hop& hop) noexcept {
    const std::uint64_t neighbour = hop.neighbour.load(std::memory_order_acquire);
    outcome.gateway = hop.gateway;
    outcome.gateway_v6 = hop.v6;
    outcome.mac = MacAddress::from_raw(neighbour);
    if (outcome.hindrance == Hindrance::none && Hop::state_of(neighbour) != NeighbourState::resolved)
        outcome.hindrance = Hindrance::neighbour;
}

}  // namespace

void answer(FlowQuestion& question, FlowTracker& tracker, HookWork& work, const HopTable& hops,
            const Routing& routing, unsigned worker) noexcept {
    FlowPaths& paths = work.paths;
    const bool routes_changed = work.routes != hops.generation();
    std::uint32_t room = 0;
    for (FlowQuestion::Flow& flow : question.flows) {
        const std::uint32_t version = tracker.state_of(flow.ref).version();
        if (version != flow.version || (version & FlowState::owner_mask) != worker) continue;
        flow.known = true;
        for (FlowRef d = 0; d < 2; ++d) {
            const FlowRef ref = (flow.ref & ~FlowRef{1}) | d;
            const FlowDirection& way = tracker.table().direction_of(ref);
            FlowOutcome& outcome = flow.ways[d];
            outcome.slow = way.slow;
            outcome.kept = paths.stands(way.path);
            if (!outcome.kept) continue;
            const FlowPath& path = paths[way.path];
            outcome.answered = way.condition & FlowDirection::answered;
            outcome.asks_routes = path.rests_on_routes;
            outcome.iif = way.iif;
            outcome.oif = way.oif;
            outcome.mark = path.mark;
            outcome.condition =
                paths.condition(static_cast<std::uint16_t>(way.condition & ~FlowDirection::answered));
            outcome.routes_changed =
                routes_changed ||
                way.epoch != work.epoch + epoch_of(outcome, ref, tracker, work, hops, routing);
            outcome.hindrance = hindrance_of(outcome, tracker, ref);
            if (!outcome.routes_changed) look_at_hop(outcome, hops[way.hop.load(std::memory_order_relaxed)]);
            const auto rules = paths.rules(path);
            outcome.first_rule = room;
            outcome.rules = std::min(path.count, FlowQuestion::most_rules);
            outcome.more_rules = path.count - outcome.rules;
            std::copy_n(rules.begin(), outcome.rules, question.rules.begin() + room);
            room += outcome.rules;
        }
    }
}

}  // namespace weft
