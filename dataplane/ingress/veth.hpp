// A veth pair: what leaves by one end is received on the other, by the same worker and in the same buffer.
//   reads   length, destination, tag
//   writes  iif, hops, tag fields; all else, unfinished checksums and GSO too, goes along
//   to      the worker's veth ring; from there bridge_input, host, or a sub-interface of the peer
//   tables  Interface of both ends
//   Linux   veth_xmit, __dev_forward_skb (drivers/net/veth.c, net/core/dev.c)
//
// The ring between the two halves is netif_rx's backlog: pairs that form a loop multiply frames, and then a
// full ring (egress/backlog_full) and a bounded share of a round keep the worker's ports polled.
#pragma once

#include "dataplane/context.hpp"

namespace weft {

/// Leaves by the end `out`. What the peer would not take is dropped here, as veth_xmit counts it
/// (tx_dropped).
Verdict into_veth(Packet& packet, const Interface& out, Context& context) noexcept;

/// Receives what waits in the ring, up to a batch, each frame on the end meta.iif. Returns how many; the
/// stages are the caller's to run.
unsigned leave_veths(Context& context) noexcept;

}  // namespace weft
