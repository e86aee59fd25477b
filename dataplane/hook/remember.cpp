#include "dataplane/hook/remember.hpp"

#include <algorithm>

#include "dataplane/flow/tcp.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/nat/side.hpp"
#include "dataplane/route/header.hpp"
#include "dataplane/route/lookup.hpp"

namespace weft {

namespace {

using hook::Rest;

constexpr std::uint8_t shape_flags = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;

/// Segments that begin and end connections are looked at one by one, here and there.
bool is_of_kind(Packet& packet, std::uint8_t protocol, const Context& context) noexcept {
    if (protocol == ip_protocol::udp) return true;
    if (protocol != ip_protocol::tcp) return false;
    const auto l4 = layer4_of(packet, context);
    constexpr std::size_t flags_at = 13;
    return l4 && l4->head >= sizeof(TcpHeader) &&
           (static_cast<std::uint8_t>(l4->data[flags_at]) & shape_flags) == tcp_flag::ack;
}

bool routes_by_tos(bool v6, const Routing& routing) noexcept {
    const auto& rules = v6 ? routing.rules6 : routing.rules4;
    return std::any_of(rules.begin(), rules.end(), [](const RoutingRule& rule) { return rule.tos != 0; });
}

/// To the member of a group that the flow label names, which is not the flow's (fib_multipath_hash_policy 0).
bool routes_by_label(Packet& packet, const Context& context) noexcept {
    const Routing& routing = *context.routing;
    if (routing.hash6_l4) return false;
    const RouteAnswer route = find_route(key_of(packet, routing), routing, *context.hops);
    return route.table_entry != route.index;
}

/// The next packet would find another mark, and might be given another one again.
bool changes_connection_mark(const Packet& packet, const Recording& recording,
                             FlowTracker& tracker) noexcept {
    return recording.marks_connection &&
           tracker.mark(packet.meta.connection_index).load(std::memory_order_relaxed) !=
               recording.connection_mark;
}

FlowCondition condition_of(const hook::Rests& rests, const Recording& recording) noexcept {
    FlowCondition condition;
    if (rests.mask.mac != 0) {
        condition.asks_mac = true;
        condition.mac = rests.value.mac;
    }
    if (rests.mask.connection_mark != 0 || recording.marks_connection) {
        condition.asks_connection_mark = true;
        condition.connection_mark = recording.connection_mark;
    }
    condition.tcp_mask = static_cast<std::uint8_t>(rests.mask.tcp_flags & ~shape_flags);
    condition.tcp_flags = rests.value.tcp_flags & condition.tcp_mask;
    return condition;
}

/// Bits that once set stay set: what rests on one that is not may be otherwise soon.
bool rests_on_future(const hook::Rests& rests, std::uint16_t status) noexcept {
    using Bits = hook::ConntrackStatus;
    const auto open = [&](std::uint8_t bit, std::uint16_t of) {
        return (rests.mask.status & bit) && !(status & of);
    };
    return open(Bits::seen_reply, FlowStatus::seen_reply) || open(Bits::assured, FlowStatus::assured) ||
           open(Bits::confirmed, FlowStatus::confirmed);
}

/// The first packet is asked about before it is known what its connection becomes.
bool rests_on_translation(const hook::Rests& rests, std::uint16_t before, std::uint16_t now) noexcept {
    using Bits = hook::ConnectionStatus;
    return rests.mask.status & (Bits::source_nat | Bits::destination_nat) && (before ^ now) & nat_mask;
}

}  // namespace

void begin_recording(const Packet& packet, Context& context) noexcept {
    Recording& recording = context.hooks->recording;
    recording.path.clear();
    context.hooks->trail.rests = {};
    recording.marks_connection = false;
    recording.usable = context.hooks->datagram.count == 0 && !was_handed_over(packet) &&
                       packet.meta.mark == 0 && packet.meta.iif == packet.meta.port_iif;
}

void record_connection(const Packet& packet, Context& context) noexcept {
    Recording& recording = context.hooks->recording;
    if (!has_connection(packet)) {
        recording.usable = false;
        return;
    }
    FlowTracker& tracker = *context.filtering->tracker;
    recording.connection_mark = tracker.mark(packet.meta.connection_index).load(std::memory_order_relaxed);
    recording.status = tracker.state_of(packet.meta.connection_index).status.load(std::memory_order_relaxed);
}

void remember(Packet& packet, Context& context) noexcept {
    HookWork& work = *context.hooks;
    const Recording& recording = work.recording;
    const hook::Rests& rests = work.trail.rests;
    if (!recording.usable || !has_connection(packet) || !rests.may_be_kept() || rests.reasons & Rest::sets)
        return;
    const bool v6 = is_ipv6(packet);
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const FlowState& state = tracker.state_of(ref);
    FlowDirection& way = tracker.table().direction_of(ref);
    const FlowKind kind = way.kind_now();
    const CtInfo info = connection_info(packet);
    const Hop& hop = (*context.hops)[packet.meta.hop];
    if (state.version() != packet.meta.connection_version || state.owner() != context.worker ||
        !state.has(FlowStatus::confirmed) || state.has(FlowStatus::helper) || kind.zone != 0 ||
        kind.flags & FlowKind::hinted || info == CtInfo::related || info == CtInfo::related_reply ||
        !is_of_kind(packet, kind.protocol, context) || rests_on_future(rests, recording.status) ||
        rests_on_translation(rests, recording.status, state.status.load(std::memory_order_relaxed)) ||
        hop.kind != HopKind::neighbour || hop.interface == packet.meta.iif ||
        routes_by_tos(v6, *context.routing) || changes_connection_mark(packet, recording, tracker) ||
        (v6 && routes_by_label(packet, context)))
        return;
    const std::uint32_t path =
        work.paths.intern(recording.path, v6, packet.meta.mark, rests.reasons & Rest::routes);
    if (path == FlowPaths::none) return;
    const std::uint16_t condition = work.paths.intern(condition_of(rests, recording));
    if (condition == FlowPaths::most_conditions) return;
    way.hop.store(packet.meta.hop, std::memory_order_relaxed);
    way.oif = hop.interface;
    way.iif = packet.meta.iif;
    way.routes = work.routes;
    way.condition =
        static_cast<std::uint16_t>(condition | (info == CtInfo::fresh ? 0 : FlowDirection::answered));
    way.path = path;
}

}  // namespace weft
