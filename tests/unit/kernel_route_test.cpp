// Routes, next hops, neighbours and rules out of the bytes of rtnetlink(7) messages.
#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/nexthop.h>

#include "control/kernel/route_message.hpp"
#include "tests/support/netlink_bytes.hpp"

namespace weft::test {
namespace {

rtmsg route_header(std::uint8_t family, std::uint8_t length, std::uint8_t type = RTN_UNICAST) {
    rtmsg header{};
    header.rtm_family = family;
    header.rtm_dst_len = length;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_type = type;
    return header;
}

std::vector<std::byte> next_hop(int interface, std::uint8_t hops, const char* gateway,
                                std::uint8_t flags = 0) {
    rtnexthop header{};
    MessageBody body(header);
    body.put_ip(RTA_GATEWAY, gateway);
    auto bytes = body.vector();
    header.rtnh_len = static_cast<std::uint16_t>(bytes.size());
    header.rtnh_hops = hops;
    header.rtnh_flags = flags;
    header.rtnh_ifindex = interface;
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

TEST(KernelRoute, SaysAllOfAnIpv4Route) {
    const std::uint32_t mtu = 1400, table = 1000, priority = 20;
    std::vector<std::byte> nested(8);
    const nlattr header{8, RTAX_MTU};
    std::memcpy(nested.data(), &header, 4);
    std::memcpy(nested.data() + 4, &mtu, 4);
    MessageBody body(route_header(AF_INET, 24));
    body.put_ip(RTA_DST, "10.1.2.0").put_ip(RTA_GATEWAY, "10.0.0.1").put(RTA_OIF, 7);
    body.put(RTA_TABLE, table)
        .put(RTA_PRIORITY, priority)
        .put_ip(RTA_PREFSRC, "10.0.0.9")
        .put(RTA_METRICS, nested);
    KernelRoute route;
    ASSERT_TRUE(parse_route(body.bytes(), route));
    EXPECT_FALSE(route.v6);
    EXPECT_EQ(route.length, 24);
    EXPECT_EQ(route.destination, ip("10.1.2.0"));
    EXPECT_EQ(route.table, 1000u);
    EXPECT_EQ(route.priority, 20u);
    EXPECT_EQ(route.mtu(), 1400u);
    EXPECT_TRUE(route.has_preferred);
    EXPECT_EQ(route.preferred, ip("10.0.0.9"));
    ASSERT_EQ(route.vias.size(), 1u);
    EXPECT_EQ(route.vias[0].interface, 7);
    EXPECT_EQ(route.vias[0].gateway, ip("10.0.0.1"));
}

TEST(KernelRoute, AnEntryOfACacheIsAnAnswerAndNoRoute) {
    auto header = route_header(AF_INET, 32);
    header.rtm_flags = RTM_F_CLONED | 0x80000000u;
    MessageBody body(header);
    body.put_ip(RTA_DST, "224.0.0.1").put(RTA_OIF, 7);
    KernelRoute route;
    EXPECT_FALSE(parse_route(body.bytes(), route));
    ASSERT_TRUE(parse_route_answer(body.bytes(), route));
    EXPECT_EQ(route.destination, ip("224.0.0.1"));
    EXPECT_EQ(route.flags, RTM_F_CLONED | 0x80000000u);
}

TEST(KernelRoute, AGatewayOfTheOtherFamily) {
    MessageBody body(route_header(AF_INET, 0));
    std::vector<std::byte> via(18);
    const std::uint16_t family = AF_INET6;
    const auto address = ip("fe80::1");
    std::memcpy(via.data(), &family, 2);
    std::memcpy(via.data() + 2, address.bytes.data(), 16);
    body.put(RTA_VIA, via).put(RTA_OIF, 3);
    KernelRoute route;
    ASSERT_TRUE(parse_route(body.bytes(), route));
    ASSERT_EQ(route.vias.size(), 1u);
    EXPECT_TRUE(route.vias[0].gateway_v6);
    EXPECT_EQ(route.vias[0].gateway, address);
}

TEST(KernelRoute, NextHopsWithWeightsAndFlags) {
    auto hops = next_hop(3, 0, "10.0.0.1");
    const auto second = next_hop(4, 9, "10.0.1.1", RTNH_F_DEAD);
    hops.insert(hops.end(), second.begin(), second.end());
    MessageBody body(route_header(AF_INET, 8));
    body.put_ip(RTA_DST, "11.0.0.0").put(RTA_MULTIPATH, hops);
    KernelRoute route;
    ASSERT_TRUE(parse_route(body.bytes(), route));
    ASSERT_EQ(route.vias.size(), 2u);
    EXPECT_EQ(route.vias[0].weight, 1);
    EXPECT_EQ(route.vias[1].weight, 10);
    EXPECT_EQ(route.vias[1].interface, 4);
    EXPECT_EQ(route.vias[1].flags, RTNH_F_DEAD);
    EXPECT_EQ(route.vias[1].gateway, ip("10.0.1.1"));
}

TEST(KernelRoute, WhatIsCutOffOrOfAWrongLengthIsRefusedOrShorter) {
    auto hops = next_hop(3, 0, "fd00::1");
    MessageBody body(route_header(AF_INET6, 64));
    body.put_ip(RTA_DST, "fd01::").put(RTA_MULTIPATH, hops).put(RTA_PRIORITY, 5);
    KernelRoute route;
    const auto whole = body.bytes();
    for (std::size_t n = 0; n < whole.size(); ++n) {
        const std::vector<std::byte> piece(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
        if (parse_route(piece, route)) {
            EXPECT_EQ(route.priority, 0u) << n;
        }
    }
    auto bytes = body.vector();
    for (std::size_t i = 0; i < bytes.size();
         ++i)  // every byte wrong in turn: nothing is read beyond the end
        for (const int value : {0, 1, 3, 0xff}) {
            auto wrong = bytes;
            wrong[i] = static_cast<std::byte>(value);
            static_cast<void>(parse_route(wrong, route));
        }
    MessageBody short_address(route_header(AF_INET6, 64));
    short_address.put_ip(RTA_DST, "10.0.0.0");
    EXPECT_FALSE(parse_route(short_address.bytes(), route));
    EXPECT_FALSE(parse_route(MessageBody(route_header(AF_INET, 33)).bytes(), route));
    EXPECT_FALSE(parse_route(MessageBody(route_header(AF_UNSPEC, 0)).bytes(), route));
}

TEST(KernelNexthop, GroupsObjectsAndBlackholes) {
    nhmsg header{};
    header.nh_family = AF_INET;
    const std::uint32_t id = 5;
    std::vector<std::byte> group(16);
    const NexthopMember members[] = {{1, 0, 0, 0}, {2, 2, 1, 0}};
    std::memcpy(group.data(), members, 16);
    MessageBody body(header);
    body.put(NHA_ID, id).put(NHA_GROUP, group);
    const auto nexthop = parse_nexthop(body.bytes());
    ASSERT_TRUE(nexthop);
    ASSERT_EQ(nexthop->group.size(), 2u);
    EXPECT_EQ(nexthop->group[1].id, 2u);
    EXPECT_EQ(nexthop->group[1].weight, 259);

    MessageBody blackhole(header);
    blackhole.put(NHA_ID, id).put(NHA_BLACKHOLE, nullptr, 0);
    EXPECT_TRUE(parse_nexthop(blackhole.bytes())->blackhole);
    auto heavy = group;
    heavy[12] = heavy[13] = std::byte{0xff};  // 65536
    MessageBody too_heavy(header);
    too_heavy.put(NHA_ID, id).put(NHA_GROUP, heavy);
    EXPECT_FALSE(parse_nexthop(too_heavy.bytes()));
    group.resize(11);
    MessageBody cut(header);
    cut.put(NHA_ID, id).put(NHA_GROUP, group);
    EXPECT_FALSE(parse_nexthop(cut.bytes()));
    EXPECT_FALSE(parse_nexthop(MessageBody(header).bytes())) << "without an id";
}

TEST(KernelRule, SelectorsAndThoseThatAreNotSupported) {
    fib_rule_hdr header{};
    header.family = AF_INET;
    header.src_len = 24;
    header.action = FR_ACT_TO_TBL;
    header.table = RT_TABLE_COMPAT;
    MessageBody body(header);
    body.put_ip(FRA_SRC, "10.9.0.0").put(FRA_PRIORITY, 100).put(FRA_TABLE, 1234).put(FRA_FWMARK, 0x10);
    body.put(FRA_FWMASK, 0xf0).put(FRA_IIFNAME, "lan0", 5);
    const auto rule = parse_rule(body.bytes());
    ASSERT_TRUE(rule);
    EXPECT_EQ(rule->table, 1234u);
    EXPECT_EQ(rule->priority, 100u);
    EXPECT_EQ(rule->mask, 0xf0u);
    EXPECT_EQ(rule->iif, "lan0");
    EXPECT_EQ(rule->unsupported, "");
    body.put(FRA_SPORT_RANGE, fib_rule_port_range{80, 80});
    EXPECT_EQ(parse_rule(body.bytes())->unsupported, "sport");
}

TEST(KernelNetconf, IgnoreRoutesWithLinkdownOfADeviceOrOfAll) {
    const netconfmsg header{.ncm_family = AF_INET6};
    MessageBody body(header);
    EXPECT_FALSE(parse_netconf(body.bytes()));
    body.put(NETCONFA_IFINDEX, NETCONFA_IFINDEX_ALL);
    EXPECT_FALSE(parse_netconf(body.bytes())) << "of forwarding, say";
    body.put(NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, 1);
    const auto netconf = parse_netconf(body.bytes());
    ASSERT_TRUE(netconf);
    EXPECT_TRUE(netconf->v6);
    EXPECT_TRUE(netconf->ignores_linkdown);
    EXPECT_EQ(netconf->index, NETCONFA_IFINDEX_ALL);
    body.put(NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, std::uint8_t{1});
    EXPECT_FALSE(parse_netconf(body.bytes())) << "too short a number";
    EXPECT_FALSE(parse_netconf(body.bytes().first(1)));
    EXPECT_FALSE(parse_netconf(MessageBody(netconfmsg{.ncm_family = AF_MPLS}).bytes()));
}

TEST(KernelNeighbour, StateAndAddressButNoProxy) {
    ndmsg header{};
    header.ndm_family = AF_INET;
    header.ndm_ifindex = 4;
    header.ndm_state = NUD_REACHABLE;
    MessageBody body(header);
    const MacAddress mac{{2, 0, 0, 0, 0, 9}};
    body.put_ip(NDA_DST, "10.0.0.7").put(NDA_LLADDR, mac);
    const auto neighbour = parse_neighbour(body.bytes());
    ASSERT_TRUE(neighbour);
    EXPECT_EQ(neighbour->address, ip("10.0.0.7"));
    EXPECT_TRUE(neighbour->has_mac);
    EXPECT_EQ(neighbour->mac, mac);
    EXPECT_FALSE(parse_neighbour(MessageBody(header).bytes())) << "without an address";
    header.ndm_flags = NTF_PROXY;
    MessageBody proxy(header);
    proxy.put_ip(NDA_DST, "10.0.0.7");
    EXPECT_FALSE(parse_neighbour(proxy.bytes()));
}

}  // namespace
}  // namespace weft::test
