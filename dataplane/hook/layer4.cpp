#include "dataplane/hook/layer4.hpp"

#include "dataplane/route/header.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

bool sums_to_nothing(InternetSum sum, Packet& packet, const L4View& l4) noexcept {
    const auto at = static_cast<std::uint32_t>(l4.data - packet.data());
    add_chain(sum, &packet, at, l4.length);
    return sum.checksum().raw() == 0;
}

}  // namespace

std::optional<L4View> layer4_of(Packet& packet) noexcept {
    const std::uint32_t head = packet.head_length() - std::uint32_t{packet.meta.l3_offset};
    return is_ipv6(packet) ? find_l4(ipv6(packet), head) : find_l4(ipv4(packet), head);
}

bool has_right_sum(Packet& packet, const L4View& l4) noexcept {
    if (packet.meta.checksum != ChecksumState::unknown || l4.fragment) return true;
    const bool v6 = is_ipv6(packet);
    const auto with_addresses = [&] {
        return v6 ? pseudo_header(ipv6(packet), l4.protocol, l4.length)
                  : pseudo_header(ipv4(packet), l4.protocol, l4.length);
    };
    switch (l4.protocol) {
        case ip_protocol::tcp:
            return sums_to_nothing(with_addresses(), packet, l4);
        case ip_protocol::udp: {
            constexpr std::size_t of_field = 6;
            if (l4.head < sizeof(UdpHeader)) return true;
            be16 field;
            std::memcpy(&field, l4.data + of_field, sizeof field);
            if (field.raw() == 0) return true;  // RFC 768: none; as udp_error also over IPv6
            return sums_to_nothing(with_addresses(), packet, l4);
        }
        case ip_protocol::icmp:
            return v6 || sums_to_nothing({}, packet, l4);
        case ip_protocol::icmpv6:
            return !v6 || sums_to_nothing(with_addresses(), packet, l4);
        default:
            return true;
    }
}

}  // namespace weft
