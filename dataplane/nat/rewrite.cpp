#include "dataplane/nat/rewrite.hpp"

#include "dataplane/flow/icmp.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

template <class T>
T load(const std::byte* at) noexcept {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}
template <class T>
void store(std::byte* at, T value) noexcept {
    std::memcpy(at, &value, sizeof value);
}

/// The transport header, with what its checksum covers beside it.
struct Transport {
    std::byte* at;
    std::uint32_t head;
    ChecksumState checksum;
    be16 addresses;  ///< change of the pseudo-header

    /// Of the field at `offset`, after `port` has changed, too.
    void update(std::size_t offset, be16 port_before, be16 port) const noexcept {
        const be16 field = load<be16>(at + offset);
        if (checksum == ChecksumState::unfinished) {
            InternetSum sum{field};
            sum.add(addresses);
            return store(at + offset, sum.sum());
        }
        InternetSum change;
        change.add(addresses);
        change.subtract(port_before);
        change.add(port);
        store(at + offset, add_change(field, change.sum()));
    }
    be16 set_port(std::size_t offset, be16 port) const noexcept {
        const be16 before = load<be16>(at + offset);
        store(at + offset, port);
        return before;
    }
};

void rewrite_udp(const Transport& udp, be16 before, be16 port, bool optional) noexcept {
    constexpr std::size_t field = offsetof(UdpHeader, checksum);
    constexpr be16 none{0}, negative_zero{0xffff};
    if (optional && load<be16>(udp.at + field) == none && udp.checksum != ChecksumState::unfinished) return;
    udp.update(field, before, port);
    if (udp.checksum != ChecksumState::unfinished && load<be16>(udp.at + field) == none)
        store(udp.at + field, negative_zero);
}

/// Queries have an identifier; all of ICMPv6 has the pseudo-header.
void rewrite_icmp(const Transport& icmp, bool v6, be16 identifier) noexcept {
    constexpr std::size_t field = 2, identifier_at = 4;
    const auto type = static_cast<std::uint8_t>(icmp.at[0]);
    const bool query = v6 ? inverse_icmpv6_type(type).has_value() : inverse_icmp_type(type).has_value();
    if (!query && !v6) return;
    const be16 now = query ? identifier : load<be16>(icmp.at + identifier_at);
    const be16 before = icmp.set_port(identifier_at, now);
    if (v6) return icmp.update(field, before, now);
    Transport alone = icmp;
    alone.addresses = be16{0};
    if (icmp.checksum != ChecksumState::unfinished) alone.update(field, before, now);
}

void rewrite_transport(const Transport& transport, std::uint8_t protocol, bool v6, NatSide side,
                       be16 port) noexcept {
    constexpr std::size_t dccp_checksum_at = 6, dccp_head = 12;
    if (ip_protocol::is_icmp(protocol)) {
        if (transport.head >= icmp_header_size && (protocol == ip_protocol::icmpv6) == v6)
            rewrite_icmp(transport, v6, port);
        return;
    }
    if (!ip_protocol::has_ports(protocol) || transport.head < icmp_header_size) return;
    const be16 before = transport.set_port(side == NatSide::source ? 0 : 2, port);
    switch (protocol) {
        case ip_protocol::tcp:
            // An ICMP error may quote the first eight bytes alone.
            if (transport.head >= sizeof(TcpHeader))
                transport.update(offsetof(TcpHeader, checksum), before, port);
            break;
        case ip_protocol::udp:
        case ip_protocol::udplite:
            rewrite_udp(transport, before, port, protocol == ip_protocol::udp);
            break;
        case ip_protocol::dccp:
            if (transport.head >= dccp_head) transport.update(dccp_checksum_at, before, port);
            break;
        default:
            break;
    }
}

template <class Header, class End>
be16 rewrite_address(Header& ip, NatSide side, const End& to) noexcept {
    auto& address = side == NatSide::source ? ip.source : ip.destination;
    InternetSum change;
    replace_address(change, address, to.address);
    address = to.address;
    return change.sum();
}

Transport transport_of(const L4View& l4, ChecksumState checksum, be16 change) noexcept {
    return {const_cast<std::byte*>(l4.data), l4.head, checksum, change};
}

}  // namespace

void rewrite(Ipv4Header& ip, const L4View* l4, NatSide side, const NatEnd<Tuple4>& to,
             ChecksumState checksum) noexcept {
    const be16 change = rewrite_address(ip, side, to);
    ip.checksum = add_change(ip.checksum, change);
    if (l4) rewrite_transport(transport_of(*l4, checksum, change), l4->protocol, false, side, to.port);
}
void rewrite(Ipv6Header& ip, const L4View* l4, NatSide side, const NatEnd<Tuple6>& to,
             ChecksumState checksum) noexcept {
    const be16 change = rewrite_address(ip, side, to);
    if (l4) rewrite_transport(transport_of(*l4, checksum, change), l4->protocol, true, side, to.port);
}

}  // namespace weft
