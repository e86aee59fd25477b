#include "dataplane/hook/packet.hpp"

#include <algorithm>

#include "weft/net/extension.hpp"

namespace weft::hook {

namespace {

/// What the match of the protocol asks for, or multiport.
std::uint32_t needed_header(Family family, std::uint8_t protocol) noexcept {
    if (protocol == ip_protocol::tcp) return sizeof(TcpHeader);
    if (protocol == ip_protocol::udp || protocol == ip_protocol::udplite) return sizeof(UdpHeader);
    if (protocol == (family == Family::ip ? ip_protocol::icmp : ip_protocol::icmpv6)) return 8;
    return ip_protocol::has_ports(protocol) ? 4 : 0;
}

void read_layer4(View& view) noexcept {
    view.has_ports = false;
    view.source_port = view.destination_port = 0;
    if (view.fragment != 0) {
        // xt_tcpudp.c: no fragment one unit into TCP, which would overwrite its flags
        view.layer4 = view.fragment == 1 && view.protocol == ip_protocol::tcp ? Layer4::odd : Layer4::absent;
        return;
    }
    if (view.layer4_length < needed_header(view.family, view.protocol)) {
        view.layer4 = Layer4::odd;
        return;
    }
    view.layer4 = Layer4::whole;
    if (!ip_protocol::has_ports(view.protocol)) return;
    view.has_ports = true;
    be16 ports[2];
    std::memcpy(ports, view.layer4_header, sizeof ports);
    view.source_port = ports[0].host();
    view.destination_port = ports[1].host();
}

bool read_ip4(View& view, const std::uint8_t* at, std::uint32_t readable) noexcept {
    Ipv4Header ip;
    if (readable < sizeof ip) return false;
    std::memcpy(&ip, at, sizeof ip);
    const std::uint32_t header = ip.header_size(), total = ip.total_length.host();
    if (ip.version_ihl >> 4 != 4 || header < sizeof ip || header > total || header > readable) return false;
    view.source = to_address(ip.source);
    view.destination = to_address(ip.destination);
    view.protocol = ip.protocol;
    view.ttl = ip.ttl;
    view.length = total;
    view.fragment = ip.fragment.host() & 0x1fff;
    view.layer4_header = at + header;
    view.layer4_length = std::min(total, readable) - header;
    view.headers_broken = false;
    return true;
}

/// As ipv6_find_hdr does with target -1: of a later fragment it is known what the first one's payload is.
void find_upper(View& view, const std::uint8_t* ip, std::uint32_t readable) noexcept {
    const Header6 found = find_header6(ip, readable);
    const std::uint32_t at = std::min(found.at, readable);
    view.headers_broken = found.end == Header6::End::cut_off;
    view.fragment = 0;
    view.protocol = found.type;
    if (found.end == Header6::End::later_fragment) {
        view.protocol = ip[at];
        view.headers_broken = is_extension6(view.protocol);
        if (!view.headers_broken) view.fragment = found.fragment & 0xfff8;
    }
    view.layer4_header = ip + at;
    view.layer4_length = readable - at;
}

bool read_ip6(View& view, const std::uint8_t* at, std::uint32_t readable) noexcept {
    Ipv6Header ip;
    if (readable < sizeof ip) return false;
    std::memcpy(&ip, at, sizeof ip);
    if (at[0] >> 4 != 6) return false;
    view.source.bytes = ip.source;
    view.destination.bytes = ip.destination;
    view.ttl = ip.hop_limit;
    view.length = ip.payload_length.host() + static_cast<std::uint32_t>(sizeof ip);
    find_upper(view, at, std::min(view.length, readable));
    return true;
}

}  // namespace

bool read_packet(View& view, Family family, const std::uint8_t* ip, std::uint32_t readable) noexcept {
    view.family = family;
    view.ip_header = ip;
    if (!(family == Family::ip ? read_ip4(view, ip, readable) : read_ip6(view, ip, readable))) return false;
    if (view.headers_broken)
        view.layer4 = Layer4::odd;
    else
        read_layer4(view);
    return true;
}

}  // namespace weft::hook
