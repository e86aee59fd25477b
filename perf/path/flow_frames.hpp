// The frames of benchmarks that route: a flow by its number.
#pragma once

#include <cstdint>
#include <cstring>

#include "weft/lpm.hpp"
#include "weft/net/checksum.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"

namespace weft::perf {

/// Of the interface that they come to.
inline constexpr MacAddress own_in{{0x02, 0, 0, 0, 1, 1}};

/// In the second half the flows of the first, from its middle on.
inline std::uint32_t same_flow(std::uint32_t flow, std::uint32_t flows) {
    const std::uint32_t half = flows / 2;
    return flow < half ? flow : (flow - half + half / 2) % half;
}

/// The head of a frame to `destination`, IPv4 or IPv6, length and checksum right.
template <unsigned bytes>
void write_head(std::byte* head, const typename Lpm<bytes>::Key& destination, std::uint32_t flow,
                std::uint16_t size) {
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(head);
    ethernet.destination = own_in;
    const auto l3 = static_cast<std::uint16_t>(size - 4 - ethernet_header_size);
    if constexpr (bytes == 4) {
        auto& ip = *reinterpret_cast<Ipv4Header*>(head + ethernet_header_size);
        ip.source = be32{0x0a40'0000 + flow};
        std::memcpy(static_cast<void*>(&ip.destination), destination.data(), 4);
        ip.checksum = be16{0};
        ip.checksum = ipv4_checksum(ip);
    } else {
        ethernet.type = be16{ether_type::ipv6};
        auto& ip = *reinterpret_cast<Ipv6Header*>(head + ethernet_header_size);
        ip.version_class_flow = be32{0x60000000};
        ip.payload_length = be16{static_cast<std::uint16_t>(l3 - sizeof ip)};
        ip.next_header = ip_protocol::udp;
        ip.hop_limit = 64;
        ip.source = {0x20, 1, 0xd, 0xb8};
        std::memcpy(ip.source.data() + 12, &flow, sizeof flow);
        ip.destination = destination;
    }
}

/// Ports that tell flows apart, and of TCP a segment that acknowledges.
template <class Header>
void write_transport(std::byte* head, std::uint32_t flow, std::uint16_t length) {
    auto& ip = *reinterpret_cast<Header*>(head + ethernet_header_size);
    std::byte* const l4 = head + ethernet_header_size + sizeof(Header);
    if (flow % 2 == 0) {
        auto& udp = *reinterpret_cast<UdpHeader*>(l4);
        udp = {be16{static_cast<std::uint16_t>(1024 + flow % 50000)}, be16{4500}, be16{length}, be16{0}};
        return;
    }
    auto& tcp = *reinterpret_cast<TcpHeader*>(l4);
    tcp = {};
    tcp.source_port = be16{static_cast<std::uint16_t>(1024 + flow % 50000)};
    tcp.destination_port = be16{443};
    tcp.data_offset = 5 << 4;
    tcp.flags = 0x10;
    tcp.window = be16{8192};
    if constexpr (sizeof(Header) == sizeof(Ipv4Header)) {
        ip.protocol = ip_protocol::tcp;
        ip.checksum = be16{0};
        ip.checksum = ipv4_checksum(ip);
    } else {
        ip.next_header = ip_protocol::tcp;
    }
}

/// Calls write(head) with the first 60 bytes as they are without a tag, and puts the tag back.
template <class Write>
void beside_tag(std::byte* head, const Write& write) {
    constexpr std::size_t addresses = 2 * sizeof(MacAddress), rest = 64 - addresses - vlan_tag_size;
    std::byte plain[64];
    std::memcpy(plain, head, addresses);
    std::memcpy(plain + addresses, head + addresses + vlan_tag_size, rest);
    write(plain);
    std::memcpy(head, plain, addresses);
    std::memcpy(head + addresses + vlan_tag_size, plain + addresses, rest);
}

}  // namespace weft::perf
