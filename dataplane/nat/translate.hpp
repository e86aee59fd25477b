// A packet of a connection that is translated, at one hook: nf_nat_packet, and of ICMP errors
// nf_nat_icmp_reply_translation (net/netfilter/nf_nat_core.c, nf_nat_proto.c).
//
//   PREROUTING, OUTPUT   destinations: what DNAT chose, or in replies the source before SNAT
//   POSTROUTING, INPUT   sources: what SNAT chose, or in replies the destination before DNAT
#pragma once

#include "dataplane/nat/bind.hpp"

namespace weft {

/// An ICMP error that belongs to a connection by what it quotes.
[[nodiscard]] bool is_error_about(Packet&, const Context&) noexcept;

/// Rewrites the packet, and its other fragments if it is gathered, on the side of the hook. How it ends, or
/// nothing: GRE that Linux cannot translate is dropped.
[[nodiscard]] PacketEnd translate(Packet&, NatSide, Context&) noexcept;
/// The same of an error, and of what it quotes: redirects are dropped, too.
[[nodiscard]] PacketEnd translate_error(Packet&, NatSide, Context&) noexcept;

}  // namespace weft
