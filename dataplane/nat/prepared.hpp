// Translation of packets whose outcome is known: what confirm() left in the entry, both sides at once.
//
// IPv4 keeps it in the line of the packet's own direction: the tuple as it leaves, and what that adds to the
// sums of the headers. IPv6, whose tuple fills the line, reads the other direction's.
#pragma once

#include "dataplane/nat/side.hpp"
#include "weft/net/checksum.hpp"
#include "weft/packet.hpp"

namespace weft {

/// Of an entry that is translated, by its owner, before packets follow it.
void prepare_translation(FlowEntry&) noexcept;

namespace nat_detail {

/// `l3`: what the addresses add; `all`: ports, too.
inline void write_transport(std::byte* l4, std::uint8_t protocol, be16 source, be16 destination, be16 l3,
                            be16 all, ChecksumState state) noexcept {
    std::memcpy(l4, &source, sizeof source);
    std::memcpy(l4 + sizeof source, &destination, sizeof destination);
    std::byte* const at =
        l4 + (protocol == ip_protocol::tcp ? offsetof(TcpHeader, checksum) : offsetof(UdpHeader, checksum));
    be16 field;
    std::memcpy(&field, at, sizeof field);
    if (state == ChecksumState::unfinished) [[unlikely]] {
        InternetSum sum{field};
        sum.add(l3);
        field = sum.sum();
    } else if (protocol == ip_protocol::tcp || field.raw() != 0) {
        field = add_change(field, all);
        if (field.raw() == 0 && protocol == ip_protocol::udp) field = be16{0xffff};
    }
    std::memcpy(at, &field, sizeof field);
}

}  // namespace nat_detail

/// A TCP or UDP packet of this direction, as it leaves; TTL is the caller's. `other`: the direction against
/// it.
inline void write_translation(Ipv4Header& ip, std::byte* l4, const FlowDirection& way, const FlowDirection&,
                              ChecksumState state) noexcept {
    const FlowTuples4& to = way.v4;
    ip.checksum = add_change(ip.checksum, be16::from_raw(to.l3_delta));
    ip.source = to.translated.source;
    ip.destination = to.translated.destination;
    nat_detail::write_transport(l4, ip.protocol, to.translated.source_port, to.translated.destination_port,
                                be16::from_raw(to.l3_delta), be16::from_raw(to.l4_delta), state);
}
inline void write_translation(Ipv6Header& ip, std::byte* l4, const FlowDirection& way,
                              const FlowDirection& other, ChecksumState state) noexcept {
    const Tuple6 &from = way.v6, &back = other.v6;
    InternetSum change;
    replace_address(change, from.source, back.destination);
    replace_address(change, from.destination, back.source);
    const be16 l3 = change.sum();
    change.subtract(from.source_port);
    change.subtract(from.destination_port);
    change.add(back.destination_port);
    change.add(back.source_port);
    ip.source = back.destination;
    ip.destination = back.source;
    nat_detail::write_transport(l4, ip.next_header, back.destination_port, back.source_port, l3, change.sum(),
                                state);
}

}  // namespace weft
