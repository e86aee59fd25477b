#include "control/publish/flow/port_blocks.hpp"

#include <algorithm>

#include "weft/hook/port_block.hpp"

namespace weft {

namespace {

/// A translated host and its outside end, in host byte order.
struct Mapping {
    std::uint32_t inside, outside;
    std::uint16_t port;
};

/// Some of these blocks give the port to this host, or to another one.
bool is_own(const std::vector<hook::NatTarget>& all, const Mapping& of) {
    return std::any_of(all.begin(), all.end(), [&](const hook::NatTarget& nat) {
        return hook::PortBlocks(nat).owner(of.outside, of.port) == of.inside;
    });
}
bool is_anothers(const std::vector<hook::NatTarget>& all, const Mapping& of) {
    return std::any_of(all.begin(), all.end(), [&](const hook::NatTarget& nat) {
        const auto owner = hook::PortBlocks(nat).owner(of.outside, of.port);
        return owner && *owner != of.inside;
    });
}

bool loses_its_port(const FlowView& flow, const hook::PortBlockChange& change) {
    const Tuple4 &original = flow.tuple4[0], &reply = flow.tuple4[1];
    // Of a query the identifier is the port.
    const bool query = ip_protocol::is_icmp(flow.kind.protocol);
    if (flow.status & FlowStatus::src_nat) {
        const Mapping own{original.source.host(), reply.destination.host(),
                          (query ? reply.source_port : reply.destination_port).host()};
        const bool ended = is_own(change.ended, own);
        // Of a helper's, data connections would still be given ports of the block as it was.
        if (ended && flow.status & FlowStatus::helper) return true;
        if ((ended || is_anothers(change.begun, own)) && !is_own(change.now, own)) return true;
    }
    // Begun from outside, by the outside port of an endpoint independent source.
    if (flow.status & FlowStatus::inward) {
        const Mapping met{reply.source.host(), original.destination.host(),
                          (query ? original.source_port : original.destination_port).host()};
        return is_own(change.ended, met) && !is_own(change.now, met);
    }
    return false;
}

}  // namespace

std::size_t end_outside_blocks(FlowTracker& tracker, const hook::PortBlockChange& change, FlowTime now) {
    if (change.ended.empty() && change.begun.empty()) return 0;
    std::size_t ended = 0;
    static_cast<void>(tracker.walk(0, ~0u, now, [&](const FlowView& flow) {
        const bool has_ports =
            ip_protocol::has_ports(flow.kind.protocol) || ip_protocol::is_icmp(flow.kind.protocol);
        if (flow.kind.flags & FlowKind::ipv6 || !has_ports) return;
        if (loses_its_port(flow, change)) ended += tracker.remove(flow);
    }));
    return ended;
}

}  // namespace weft
