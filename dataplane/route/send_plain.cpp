#include "dataplane/route/send_plain.hpp"

#include "dataplane/ingress/enter.hpp"
#include "dataplane/route/forward.hpp"

namespace weft {

bool may_leave_by_egress(Packet& packet, const Hop& hop, const Interface& out, bool entered,
                         Context& context) noexcept {
    if (!entered) {
        enter_metadata(packet, *context.receiving);
        packet.meta.tag_place = TagPlace::none;
    }
    packet.meta.l3_offset = ethernet_header_size;
    const bool sends = out.kind == InterfaceKind::port ? out.plain_mtu != 0 : out.kind != InterfaceKind::none;
    return sends && !exceeds_mtu(packet, mtu_of(hop, out));
}

Verdict leave_by_egress(Packet& packet, std::uint16_t size, bool v6, const Hop& hop, std::uint64_t neighbour,
                        const Interface& out, Context& context) noexcept {
    write_plain(packet, size, v6, hop, neighbour, context);
    packet.meta.oif = out.index;
    return Verdict::to(StageId::egress);
}

}  // namespace weft
