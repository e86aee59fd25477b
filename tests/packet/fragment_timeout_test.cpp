// Datagrams whose rest never comes: net/ipv4/ip_fragment.c, ip_expire; include/net/ipv6_frag.h,
// ip6frag_expire_frag_queue. RFC 1122 3.3.2, RFC 8200 4.5.
#include <gtest/gtest.h>

#include "dataplane/flow/fragments.hpp"
#include "tests/packet/firewall.hpp"

namespace weft::test {
namespace {

using Packets = std::vector<Bytes>;

class FragmentTimeoutTest : public testing::TestWithParam<RigOptions> {
  protected:
    /// A fragment from A. Its payload is 600 bytes long.
    static Ip fragment(const std::string& to, std::size_t offset, bool more, std::uint8_t id = 7) {
        const bool v6 = to.find(':') != std::string::npos;
        Ip ip = Ip(v6 ? "2001:db8:1::2" : "10.0.1.2", to).id(id).payload(600).protocol(17);
        if (v6)
            return ip.extension(44, {0, 0, static_cast<std::uint8_t>(offset >> 8),
                                     static_cast<std::uint8_t>(offset | (more ? 1 : 0)), 0, 0, 0, id});
        return ip.fragment(offset, more);
    }
    /// Nothing is said before the patience with it ends; what A hears then.
    Packets heard_about(const std::vector<Ip>& fragments) {
        for (const Ip& one : fragments)
            rig.send("a", firewall.router.from_a(one));
        rig.pass(FragmentTable::patience4 - 1);
        rig.run();
        EXPECT_TRUE(rig.all_sent().empty());
        rig.pass(FragmentTable::patience6);
        rig.run();
        Out sent = rig.all_sent();
        EXPECT_FALSE(sent.contains("b"));
        Packets heard;
        for (const Bytes& frame : sent["a"])
            heard.emplace_back(frame.begin() + 14, frame.end());
        for (Bytes& told : heard)
            if (told[0] >> 4 == 4) told[4] = told[5] = told[10] = told[11] = 0;  // of no meaning
        return heard;
    }
    static Packets told(const std::string& by, const Ip& about) {
        Bytes quote = about.bytes();
        if (about.v6()) return {Ip(by, "2001:db8:1::2").payload(quote).icmp(3, 1).bytes()};
        quote.resize(548);
        Bytes message = Ip(by, "10.0.1.2").tos(0xc0).id(0).payload(quote).icmp(11, 1).bytes();
        message[10] = message[11] = 0;
        return {message};
    }
    void track() {
        const std::string some = "*filter\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n";
        firewall.rules(some, some);
    }
    void judge_input() {
        const std::string some = "*filter\n-A INPUT -p udp -j ACCEPT\nCOMMIT\n";
        firewall.rules(some, some);
        firewall.without_connections();
    }

    Firewall firewall{GetParam()};
    Rig& rig = firewall.rig;
};
INSTANTIATE_TEST_SUITE_P(Workers, FragmentTimeoutTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

TEST_P(FragmentTimeoutTest, TheHostTellsWhoseFirstFragmentCame) {
    track();
    for (const char* to : {"10.0.1.1", "10.0.2.1", "2001:db8:1::1", "2001:db8:2::1"}) {
        const Ip first = fragment(to, 0, true);
        EXPECT_EQ(heard_about({first}), told(to, first)) << to;
        EXPECT_EQ(heard_about({fragment(to, 1200, false), first}), told(to, first)) << to;
    }
    EXPECT_EQ(rig.drops(DropReason::fragment_timeout), 12u);
    EXPECT_EQ(rig.all_drops(), 12u);
}

TEST_P(FragmentTimeoutTest, AlsoIfOnlyInputLooksAtIt) {
    judge_input();
    for (const char* to : {"10.0.1.1", "10.0.2.1"}) {
        const Ip first = fragment(to, 0, true);
        EXPECT_EQ(heard_about({first, fragment(to, 1200, false)}), told(to, first)) << to;
    }
}

TEST_P(FragmentTimeoutTest, AlsoIfNobodyLooksAtItAnyMore) {
    judge_input();
    const Ip first = fragment("10.0.1.1", 0, true);
    rig.send("a", firewall.router.from_a(first));
    firewall.only(true);
    EXPECT_EQ(heard_about({}), told("10.0.1.1", first));
}

TEST_P(FragmentTimeoutTest, NobodyWithoutTheFirstFragment) {
    track();
    for (const char* to : {"10.0.1.1", "2001:db8:1::1"})
        EXPECT_EQ(heard_about({fragment(to, 600, true), fragment(to, 1200, false)}), Packets{}) << to;
    EXPECT_EQ(rig.drops(DropReason::fragment_timeout), 4u);
}

// ip_expire asks for the route of what conntrack gathered; ip6frag_expire_frag_queue does not.
TEST_P(FragmentTimeoutTest, InTransitOfIpv6Alone) {
    track();
    EXPECT_EQ(heard_about({fragment("10.0.2.2", 0, true)}), Packets{});
    const Ip first6 = fragment("2001:db8:2::2", 0, true);
    EXPECT_EQ(heard_about({first6}), told("2001:db8:1::1", first6));
    EXPECT_EQ(rig.drops(DropReason::fragment_timeout), 2u);
}

// nf_conntrack_reasm.c, find_prev_fhdr: whatever extension headers stand before it.
TEST_P(FragmentTimeoutTest, AFragmentBehindAnAuthenticationHeader) {
    track();
    const Ip first = Ip("2001:db8:1::2", "2001:db8:1::1")
                         .payload(600)
                         .protocol(17)
                         .extension(60, {0, 0, 1, 4, 0, 0, 0, 0})
                         .extension(51, {0, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1})
                         .extension(44, {0, 0, 0, 1, 0, 0, 0, 7});
    EXPECT_EQ(heard_about({first}), told("2001:db8:1::1", first));
}

// icmp_send: nothing about a broadcast; ip_route_input_noref: nor to whom the route calls a martian.
TEST_P(FragmentTimeoutTest, NothingAboutABroadcastOrAMartian) {
    track();
    EXPECT_EQ(heard_about({fragment("10.0.1.255", 0, true)}), Packets{});
    firewall.router.interface("b").rp_filter = 1;
    firewall.router.publish();
    rig.send("b", firewall.router.from_b(fragment("10.0.1.1", 0, true)));
    EXPECT_EQ(heard_about({}), Packets{});
    EXPECT_EQ(rig.drops(DropReason::fragment_timeout), 2u);
}

TEST_P(FragmentTimeoutTest, NothingAboutWhatTheHostSends) {
    track();
    for (const auto& [from, to] : {std::pair{"10.0.1.1", "10.0.1.2"}, {"2001:db8:1::1", "2001:db8:1::2"}}) {
        const bool v6 = std::string(from).find(':') != std::string::npos;
        Ip first = Ip(from, to).payload(600).protocol(17);
        v6 ? first.extension(44, {0, 0, 0, 1, 0, 0, 0, 7}) : first.fragment(0, true);
        rig.from_kernel("a", first.frame(rig.mac("a"), *parse_mac(host_a)));
        EXPECT_EQ(heard_about({}), Packets{});
        EXPECT_EQ(rig.punted("a"), Packets{});
    }
    EXPECT_EQ(rig.drops(DropReason::fragment_timeout), 2u);
}

}  // namespace
}  // namespace weft::test
