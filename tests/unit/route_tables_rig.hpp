// Routes told what the kernel would say, and what workers then find.
#pragma once

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "control/route/routes.hpp"
#include "tests/support/netlink_bytes.hpp"

namespace weft::test {

class RouteTablesTest : public testing::Test {
  protected:
    RouteTablesTest() {
        for (const int device : {lan, wan, other})
            link(device, IFF_UP);
        routes.set({.interfaces = {{lan, 1}, {wan, 2}}});
        settle();
    }
    void link(int device, std::uint32_t flags) {
        routes.link({.index = device,
                     .flags = flags,
                     .mtu = 1500,
                     .has_mac = true,
                     .mac = MacAddress{{2, 0, 0, 0, 1, static_cast<std::uint8_t>(device)}},
                     .name = "if" + std::to_string(device)},
                    true);
    }
    static KernelVia via(int device, const char* gateway = nullptr, std::uint16_t weight = 1) {
        KernelVia v{.interface = device, .weight = weight};
        if (!gateway) return v;
        v.has_gateway = true;
        v.gateway_v6 = std::strchr(gateway, ':');
        v.gateway = ip(gateway);
        return v;
    }
    static KernelRoute make(const char* prefix, unsigned length, std::vector<KernelVia> vias,
                            std::uint32_t table = RT_TABLE_MAIN, std::uint8_t type = RTN_UNICAST,
                            std::uint32_t priority = 0) {
        KernelRoute route;
        route.v6 = std::strchr(prefix, ':');
        route.length = static_cast<std::uint8_t>(length);
        route.destination = ip(prefix);
        route.table = table;
        route.type = type;
        route.priority = priority;
        route.vias = std::move(vias);
        return route;
    }
    void add(const KernelRoute& route, std::uint16_t flags = 0) {
        routes.route(route, true, flags);
        settle();
    }
    void del(const KernelRoute& route) {
        routes.route(route, false, 0);
        settle();
    }
    void neighbour(int device, const char* address, std::uint16_t state, bool there = true) {
        routes.neighbour({.interface = device,
                          .v6 = std::strchr(address, ':') != nullptr,
                          .state = state,
                          .has_mac = state != NUD_FAILED,
                          .address = ip(address),
                          .mac = MacAddress{{2, 0, 0, 0, 0, 9}}},
                         there);
        settle();
    }
    void settle() { routes.settle(); }

    HopIndex index(const char* address, std::size_t table = 0) {
        const auto& at = routing.get().tables.at(table);
        const auto bytes = ip(address).bytes;
        if (std::strchr(address, ':')) return at.v6 ? at.v6->find(bytes) : no_hop;
        return at.v4 ? at.v4->find({bytes[0], bytes[1], bytes[2], bytes[3]}) : no_hop;
    }
    const Hop& look(const char* address, std::size_t table = 0) { return hops[index(address, table)]; }
    /// How many buckets of a group each interface has.
    std::map<IfIndex, int> shares(HopIndex group) {
        std::map<IfIndex, int> count;
        for (std::uint32_t i = 0; i < 1u << hops[group].bucket_bits; ++i)
            ++count[hops[hops.bucket(hops[group].first_bucket + i)].interface];
        return count;
    }

    static constexpr int lan = 11, wan = 12, other = 13;
    HopTable hops;
    Published<Routing> routing;
    Quiescence quiescence{1};
    std::vector<std::string> said;
    std::vector<std::pair<IpAddress, NeighbourState>> outcomes;
    Routes routes{
        {.hops = hops,
         .routing = routing,
         .quiescence = quiescence,
         .log = [this](const std::string& line) { said.push_back(line); },
         .on_neighbour = [this](const NextHop& to,
                                NeighbourState state) { outcomes.emplace_back(to.address, state); }}};
};

}  // namespace weft::test
