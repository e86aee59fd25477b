#include "dataplane/hook/layer4.hpp"

#include "dataplane/hook/whole.hpp"
#include "dataplane/route/datagram.hpp"
#include "dataplane/route/header.hpp"
#include "weft/net/checksum.hpp"
#include "weft/net/sctp.hpp"

namespace weft {

namespace {

/// Payload of all pieces; each but the last is of a multiple of eight bytes.
bool sums_to_nothing(InternetSum sum, Packet& packet, const L4View& l4, const Context& context) noexcept {
    const auto at = static_cast<std::uint32_t>(l4.data - packet.data());
    const Datagram& datagram = context.hooks->datagram;
    add_chain(sum, &packet, at, packet.length() - at);
    for (unsigned i = 1; i < datagram.count; ++i)
        add_chain(sum, datagram.pieces[i], payload_at(*datagram.pieces[i]), ~0U);
    return sum.checksum().raw() == 0;
}

/// Of all pieces; the header is there.
std::array<std::uint8_t, 4> crc_of(Packet& packet, const L4View& l4, const Context& context) noexcept {
    SctpHeader header;
    std::memcpy(&header, l4.data, sizeof header);
    Crc32c crc = begin_sctp_checksum(header);
    const auto at = static_cast<std::uint32_t>(l4.data - packet.data()) + std::uint32_t{sizeof header};
    const Datagram& datagram = context.hooks->datagram;
    crc.add_chain(&packet, at, packet.length() - at);
    for (unsigned i = 1; i < datagram.count; ++i)
        crc.add_chain(datagram.pieces[i], payload_at(*datagram.pieces[i]), ~0U);
    return crc.checksum();
}
/// Of a packet in one piece; the header is there.
std::array<std::uint8_t, 4> crc_of(const L4View& whole) noexcept {
    SctpHeader header;
    std::memcpy(&header, whole.data, sizeof header);
    Crc32c crc = begin_sctp_checksum(header);
    crc.add(whole.data + sizeof header, whole.length - std::uint32_t{sizeof header});
    return crc.checksum();
}

/// sctp_error.
bool has_right_crc(Packet& packet, const L4View& l4, const Context& context) noexcept {
    if (l4.length < sizeof(SctpHeader)) return true;  // conntrack finds it too short
    if (l4.head < sizeof(SctpHeader)) {
        const auto all = layer4_in(in_one_piece(packet, context), is_ipv6(packet));
        return !all || all->head < sizeof(SctpHeader) ||
               std::memcmp(all->data + offsetof(SctpHeader, checksum), crc_of(*all).data(), 4) == 0;
    }
    return std::memcmp(l4.data + offsetof(SctpHeader, checksum), crc_of(packet, l4, context).data(), 4) == 0;
}

}  // namespace

std::optional<L4View> layer4_of(Packet& packet, const Context& context) noexcept {
    const std::uint32_t head = packet.head_length() - std::uint32_t{packet.meta.l3_offset};
    auto l4 = is_ipv6(packet) ? find_l4(ipv6(packet), head) : find_l4(ipv4(packet), head);
    if (l4) {
        const auto at = static_cast<std::uint32_t>(l4->data - packet.data()) - packet.meta.l3_offset;
        l4->length = whole_length(packet, context) - at;
    }
    return l4;
}

std::optional<L4View> layer4_in(const FlowPacket& packet, bool v6) noexcept {
    return v6 ? find_l4(*reinterpret_cast<const Ipv6Header*>(packet.ip), packet.head)
              : find_l4(*reinterpret_cast<const Ipv4Header*>(packet.ip), packet.head);
}

bool has_right_sum(Packet& packet, const L4View& l4, const Context& context) noexcept {
    if (packet.meta.checksum != ChecksumState::unknown) return true;
    const bool v6 = is_ipv6(packet);
    const auto with_addresses = [&] {
        return v6 ? pseudo_header(ipv6(packet), l4.protocol, l4.length)
                  : pseudo_header(ipv4(packet), l4.protocol, l4.length);
    };
    switch (l4.protocol) {
        case ip_protocol::tcp:
            return sums_to_nothing(with_addresses(), packet, l4, context);
        case ip_protocol::udp: {
            constexpr std::size_t of_field = 6;
            if (l4.head < sizeof(UdpHeader)) return true;
            be16 field;
            std::memcpy(&field, l4.data + of_field, sizeof field);
            if (field.raw() == 0) return true;  // RFC 768: none; as udp_error also over IPv6
            return sums_to_nothing(with_addresses(), packet, l4, context);
        }
        case ip_protocol::icmp:
            return v6 || sums_to_nothing({}, packet, l4, context);
        case ip_protocol::icmpv6:
            return !v6 || sums_to_nothing(with_addresses(), packet, l4, context);
        case ip_protocol::sctp:
            return has_right_crc(packet, l4, context);
        default:
            return true;
    }
}

void renew_crc(Packet& packet, const L4View& l4, const Context& context) noexcept {
    if (l4.head < sizeof(SctpHeader) || packet.meta.checksum == ChecksumState::unfinished) return;
    const auto crc = crc_of(packet, l4, context);
    std::memcpy(const_cast<std::byte*>(l4.data) + offsetof(SctpHeader, checksum), crc.data(), crc.size());
}

void renew_crc(const L4View& whole) noexcept {
    if (whole.head < sizeof(SctpHeader) || whole.head != whole.length) return;
    const auto crc = crc_of(whole);
    std::memcpy(const_cast<std::byte*>(whole.data) + offsetof(SctpHeader, checksum), crc.data(), crc.size());
}

bool may_answer(Packet& packet, const L4View& l4, const Context& context) noexcept {
    constexpr std::uint8_t esp = 50;
    switch (l4.protocol) {
        case ip_protocol::tcp:
        case ip_protocol::udp:
            return has_right_sum(packet, l4, context);
        case ip_protocol::gre:
        case esp:
        case ip_protocol::authentication:
        case ip_protocol::sctp:
        case ip_protocol::dccp:
        case ip_protocol::udplite:
            return true;
        default:
            break;
    }
    if (packet.meta.checksum != ChecksumState::unknown) return true;
    if (is_ipv6(packet))
        return sums_to_nothing(pseudo_header(ipv6(packet), l4.protocol, l4.length), packet, l4, context);
    InternetSum sum;
    constexpr be16 header{0xffff};  // what IPv4's sums to
    sum.add(&header, sizeof header);
    return sums_to_nothing(sum, packet, l4, context);
}

}  // namespace weft
