#include "dataplane/ingress/enter.hpp"

#include "dataplane/observe/observer.hpp"

namespace weft {

Verdict enter_sub_interface(Packet& packet, const Interface& sub, Context& context) noexcept {
    auto& counters = (*context.counters)[sub.index];
    if (!sub.up) {
        packet.meta.iif = sub.index;
        return Verdict::drop(DropReason::ingress_interface_down);
    }
    if (++packet.meta.hops > max_hops) return Verdict::drop(DropReason::ingress_too_many_hops);
    if (!pop_tag(packet)) return Verdict::drop(DropReason::ingress_truncated_tag);
    counters.received.add(1, packet.length());
    if (context.observer) context.observer->passes(packet, sub.index, Seen::received, context);
    if (packet.ethernet().destination.is_group()) counters.multicast.add(1);
    return enter(packet, sub, context);
}

}  // namespace weft
