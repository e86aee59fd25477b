// Matches that ask routing: whose an address is, and where the way back leads.
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <string>

#include "tests/unit/hook_cases.hpp"

namespace weft::test {
namespace {

using namespace hook;

struct FakeTypes : AddressTypes {
    std::uint8_t type(Family, const IpAddress& address, IfIndex limit) const noexcept override {
        if (address.bytes[3] == 1) return limit == 2 ? RTN_UNICAST : RTN_LOCAL;
        return address.bytes[3] == 255 ? RTN_BROADCAST : RTN_UNICAST;
    }
    WayBack way_back(const View&, std::uint32_t mark) const noexcept override {
        return mark == 7 ? WayBack{WayBack::leaves, true} : back;
    }
    WayBack back;
};

// net/netfilter/xt_addrtype.c
TEST(HookRoutingCheck, Addrtype) {
    HookRig rig;
    FakeTypes types;
    rig.packet.addresses = &types;
    rig.packet.iif = 2;
    check(rig, Packet4{.source = "10.0.0.1", .destination = "10.0.0.255", .payload = udp(1, 2)}.bytes(),
          {{"-m addrtype --src-type LOCAL", true},
           {"-m addrtype --src-type LOCAL --limit-iface-in", false},
           {"-m addrtype --dst-type BROADCAST,MULTICAST", true},
           {"-m addrtype ! --dst-type BROADCAST", false},
           {"-m addrtype --src-type LOCAL ! --dst-type UNICAST", true}});
    EXPECT_EQ(rig.trail.rests.reasons, Rest::routes);
    EXPECT_TRUE(rig.trail.rests.may_be_kept()) << "until routes change";
}

// net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c
TEST(HookRoutingCheck, Rpfilter) {
    HookRig rig, six(Family::ip6);
    FakeTypes types;
    rig.packet.addresses = six.packet.addresses = &types;
    const auto matches = [&](const std::string& words, HookRig& of, const Bytes& packet) {
        of.rule("-t raw -F");
        of.rule("-t raw -A PREROUTING -m rpfilter " + words);
        static_cast<void>(of.walk(Hook::prerouting, packet));
        return of.counted("PREROUTING", 1, "raw") == 1;
    };
    const auto four = Packet4{.payload = udp(1, 2)}.bytes(), of6 = Packet6{.payload = udp(1, 2)}.bytes();
    struct Row {
        WayBack back;
        bool strict, loose, accept_local, both, accept_local6;
    };
    for (const auto& [back, strict, loose, accept_local, both, accept_local6] :
         {Row{{WayBack::nowhere}, false, false, false, false, false},
          Row{{WayBack::leaves, true}, true, true, true, true, true},
          Row{{WayBack::leaves, false}, false, true, false, true, false},
          Row{{WayBack::to_host, true}, false, false, true, true, true},
          Row{{WayBack::to_host, false}, false, false, false, true, true}}) {
        types.back = back;
        EXPECT_EQ(matches("", rig, four), strict);
        EXPECT_EQ(matches("--invert", rig, four), !strict);
        EXPECT_EQ(matches("--loose", rig, four), loose);
        EXPECT_EQ(matches("--accept-local", rig, four), accept_local);
        EXPECT_EQ(matches("--loose --accept-local", rig, four), both);
        EXPECT_EQ(matches("", six, of6), strict);
        EXPECT_EQ(matches("--accept-local", six, of6), accept_local6);
    }
    EXPECT_EQ(rig.trail.rests.reasons, Rest::routes);
    // Who has no address yet is asked for none.
    EXPECT_TRUE(matches("", rig, Packet4{.source = "0.0.0.0", .destination = "255.255.255.255"}.bytes()));
    EXPECT_TRUE(matches("", rig, Packet4{.source = "0.0.0.0", .destination = "224.0.0.22"}.bytes()));
    EXPECT_FALSE(matches("", rig, Packet4{.source = "0.0.0.0", .destination = "224.0.1.1"}.bytes()));
    EXPECT_FALSE(matches("--invert", six, Packet6{.source = "::"}.bytes()));
    // By the mark only where it is asked for.
    types.back = {.by_tos = true};
    rig.packet.mark = rig.packet.arrived_mark = 7;
    EXPECT_FALSE(matches("", rig, four));
    EXPECT_EQ(rig.trail.rests.reasons, Rest::routes | Rest::tos);
    EXPECT_EQ(rig.trail.rests.mask.mark, 0u);
    EXPECT_TRUE(matches("--validmark", rig, four));
    EXPECT_EQ(rig.trail.rests.mask.mark, ~0u);
}

}  // namespace
}  // namespace weft::test
