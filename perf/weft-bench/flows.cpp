#include "flows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>

namespace weft::bench {

namespace {

constexpr std::uint8_t source_mark[2] = {0x02, 0xbe}, destination_mark[2] = {0x02, 0xbf};

MacAddress station(const std::uint8_t (&mark)[2], std::uint32_t number) {
    MacAddress mac{{mark[0], mark[1]}};
    for (int i = 0; i < 4; ++i)
        mac.bytes[static_cast<std::size_t>(2 + i)] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return mac;
}

}  // namespace

Flows::Flows(const FlowConfig& config)
    : config_(config),
      l3_(static_cast<std::uint16_t>(config.vid ? 18 : 14)),
      l4_(static_cast<std::uint16_t>(l3_ + (config.ipv6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header)))),
      head_(static_cast<std::uint16_t>(l4_ + (config.tcp ? sizeof(TcpHeader) : sizeof(UdpHeader)))) {
    // About the golden section of it, so that neighbours in time are far apart.
    step_ = static_cast<std::uint32_t>(config.flows * 0.6180339887) | 1;
    while (std::gcd(step_, config.flows) != 1)
        ++step_;
}

std::uint16_t Flows::least_size(const FlowConfig& config) {
    FlowConfig any = config;
    any.flows = 1;
    return static_cast<std::uint16_t>(std::max<std::size_t>(Flows{any}.head_ + stamp_bytes + fcs_bytes, 64));
}

void Flows::write(std::byte* frame, std::uint32_t flow, std::uint64_t stamp) const {
    const std::uint16_t length = this->length();
    std::memset(frame + head_, 0, static_cast<std::size_t>(length - head_));
    std::memcpy(frame + length - stamp_bytes, &stamp, sizeof stamp);
    const std::uint32_t mac = config_.vary_mac ? flow : 0, ip = config_.vary_ip ? flow : 0;
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(frame);
    ethernet.destination = station(destination_mark, mac);
    ethernet.source = station(source_mark, mac);
    const be16 type{config_.ipv6 ? ether_type::ipv6 : ether_type::ipv4};
    if (config_.vid) {
        ethernet.type = be16{ether_type::vlan};
        const be16 tci{static_cast<std::uint16_t>(config_.vid + flow % config_.vlans)};
        std::memcpy(frame + 14, &tci, sizeof tci);
        std::memcpy(frame + 16, &type, sizeof type);
    } else {
        ethernet.type = type;
    }

    const auto l4_bytes = static_cast<std::uint16_t>(length - l4_);
    const std::uint8_t protocol = config_.tcp ? ip_protocol::tcp : ip_protocol::udp;
    InternetSum sum;
    if (config_.ipv6) {
        auto& header = *reinterpret_cast<Ipv6Header*>(frame + l3_);
        header = {be32{0x60000000}, be16{l4_bytes}, protocol, 64, {0xfd}, {0xfd}};
        header.source[1] = 1;
        header.destination[1] = 2;
        const be32 low{ip};
        std::memcpy(&header.source[12], &low, sizeof low);
        std::memcpy(&header.destination[12], &low, sizeof low);
        sum = pseudo_header(header, protocol, l4_bytes);
    } else {
        Ipv4Header header{};
        header.version_ihl = 0x45;
        header.total_length = be16{static_cast<std::uint16_t>(length - l3_)};
        header.ttl = 64;
        header.protocol = protocol;
        header.source = be32{0x0a000000u + ip % 0x1000000};
        header.destination = be32{0x0b000000u + ip % 0x1000000};
        header.checksum = ipv4_checksum(header);
        std::memcpy(frame + l3_, &header, sizeof header);
        sum = pseudo_header(header, protocol, l4_bytes);
    }
    const be16 port{static_cast<std::uint16_t>(config_.vary_port ? 1024 + flow % 64000 : 1024)};
    auto* l4 = frame + l4_;
    if (config_.tcp) {
        const TcpHeader header{port, be16{9}, be32{1}, be32{1}, 0x50, 0x10, be16{65535}, be16{0}, be16{0}};
        std::memcpy(l4, &header, sizeof header);
    } else {
        const UdpHeader header{port, be16{9}, be16{l4_bytes}, be16{0}};
        std::memcpy(l4, &header, sizeof header);
    }
    // The payload is zeros but for the stamp, at an even or odd place of the sum.
    sum.add(l4, static_cast<std::size_t>(head_ - l4_));
    const auto odd = static_cast<std::size_t>((length - stamp_bytes - l4_) % 2);
    std::array<std::byte, stamp_bytes + 2> tail{};
    std::memcpy(tail.data() + odd, &stamp, sizeof stamp);
    sum.add(tail.data(), tail.size());
    be16 checksum = sum.checksum();
    if (checksum == be16{0} && !config_.tcp) checksum = be16{0xffff};  // RFC 768: 0 would be "none"
    std::memcpy(l4 + (config_.tcp ? offsetof(TcpHeader, checksum) : offsetof(UdpHeader, checksum)), &checksum,
                sizeof checksum);
}

void Flows::announce(std::byte* frame, std::uint32_t flow) const {
    write(frame, flow, 0);
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(frame);
    ethernet.source = ethernet.destination;
    ethernet.destination.bytes.fill(0xff);
}

void Flows::answer(std::byte* frame) const {
    const auto swap = [frame](std::size_t at, std::size_t size) {
        std::swap_ranges(frame + at, frame + at + size, frame + at + size);
    };
    const std::size_t address = config_.ipv6 ? 16 : 4;
    swap(0, 6);
    swap(l4_ - 2 * address, address);
    swap(l4_, 2);
}

bool Flows::ours(const std::byte* frame, std::uint32_t length) const {
    return length == this->length() && std::memcmp(frame + 6, source_mark, sizeof source_mark) == 0 &&
           std::memcmp(frame, destination_mark, sizeof destination_mark) == 0;
}

std::uint64_t Flows::stamp(const std::byte* frame, std::uint32_t length) {
    std::uint64_t stamp;
    std::memcpy(&stamp, frame + length - stamp_bytes, sizeof stamp);
    return stamp;
}

}  // namespace weft::bench
