// What the tests of ports share: frames, bursts, and checks of what is in them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/open.hpp"
#include "tests/packet/environment.hpp"
#include "tests/support/mbuf.hpp"
#include "weft/net/checksum.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"

namespace weft::test::port {

using Bytes = std::vector<std::uint8_t>;

/// Bytes of a frame in one mbuf of the pool.
inline constexpr std::uint16_t packet_room = RTE_MBUF_DEFAULT_DATAROOM;

inline PortEnvironment environment(unsigned workers = 1) {
    return {pool(), -1, -1, workers};
}

/// The port, opened, or a failed test and null.
inline std::unique_ptr<Port> opened(Result<std::unique_ptr<Port>> result) {
    if (result) return *std::move(result);
    ADD_FAILURE() << result.error().message;
    return nullptr;
}

/// Packets of one burst; those still here at the end are freed.
struct Burst {
    Packet* packets[batch_size];
    std::uint16_t count = 0;
    ReceiveLoss loss;

    Burst() = default;
    Burst(const Burst&) = delete;
    Burst& operator=(const Burst&) = delete;
    ~Burst() {
        for (std::uint16_t i = 0; i < count; ++i)
            Packet::free(packets[i]);
    }
    Burst& receive(Port& port, std::uint16_t queue = 0, std::uint16_t n = batch_size) {
        for (std::uint16_t i = 0; i < count; ++i)
            Packet::free(packets[i]);
        count = port.receive(queue, packets, n, loss);
        return *this;
    }
    Packet& operator[](std::size_t i) { return *packets[i]; }
};

/// A packet from the pool, in segments of at most `segment` bytes, as a port without offload leaves it.
inline Packet* pooled(std::span<const std::uint8_t> frame, std::size_t segment = 1024) {
    rte_mbuf* first = nullptr;
    rte_mbuf** link = &first;
    for (std::size_t at = 0; at < frame.size(); at += segment) {
        rte_mbuf* m = rte_pktmbuf_alloc(pool());
        const auto n = std::min(segment, frame.size() - at);
        std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(n)), &frame[at], n);
        *link = m;
        link = &m->next;
        if (m != first) ++first->nb_segs;
    }
    first->pkt_len = static_cast<std::uint32_t>(frame.size());
    Packet* packet = Packet::from(first);
    packet->meta.tag_place = TagPlace::none;
    packet->meta.checksum = ChecksumState::unknown;
    packet->meta.gso_type = GsoType::none;
    packet->meta.gso_ecn = 0;
    return packet;
}

inline constexpr MacAddress mac_a{{0x02, 0, 0, 0, 0xaa, 1}}, mac_b{{0x02, 0, 0, 0, 0xbb, 2}};
inline constexpr std::uint16_t test_type = 0x88b5;  ///< IEEE 802 local experimental

/// mac_a to mac_b with `payload` bytes that count up.
inline Bytes plain_frame(std::size_t payload, std::uint16_t type = test_type) {
    Bytes frame(ethernet_header_size + payload);
    *reinterpret_cast<EthernetHeader*>(frame.data()) = {mac_b, mac_a, be16{type}};
    for (std::size_t i = 0; i < payload; ++i)
        frame[ethernet_header_size + i] = static_cast<std::uint8_t>(i);
    return frame;
}

/// The frame with a tag after its addresses.
inline Bytes tagged(const Bytes& frame, std::uint16_t tpid, std::uint16_t tci) {
    Bytes all = frame;
    const VlanTag tag{be16{tpid}, be16{tci}};
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&tag);
    all.insert(all.begin() + 12, bytes, bytes + sizeof tag);
    return all;
}

inline constexpr std::uint16_t test_l4 = ethernet_header_size + sizeof(Ipv4Header);

/// IPv4 with `payload` bytes behind a UDP or TCP header whose checksum field holds the pseudo-header sum.
inline Bytes unfinished_frame(std::uint8_t protocol, std::size_t payload, std::uint16_t source_port = 1234) {
    const bool tcp = protocol == ip_protocol::tcp;
    const auto l4_size = (tcp ? sizeof(TcpHeader) : sizeof(UdpHeader)) + payload;
    Bytes frame = plain_frame(sizeof(Ipv4Header) + l4_size, ether_type::ipv4);
    auto& ip = *reinterpret_cast<Ipv4Header*>(&frame[ethernet_header_size]);
    ip = {};
    ip.version_ihl = 0x45;
    ip.total_length = be16{static_cast<std::uint16_t>(sizeof(Ipv4Header) + l4_size)};
    ip.ttl = 64;
    ip.protocol = protocol;
    ip.source = be32{0x0a000001};
    ip.destination = be32{0x0a000002};
    ip.checksum = ipv4_checksum(ip);
    const auto sum = pseudo_header(ip, protocol, static_cast<std::uint32_t>(l4_size)).sum();
    if (tcp) {
        auto& header = *reinterpret_cast<TcpHeader*>(&frame[test_l4]);
        header = {be16{source_port}, be16{80}, be32{1}, be32{1}, 0x50, 0x10, be16{1000}, sum, be16{0}};
    } else {
        auto& header = *reinterpret_cast<UdpHeader*>(&frame[test_l4]);
        header = {be16{source_port}, be16{53}, be16{static_cast<std::uint16_t>(l4_size)}, sum};
    }
    return frame;
}

/// The value of a named statistic; a failed test if there is none.
inline std::uint64_t statistic(Port& port, const std::string& name) {
    for (const auto& [known, value] : port.statistics())
        if (known == name) return value;
    ADD_FAILURE() << "no statistic " << name;
    return 0;
}

}  // namespace weft::test::port
