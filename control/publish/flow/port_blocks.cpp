#include "control/publish/flow/port_blocks.hpp"

#include <algorithm>
#include <optional>

#include "weft/hook/port_block.hpp"

namespace weft {

namespace {

/// A translated host and its outside end, in host byte order.
struct Mapping {
    std::uint32_t inside, outside;
    std::uint16_t port;
};

/// That which has the port and is this host's, if one is.
std::optional<hook::PortBlock> own_block(const std::vector<hook::NatTarget>& all, const Mapping& of) {
    for (const hook::NatTarget& nat : all)
        if (const hook::PortBlocks blocks(nat); blocks.owner(of.outside, of.port) == of.inside)
            return blocks.of(of.inside);
    return std::nullopt;
}
/// One of them gives the port to another host.
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
        const auto was = own_block(change.ended, own);
        if (was || is_anothers(change.begun, own)) {
            const auto is = own_block(change.now, own);
            // Data connections of a helper's would still be given ports of the block as it was.
            const bool moved = was && is && *was != *is && flow.status & FlowStatus::helper;
            if (!is || moved) return true;
        }
    }
    // Begun from outside, by the outside port of an endpoint independent source.
    if (flow.status & FlowStatus::inward) {
        const Mapping met{reply.source.host(), original.destination.host(),
                          (query ? original.source_port : original.destination_port).host()};
        return own_block(change.ended, met) && !own_block(change.now, met);
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
