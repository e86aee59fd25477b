// New addresses and ports in a packet, and checksums as they then are (nf_nat_manip_pkt of
// net/netfilter/nf_nat_proto.c): nothing else changes.
#pragma once

#include "dataplane/flow/parse.hpp"
#include "dataplane/nat/side.hpp"
#include "weft/packet.hpp"

namespace weft {

/// An end of a packet as it is to be: address, and port or identifier.
template <class Tuple>
struct NatEnd {
    decltype(Tuple::source) address;
    be16 port;
};
/// That side of a tuple.
template <class Tuple>
[[nodiscard]] NatEnd<Tuple> end_of(const Tuple& tuple, NatSide side, std::uint8_t protocol) noexcept {
    return {side == NatSide::source ? tuple.source : tuple.destination, port_of(tuple, side, protocol)};
}

/// Rewrites one side of the header, and of what follows it if `l4` is there, which must be writable. A
/// checksum that is `unfinished` stays so. UDP's stays 0 if it is.
void rewrite(Ipv4Header&, const L4View* l4, NatSide, const NatEnd<Tuple4>& to, ChecksumState) noexcept;
void rewrite(Ipv6Header&, const L4View* l4, NatSide, const NatEnd<Tuple6>& to, ChecksumState) noexcept;

}  // namespace weft
