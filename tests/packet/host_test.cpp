// What is for the host comes to INPUT, whatever it is wrapped in: behind the TAP the kernel asks no rules of
// weft's. Linux: __netif_receive_skb_core (net/core/dev.c) from check_vlan_id on; br_handle_local_finish.

#include "tests/packet/firewall.hpp"

namespace weft::test {
namespace {

constexpr const char* station = "02:00:00:00:00:0c";

struct HostRulesTest : testing::TestWithParam<RigOptions> {
    Firewall firewall{GetParam(),
                      "port add c up type null\nport add d up type null\n"
                      "ip link add br0 address 02:bb:00:00:00:01 up type bridge\nip link set c master br0\n"
                      "ip link set d master br0\nip link add link a name a.7 up type vlan id 7\n",
                      {"c", "d", "br0", "a.7"}};
    Router& router = firewall.router;
    Rig& rig = router.rig;

    HostRulesTest() {
        const std::string some = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i a.7\n:FORWARD DROP [0:0]\nCOMMIT\n";
        firewall.rules(some, some);
    }
    /// Packets that INPUT's policy and its rule have counted, of both families.
    std::vector<std::uint64_t> asked() {
        auto all = firewall.counts(false, "INPUT");
        const auto of6 = firewall.counts(true, "INPUT");
        return {all[1] + of6[1], all[0] + of6[0]};
    }
    std::vector<Bytes> punted() {
        std::vector<Bytes> all;
        for (const char* name : {"a", "c", "d", "br0", "a.7"})
            for (auto& frame : rig.punted(name))
                all.push_back(std::move(frame));
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(, HostRulesTest, every_rig, name_of);

/// A packet of each family for the router's address of a, or for B.
std::vector<Ip> packets(bool through) {
    return {Ip("10.0.1.2", through ? "10.0.2.2" : "10.0.1.1").payload(8).udp(1000, 53),
            Ip("2001:db8:1::2", through ? "2001:db8:2::2" : "2001:db8:1::1").payload(8).udp(1000, 53)};
}
/// In tags, the outermost first: (TPID, VID).
Bytes tagged(const Ip& ip, const std::string& to,
             const std::vector<std::pair<std::uint16_t, std::uint16_t>>& tags) {
    Bytes inside = ip.frame(host_a, to);
    Bytes frame(inside.begin(), inside.begin() + 12);
    for (const auto& [tpid, vid] : tags)
        for (const std::uint16_t word : {tpid, vid}) {
            frame.push_back(static_cast<std::uint8_t>(word >> 8));
            frame.push_back(static_cast<std::uint8_t>(word));
        }
    frame.insert(frame.end(), inside.begin() + 12, inside.end());
    return frame;
}
constexpr std::uint16_t customer = 0x8100, service = 0x88a8;
using Tags = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

TEST_P(HostRulesTest, PriorityTagsHideNothing) {
    std::uint64_t sent = 0;
    for (const Tags& tags :
         {Tags{{customer, 0}}, Tags{{customer, 0}, {customer, 0}}, Tags{{service, 0}, {customer, 0}},
          Tags{{customer, 0}, {service, 0}, {customer, 0}}, Tags(8, {customer, 0})})
        for (const Ip& ip : packets(false)) {
            rig.send("a", tagged(ip, to_string(rig.mac("a")), tags));
            ++sent;
        }
    EXPECT_EQ(asked(), (std::vector<std::uint64_t>{sent, 0}));
    EXPECT_EQ(punted(), std::vector<Bytes>{});
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), sent);
}

TEST_P(HostRulesTest, NeitherOnTheWayThrough) {
    for (const Tags& tags : {Tags{{customer, 0}, {customer, 0}}, Tags{{service, 0}, {customer, 0}}})
        for (const Ip& ip : packets(true))
            rig.send("a", tagged(ip, to_string(rig.mac("a")), tags));
    EXPECT_EQ(firewall.counts(false, "FORWARD"), std::vector<std::uint64_t>{2});
    EXPECT_EQ(firewall.counts(true, "FORWARD"), std::vector<std::uint64_t>{2});
    EXPECT_EQ(punted(), std::vector<Bytes>{});
}

TEST_P(HostRulesTest, ATagThatThePortTookOffCounts) {
    Metadata stripped;
    stripped.tag_place = TagPlace::stripped;
    stripped.vlan_tpid = customer;
    stripped.vlan_tci = 0;
    for (const Ip& ip : packets(false))
        rig.send("a", tagged(ip, to_string(rig.mac("a")), {{customer, 0}}), stripped);
    EXPECT_EQ(asked(), (std::vector<std::uint64_t>{2, 0}));
    EXPECT_EQ(punted(), std::vector<Bytes>{});
}

TEST_P(HostRulesTest, APriorityTagBeforeAVlanLeadsToItsSubInterface) {
    for (const Ip& ip : packets(false)) {
        rig.send("a", tagged(ip, to_string(rig.mac("a")), {{customer, 0}, {customer, 7}}));
        rig.send("a", tagged(ip, to_string(rig.mac("a")), {{customer, 7}, {customer, 0}, {customer, 0}}));
    }
    EXPECT_EQ(asked(), (std::vector<std::uint64_t>{4, 4}));
    EXPECT_EQ(punted(), std::vector<Bytes>{});
    EXPECT_EQ(rig.counters("a.7").received.packets.get(), 4u);
}

TEST_P(HostRulesTest, ForABridgeTheyHideNothingEither) {
    // Flooded, so that its bytes are shared with what leaves.
    for (const std::string& to : {to_string(rig.mac("br0")), std::string(all_hosts)})
        for (const Ip& ip : packets(false))
            rig.send("c", tagged(ip, to, {{customer, 0}, {customer, 0}}));
    EXPECT_EQ(asked(), (std::vector<std::uint64_t>{4, 0}));
    EXPECT_EQ(punted(), std::vector<Bytes>{});
    const auto flooded = rig.sent("d");
    ASSERT_EQ(flooded.size(), 2u) << "as they came";
    EXPECT_EQ(flooded[0], tagged(packets(false)[0], all_hosts, {{customer, 0}, {customer, 0}}));
}

// IEEE 802.1Q 8.6.3: a bridge does not forward these; br_handle_frame passes them up, as what they are.
TEST_P(HostRulesTest, NeitherDoAddressesOfTheLink) {
    for (const std::string& to : {std::string("01:80:c2:00:00:0e"), std::string("01:80:c2:00:00:03")})
        for (const Ip& ip : packets(false)) {
            rig.send("c", tagged(ip, to, {}));
            rig.send("c", tagged(ip, to, {{customer, 0}}));
        }
    EXPECT_EQ(asked(), (std::vector<std::uint64_t>{8, 0}));
    EXPECT_EQ(punted(), std::vector<Bytes>{});
    const Bytes lldp = Frame().from(station).to("01:80:c2:00:00:0e").type(0x88cc).payload(Bytes(46, 1));
    rig.send("c", lldp);
    EXPECT_EQ(rig.punted("c"), std::vector<Bytes>{lldp});
}

TEST_P(HostRulesTest, TooManyTagsAreRefused) {
    for (const unsigned count : {9u, 100u})
        rig.send("a", tagged(packets(false)[0], to_string(rig.mac("a")), Tags(count, {customer, 0})));
    EXPECT_EQ(punted(), std::vector<Bytes>{});
    EXPECT_EQ(rig.drops(DropReason::ingress_too_many_hops), 2u);
}

TEST_P(HostRulesTest, ATagThatTheFrameEndsInIsRefused) {
    Bytes frame = Frame().from(host_a).to(to_string(rig.mac("a"))).tag(0).type(customer);
    frame.resize(18);
    rig.send("a", frame);
    EXPECT_EQ(punted(), std::vector<Bytes>{});
    EXPECT_EQ(rig.drops(DropReason::ingress_truncated_tag), 1u);
}

}  // namespace
}  // namespace weft::test
