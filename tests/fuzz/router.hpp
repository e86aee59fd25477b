// A router of two ports for fuzzers: any packet in, what is sent is checked, every mbuf has to come back.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/worker/worker.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "weft/net/checksum.hpp"
#include "weft/port.hpp"

namespace weft::fuzz {

struct Setting {
    static constexpr std::uint8_t v6 = 1, small_mtu = 2, rp_filter = 4, group = 8, source_route = 16,
                                  unresolved = 32, own_ethernet = 64;
};
inline constexpr IfIndex in = 1, out = 2;
inline constexpr MacAddress own[] = {{}, {{2, 0xff, 0, 0, 0, 1}}, {{2, 0xff, 0, 0, 0, 2}}},
                            neighbour{{2, 0, 0, 0, 0, 0xb}};
inline constexpr std::uint16_t small_mtu = 300;

/// Gives one packet, keeps what is sent.
class Wire final : public Port {
  public:
    std::uint16_t receive(std::uint16_t, Packet* to[], std::uint16_t, ReceiveLoss&) noexcept override {
        if (!waiting) return 0;
        to[0] = std::exchange(waiting, nullptr);
        return 1;
    }
    std::uint16_t transmit(std::uint16_t, Packet* from[], std::uint16_t n, TransmitLoss&) noexcept override {
        sent.insert(sent.end(), from, from + n);
        return n;
    }
    PortInfo info() override {
        PortInfo info;
        info.link_up = true;
        return info;
    }
    Result<> set_up(bool) override { return {}; }
    Result<> set_mtu(std::uint16_t) override { return {}; }
    Result<> set_mac(const MacAddress&) override { return {}; }
    std::vector<std::pair<std::string, std::uint64_t>> statistics() override { return {}; }

    Packet* waiting = nullptr;
    std::vector<Packet*> sent;
};

/// Made once: the tables are large.
struct Router {
    test::HeapPool pool;
    Shared shared{{0}, pool.get(), 64, 1, 2};
    Worker worker{shared, 0};
    std::array<Wire, 3> wires;
    std::uint64_t now_us = 1'000'000;

    Router() {
        auto topology = std::make_unique<Topology>();
        topology->interfaces.resize(3);
        topology->ports.resize(3);
        auto plan = std::make_unique<PollPlan>();
        for (const IfIndex i : {in, out}) {
            topology->interfaces[i] = {.index = i,
                                       .kind = InterfaceKind::port,
                                       .up = true,
                                       .carrier = true,
                                       .mac = own[i],
                                       .port = i,
                                       .has_tap = true,
                                       .offloads = Offload::multi_segment};
            topology->ports[i] = {.port = &wires[i], .interface = i};
            plan->queues.push_back({&wires[i], 0, i});
        }
        shared.topology.replace(std::move(topology), shared.quiescence);
        shared.workers[0]->plan.replace(std::move(plan), shared.quiescence);
    }

    /// Everything by a neighbour on `out`, but 10.0.0.0/8 and fd00::/8, which are on `in`.
    void set(std::uint8_t settings) {
        static std::shared_ptr<Lpm4> v4 = std::make_shared<Lpm4>(64);
        static std::shared_ptr<Lpm6> v6 = std::make_shared<Lpm6>(64);
        const bool unresolved = settings & Setting::unresolved;
        for (const IfIndex i : {in, out}) {
            Hop& hop = shared.hops[i];
            hop.kind = unresolved && i == out ? HopKind::connected : HopKind::neighbour;
            hop.interface = i;
            hop.mtu = settings & Setting::small_mtu ? small_mtu : std::uint16_t{0};
            hop.source = {{10, 0, 0, 1}};
            hop.neighbour = Hop::pack(neighbour, NeighbourState::resolved);
            hop.own = own[i].raw();
        }
        shared.hops[3].kind = HopKind::local;
        require(v4->add({}, 0, out) && v4->add({10}, 8, in) && v4->add({10, 0, 0, 1}, 32, 3), "routes fit");
        require(v6->add({}, 0, out) && v6->add({0xfd}, 8, in), "routes fit");
        auto routing = std::make_unique<Routing>();
        routing->tables[0] = {v4, v6};
        routing->interfaces.resize(3);
        routing->interfaces[in].rp_filter = settings & Setting::rp_filter ? 1 : 0;
        routing->interfaces[in].accept_source_route = settings & Setting::source_route;
        routing->interfaces[in].link_local = {{0xfe, 0x80}};
        shared.routing.replace(std::move(routing), shared.quiescence);
    }
    void drain() {
        Packet* one = nullptr;
        for (auto& ring : shared.workers[0]->punt.by_class)
            while (ring.dequeue(&one, 1) == 1)
                Packet::free(one);
        for (Wire& wire : wires) {
            for (Packet* packet : wire.sent)
                Packet::free(packet);
            wire.sent.clear();
        }
    }
};

inline void check_sent(const Packet& sent, IfIndex by, std::uint8_t settings) {
    const std::vector<std::uint8_t> bytes = test::bytes_of(sent);
    require(bytes.size() == sent.length() && bytes.size() >= ethernet_header_size + sizeof(Ipv4Header),
            "length");
    const bool v6 = bytes[12] == 0x86;
    if (!(settings & Setting::own_ethernet)) {
        require(std::equal(neighbour.bytes.begin(), neighbour.bytes.end(), bytes.begin()),
                "to the neighbour");
        require(std::equal(own[by].bytes.begin(), own[by].bytes.end(), bytes.begin() + 6), "from us");
    }
    const std::size_t mtu = settings & Setting::small_mtu ? small_mtu : 1500;
    if (v6) {
        require(bytes.size() - ethernet_header_size <= std::max<std::size_t>(mtu, 1280), "within the MTU");
        require(bytes.size() - ethernet_header_size == sizeof(Ipv6Header) + (bytes[18] << 8 | bytes[19]),
                "payload length");
        return;
    }
    require(bytes.size() - ethernet_header_size <= mtu, "within the MTU");
    const auto& ip = *reinterpret_cast<const Ipv4Header*>(bytes.data() + ethernet_header_size);
    require(ip.total_length.host() == bytes.size() - ethernet_header_size, "total length");
    require(ip.header_size() >= sizeof(Ipv4Header) && ip.header_size() <= ip.total_length.host(),
            "header length");
    InternetSum sum;
    sum.add(&ip, ip.header_size());
    require(sum.sum().raw() == 0xffff, "header checksum");
}

/// A packet as the port gives it, nobody having looked at its checksums.
inline Packet* arrived(Router& router, const std::vector<std::uint8_t>& frame,
                       const std::vector<std::size_t>& sizes) {
    Packet* packet = test::make_chain(router.pool.get(), frame, sizes);
    packet->meta.checksum = ChecksumState::unknown;
    packet->meta.gso_type = GsoType::none;
    packet->meta.tag_place = TagPlace::none;
    return packet;
}

/// The Ethernet header that a packet of a neighbour has.
inline std::vector<std::uint8_t> ethernet_to(const MacAddress& to, bool v6) {
    std::vector<std::uint8_t> frame(to.bytes.begin(), to.bytes.end());
    frame.insert(frame.end(), neighbour.bytes.begin(), neighbour.bytes.end());
    frame.insert(frame.end(), {std::uint8_t(v6 ? 0x86 : 0x08), std::uint8_t(v6 ? 0xdd : 0x00)});
    return frame;
}

}  // namespace weft::fuzz
