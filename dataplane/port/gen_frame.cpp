#include "dataplane/port/gen_frame.hpp"

#include <algorithm>
#include <cstring>

#include "weft/net/checksum.hpp"
#include "weft/net/ip.hpp"

namespace weft::ports {

namespace {

constexpr std::uint16_t fcs_size = 4;
// 10.0.0.1 and up to 198.18.0.1 (RFC 2544 C.2.2), from port 1024 and up to discard.
constexpr std::uint32_t first_source = 0x0a000001, destination = 0xc6120001;
constexpr std::uint16_t first_port = 1024, port_count = 65536 - 1024, discard_port = 9;

std::uint64_t number(const MacAddress& mac) noexcept {
    std::uint64_t n = 0;
    for (const auto byte : mac.bytes)
        n = n << 8 | byte;
    return n;
}

void store(std::uint64_t n, MacAddress& mac) noexcept {
    const auto wire = __builtin_bswap64(n << 16);
    std::memcpy(mac.bytes.data(), &wire, 6);
}

}  // namespace

GenFrame::GenFrame(const GenConfig& config)
    : length_(static_cast<std::uint16_t>(config.size - fcs_size)),
      l3_(static_cast<std::uint16_t>(ethernet_header_size + (config.vid ? vlan_tag_size : 0))),
      source_(number(config.source)),
      destination_(number(config.destination)),
      tail_(length_ > sizeof(GenHead) ? length_ - sizeof(GenHead) : 0) {
    std::vector<std::uint8_t> frame(std::max<std::size_t>(length_, sizeof(GenHead)));
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(frame.data());
    ethernet = {config.destination, config.source, be16{ether_type::ipv4}};
    if (config.vid) {
        ethernet.type = be16{ether_type::vlan};
        const VlanTag inner{be16{config.vid}, be16{ether_type::ipv4}};  // TCI, then the type below the tag
        std::memcpy(&frame[ethernet_header_size], &inner, sizeof inner);
    }
    auto& ip = *reinterpret_cast<Ipv4Header*>(&frame[l3_]);
    const auto ip_length = static_cast<std::uint16_t>(length_ - l3_);
    ip.version_ihl = 0x45;
    ip.total_length = be16{ip_length};
    ip.ttl = 64;
    ip.protocol = ip_protocol::udp;
    ip.source = be32{first_source};
    ip.destination = be32{destination};
    ip.checksum = ipv4_checksum(ip);

    auto& udp = *reinterpret_cast<UdpHeader*>(&frame[l3_ + sizeof(Ipv4Header)]);
    const auto udp_length = static_cast<std::uint16_t>(ip_length - sizeof(Ipv4Header));
    udp.source_port = be16{first_port};
    udp.destination_port = be16{discard_port};
    udp.length = be16{udp_length};
    auto* payload = reinterpret_cast<std::uint8_t*>(&udp + 1);
    for (std::size_t i = 0; i < udp_length - sizeof(UdpHeader); ++i)
        payload[i] = static_cast<std::uint8_t>(i);
    auto sum = pseudo_header(ip, ip_protocol::udp, udp_length);
    sum.add(&udp, udp_length);
    udp.checksum = sum.checksum();

    std::memcpy(first_.bytes, frame.data(), sizeof first_.bytes);
    if (!tail_.empty()) std::memcpy(tail_.data(), &frame[sizeof(GenHead)], tail_.size());
    // Flow 0 goes the same way as the others, where a checksum of 0 becomes 0xffff.
    GenHead flow_0;
    head(0, flow_0);
    first_ = flow_0;
}

void GenFrame::head(std::uint32_t flow, GenHead& out) const noexcept {
    out = first_;
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(out.bytes);
    store(destination_ + flow, ethernet.destination);
    store(source_ + flow, ethernet.source);

    auto& ip = *reinterpret_cast<Ipv4Header*>(&out.bytes[l3_]);
    auto& udp = *reinterpret_cast<UdpHeader*>(&out.bytes[l3_ + sizeof(Ipv4Header)]);
    const be32 source{first_source + flow};
    const be16 port{static_cast<std::uint16_t>(first_port + flow % port_count)};
    ip.checksum = update_checksum(ip.checksum, ip.source, source);
    udp.checksum = update_checksum(update_checksum(udp.checksum, ip.source, source), udp.source_port, port);
    // RFC 768: a sum of zero is sent as all ones; zero would say that there is none.
    if (udp.checksum == be16{0}) udp.checksum = be16{0xffff};
    ip.source = source;
    udp.source_port = port;
}

}  // namespace weft::ports
