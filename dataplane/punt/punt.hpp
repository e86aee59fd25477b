// punt: a frame for the kernel goes into the bounded queue of its class; the TAP thread writes it to the TAP.
//   reads   iif, punt_class
//   writes  nothing
//   to      the TAP thread
//   tables  Interface
//   Linux   netif_receive_skb of the interface that is weft's here
#pragma once

#include "dataplane/context.hpp"

namespace weft {

struct Punt {
    static constexpr StageId id = StageId::punt;
    struct Prepared {};

    static void prepare(Packet&, Prepared&, Context&) noexcept {}

    static Verdict decide(Packet& packet, const Prepared&, Context& context) noexcept {
        if (!context.punt) return Verdict::drop(DropReason::punt_no_kernel);
        if (context.topology->interface(packet.meta.iif).kernel_takes) [[unlikely]] {
            Packet::free(&packet);
            return Verdict::consumed();
        }
        const PuntClass which = packet.meta.punt_class;
        if (!context.punt_limits->allow(packet.meta.iif, which,
                                        context.routing->punt_rates[static_cast<std::size_t>(which)],
                                        context.now_us))
            return Verdict::drop(DropReason::punt_policed);
        Packet* one = &packet;
        if (context.punt->by_class[static_cast<std::size_t>(which)].enqueue(&one, 1) == 0)
            return Verdict::drop(DropReason::punt_queue_full);
        context.punted = true;
        return Verdict::consumed();
    }
};
static_assert(Stage<Punt>);

}  // namespace weft
