// A router of three ports for the batch path: packets that differ in little, routes and hops of every kind.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "tests/packet/rig.hpp"
#include "tests/support/ip_frame.hpp"

namespace weft::test {

inline constexpr const char* router_a = "02:ff:00:00:00:01";  // of port a, as Rig gives them
inline constexpr const char* router_b = "02:ff:00:00:00:02";
inline constexpr const char* peer = "02:00:00:00:00:bb";
inline const std::string two_ports =
    "port add a up type null\nport add b up type null\nport add c up type null\n";

/// What differs between packets of the tests; the rest is right.
struct IpPacket {
    bool v6 = false;
    std::uint8_t hops = 64;
    std::uint8_t protocol = ip_protocol::udp;
    std::vector<std::uint8_t> source = {192, 0, 2, 1}, destination = {198, 51, 100, 7};
    std::uint16_t source_port = 1000;
    std::size_t payload = 100;
    std::uint16_t fragment = 0;
    std::uint8_t tos = 0;
};
inline IpPacket v6_packet() {
    IpPacket p;
    p.v6 = true;
    p.source = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    p.destination = {0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    return p;
}
inline IpPacket packet_of(bool v6) {
    return v6 ? v6_packet() : IpPacket{};
}

inline Bytes frame_of(const IpPacket& p, const char* to = router_a, const char* from = host_a) {
    return Ip(p.source, p.destination)
        .ttl(p.hops)
        .tos(p.tos)
        .fragment((p.fragment & 0x1fffu) * 8, p.fragment & 0x2000)
        .payload(p.payload)
        .udp(p.source_port, 53)
        .protocol(p.protocol)
        .frame(from, to);
}

/// The same a hop further, by port b to the neighbour.
inline Bytes forwarded(IpPacket p) {
    --p.hops;
    return frame_of(p, peer, router_b);
}

/// Routes to everything of the tests by b's neighbour, and what else they need; changed before it is
/// published.
struct Tables {
    std::shared_ptr<Lpm4> v4 = std::make_shared<Lpm4>(64);
    std::shared_ptr<Lpm6> v6 = std::make_shared<Lpm6>(64);
    std::unique_ptr<Routing> routing = std::make_unique<Routing>();
    HopTable* hops;

    static constexpr HopIndex by_b = 1, local = 2, unresolved = 3, blackhole = 4, group = 5, back = 6,
                              small_mtu = 7, members = 16;

    Tables(HopTable& table, IfIndex a, IfIndex b) : hops(&table) {
        neighbour(by_b, b, peer, NeighbourState::resolved);
        neighbour(unresolved, b, peer, NeighbourState::unknown);
        neighbour(back, a, peer, NeighbourState::resolved);
        neighbour(small_mtu, b, peer, NeighbourState::resolved);
        table[small_mtu].mtu = 600;
        table[local].kind = HopKind::local;
        table[blackhole].kind = HopKind::blackhole;
        table[group].kind = HopKind::group;
        table.set_has_groups(true);
        table[group].bucket_bits = 3;
        table[group].first_bucket = 8;
        for (std::uint8_t k = 0; k < 8; ++k) {
            neighbour(members + k, b, peer, NeighbourState::resolved, k);
            table.bucket(8u + k).store(members + k);
        }
        route(0, by_b);
        routing->tables[0].v4 = v4;
        routing->tables[0].v6 = v6;
    }
    void neighbour(HopIndex at, IfIndex out, const char* mac, NeighbourState state, std::uint8_t last = 0) {
        Hop& hop = (*hops)[at];
        MacAddress to = *parse_mac(mac);
        to.bytes[5] = static_cast<std::uint8_t>(to.bytes[5] + last);
        hop.kind = HopKind::neighbour;
        hop.interface = out;
        hop.neighbour = Hop::pack(to, state);
        hop.own = parse_mac(router_b)->raw();
    }
    /// Of both families, of the tests' destinations.
    void route(unsigned length, HopIndex hop) {
        EXPECT_TRUE(v4->add({198, 51, 100, 7}, length, hop));
        EXPECT_TRUE(v6->add({0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, length, hop));
    }
};

class RoutedRig : public Rig {
  public:
    explicit RoutedRig(const RigOptions& options, const std::string& configuration = two_ports,
                       const std::function<void(Tables&)>& change = {})
        : Rig(configuration, options) {
        Tables tables(shared().hops, index("a"), index("b"));
        if (change) change(tables);
        while_offline([&] { shared().routing.replace(std::move(tables.routing), shared().quiescence); });
    }
    std::uint64_t packets_of(StageId stage) {
        std::uint64_t all = 0;
        for (const auto& worker : shared().workers)
            all += worker->stages[static_cast<std::size_t>(stage)].packets.get();
        return all;
    }
};

}  // namespace weft::test
