// Each match against packets, as its kernel file says.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/hook_cases.hpp"

namespace weft::test {
namespace {

using namespace hook;

Bytes tcp4(const Bytes& segment, std::uint16_t fragment = 0) {
    return Packet4{.protocol = 6, .fragment = fragment, .payload = segment}.bytes();
}

// net/netfilter/xt_tcpudp.c, tcp_mt
TEST(HookCheck, Tcp) {
    HookRig rig;
    check(rig, tcp4(tcp(1000, 80, 0x12, {2, 4, 5, 0xb4, 1, 1, 4, 2})),
          {{"-p tcp --dport 80", true},
           {"-p tcp ! --dport 80", false},
           {"-p tcp --sport 1000:1001 --dport :79", false},
           {"-p tcp --tcp-flags SYN,ACK SYN,ACK", true},
           {"-p tcp --syn", false},
           {"-p tcp ! --syn", true},
           {"-p tcp --tcp-option 4", true},
           {"-p tcp ! --tcp-option 2", false},
           {"-p tcp --tcp-option 8", false},
           {"-p udp --dport 80", false}});
}

TEST(HookCheck, TcpDropsWhatItCannotRead) {
    HookRig rig;
    rig.rule_set({"-A INPUT -p tcp --dport 80", "-A INPUT -p tcp --tcp-option 2"});
    const auto ending = [&](const Bytes& packet) { return rig.walk(Hook::input, packet); };
    EXPECT_EQ(ending(tcp4(Bytes(19))).ending, Ending::drop) << "a header cut short";
    EXPECT_EQ(rig.trail.path, std::vector<RuleId>{});
    EXPECT_FALSE(rig.trail.rests.may_be_kept());
    EXPECT_EQ(ending(tcp4(Bytes(40), 1)).ending, Ending::drop) << "a fragment over the flags";
    EXPECT_EQ(ending(tcp4(Bytes(40), 2)).ending, Ending::accept) << "a later fragment has no ports";
    auto options_cut = tcp(1, 81);
    options_cut[12] = 0xf0;
    EXPECT_EQ(ending(tcp4(options_cut)).ending, Ending::drop);
    auto header_of_16 = tcp(1, 81);
    header_of_16[12] = 0x40;
    EXPECT_EQ(ending(tcp4(header_of_16)).ending, Ending::drop);
}

// net/netfilter/xt_tcpudp.c, udp_mt
TEST(HookCheck, Udp) {
    HookRig rig;
    check(rig, Packet4{.payload = udp(53, 4000)}.bytes(),
          {{"-p udp --sport 53", true},
           {"-p udp --dport 4001:", false},
           {"-p udp ! --sport 54 ! --dport 1:3", true}});
    rig.rule("-F INPUT");
    rig.rule("-A INPUT -p udp --sport 53");
    EXPECT_EQ(rig.walk(Hook::input, Packet4{.payload = Bytes(7)}.bytes()).ending, Ending::drop);
}

// net/ipv4/netfilter/ip_tables.c, icmp_match
TEST(HookCheck, Icmp) {
    HookRig rig;
    check(rig, Packet4{.protocol = 1, .payload = icmp(3, 1)}.bytes(),
          {{"-p icmp --icmp-type 3", true},
           {"-p icmp --icmp-type 3/1", true},
           {"-p icmp --icmp-type 3/0", false},
           {"-p icmp ! --icmp-type 8", true},
           {"-p icmp --icmp-type any", true},
           {"-p icmp ! --icmp-type any", false}});
    EXPECT_EQ(rig.trail.rests.value.icmp_type, 3);
}

// net/ipv6/netfilter/ip6_tables.c, icmp6_match
TEST(HookCheck, Icmp6) {
    HookRig rig(Family::ip6);
    check(rig, Packet6{.next = 58, .payload = icmp(128, 0)}.bytes(),
          {{"-p icmpv6 --icmpv6-type echo-request", true}, {"-p icmpv6 ! --icmpv6-type 128", false}});
}

// net/netfilter/xt_multiport.c
TEST(HookCheck, Multiport) {
    HookRig rig;
    check(rig, Packet4{.payload = udp(53, 4000)}.bytes(),
          {{"-p udp -m multiport --dports 1,4000", true},
           {"-p udp -m multiport --sports 1,4000", false},
           {"-p udp -m multiport --ports 1,53", true},
           {"-p udp -m multiport ! --dports 3999:4001", false},
           {"-p udp -m multiport --dports 1,3990:4000", true},
           {"-p udp -m multiport --dports 53 -m udp --sport 53", false}});
}

// net/netfilter/xt_iprange.c
TEST(HookCheck, Iprange) {
    HookRig rig;
    check(rig, Packet4{.source = "10.0.0.1", .destination = "10.0.1.0", .payload = udp(1, 2)}.bytes(),
          {{"-m iprange --src-range 10.0.0.1-10.0.0.1", true},
           {"-m iprange --src-range 10.0.0.2-10.0.0.9", false},
           {"-m iprange ! --dst-range 10.0.0.0-10.0.0.255", true},
           {"-m iprange --src-range 9.255.255.255-10.0.0.0 --dst-range 10.0.0.0-10.0.2.0", false}});
}

// net/netfilter/xt_mac.c
TEST(HookCheck, MacNeedsAnEthernetHeader) {
    HookRig rig;
    const auto packet = Packet4{.payload = udp(1, 2)}.bytes();
    check(rig, packet, {{"-m mac ! --mac-source 02:00:00:00:00:01", false}});
    set_source_mac(rig.packet, *parse_mac("02:00:00:00:00:01"));
    check(rig, packet,
          {{"-m mac --mac-source 02:00:00:00:00:01", true},
           {"-m mac ! --mac-source 02:00:00:00:00:01", false}});
}

// net/netfilter/xt_mark.c, xt_connmark.c
TEST(HookCheck, MarkAndConnmark) {
    HookRig rig;
    const auto packet = Packet4{.payload = udp(1, 2)}.bytes();
    rig.packet.mark = rig.packet.arrived_mark = 0x12;
    check(rig, packet,
          {{"-m mark --mark 0x12", true},
           {"-m mark --mark 2/0xf", true},
           {"-m mark ! --mark 2/0xf", false},
           {"-m connmark ! --mark 7", false}});
    ConnectionFacts connection;
    connection.mark = connection.arrived_mark = 0x70;
    rig.packet.connection = &connection;
    check(rig, packet, {{"-m connmark ! --mark 7", true}, {"-m connmark --mark 0x70/0xf0", true}});
    EXPECT_EQ(rig.trail.rests.mask.connection_mark, 0xf0U);
}

// net/netfilter/xt_conntrack.c, conntrack_mt
TEST(HookCheck, ConntrackWithoutConnection) {
    HookRig rig;
    const auto packet = Packet4{.payload = udp(1, 2)}.bytes();
    check(rig, packet,
          {{"-m conntrack --ctstate INVALID", true},
           {"-m conntrack --ctstate NEW", false},
           {"-m conntrack ! --ctstate NEW --ctdir REPLY", true},
           {"-m conntrack ! --ctproto 6", false},
           {"-m state --state INVALID", true}});
    rig.packet.state = ConntrackState::untracked;
    check(rig, packet, {{"-m conntrack --ctstate UNTRACKED", true}, {"-m state --state INVALID", false}});
}

TEST(HookCheck, Conntrack) {
    HookRig rig;
    ConnectionFacts connection;
    connection.state = ConntrackState::established;
    connection.status = ConntrackStatus::seen_reply | ConntrackStatus::assured | ConnectionStatus::source_nat;
    connection.reply = true;
    connection.expires = 90;
    const auto address = [](std::uint32_t a) { return to_address(be32{a}); };
    connection.original = {address(0x0a00'0001), address(0x0a00'0002), 1000, 53, 17};
    connection.reversed = {address(0x0a00'0002), address(0xc000'0201), 53, 2000, 17};
    rig.packet.connection = &connection;
    check(rig, Packet4{.payload = udp(1, 2)}.bytes(),
          {{"-m conntrack --ctstate ESTABLISHED", true},
           {"-m conntrack ! --ctstate NEW,ESTABLISHED", false},
           {"-m conntrack --ctstate SNAT", true},
           {"-m conntrack --ctstate DNAT", false},
           {"-m conntrack --ctdir REPLY", true},
           {"-m conntrack --ctdir ORIGINAL", false},
           {"-m conntrack --ctproto 17", true},
           {"-m conntrack --ctorigsrc 10.0.0.0/24 ! --ctorigdst 10.0.0.1", true},
           {"-m conntrack --ctreplsrc 10.0.0.1", false},
           {"-m conntrack --ctrepldst 192.0.2.0/24", true},
           {"-m conntrack --ctorigsrc 10.0.0.77/24 --ctrepldst 1.2.3.4/0", true},
           {"-m conntrack ! --ctorigsrc 10.0.0.77/24", false},
           {"-m conntrack --ctorigsrcport 1000 --ctorigdstport 50:60", true},
           {"-m conntrack --ctreplsrcport 53 ! --ctrepldstport 2000", false},
           {"-m conntrack --ctstatus ASSURED", true},
           {"-m conntrack --ctstatus EXPECTED", false},
           {"-m conntrack --ctstatus NONE", false},
           {"-m conntrack ! --ctstatus NONE", true},
           {"-m conntrack --ctexpire 90:100", true},
           {"-m conntrack ! --ctexpire 90", false}});
    EXPECT_FALSE(rig.trail.rests.may_be_kept()) << "the time left was asked";
}

// net/netfilter/xt_limit.c
TEST(HookCheck, LimitSpendsCredit) {
    HookRig rig;
    rig.rule("-A INPUT -m limit --limit 10/s --limit-burst 3");
    const auto packet = Packet4{.payload = udp(1, 2)}.bytes();
    const auto passes = [&](unsigned packets) {
        std::size_t passed = 0;
        for (unsigned i = 0; i < packets; ++i) {
            static_cast<void>(rig.walk(Hook::input, packet));
            passed += rig.counted("INPUT", 1);
        }
        return passed;
    };
    EXPECT_EQ(passes(10), 3U);
    rig.now_us += 99'000;
    EXPECT_EQ(passes(10), 0U);
    rig.now_us += 1'000;
    EXPECT_EQ(passes(10), 1U);
    rig.now_us += 3'600'000'000;
    EXPECT_EQ(passes(10), 3U) << "credit is capped";
    rig.now_us -= 4'000;
    EXPECT_EQ(passes(10), 0U) << "another worker, whose round began before";
    rig.now_us += 4'000;
    EXPECT_EQ(passes(10), 0U) << "time that was counted";
    rig.rule("-A INPUT -p tcp");
    EXPECT_EQ(passes(10), 0U) << "a rule beside it gives it nothing";
}

TEST(HookCheck, LimitBeforeAMatchSpendsThoughTheMatchFails) {
    HookRig rig;
    rig.rule("-A INPUT -p udp -m limit --limit 1/h --limit-burst 1 -m udp --dport 2");
    static_cast<void>(rig.walk(Hook::input, Packet4{.payload = udp(1, 3)}.bytes()));
    static_cast<void>(rig.walk(Hook::input, Packet4{.payload = udp(1, 2)}.bytes()));
    EXPECT_EQ(rig.counted("INPUT", 1), 0U) << "matches are asked in their order";
}

TEST(HookCheck, WhoOnlyLooksTakesNothing) {
    HookRig rig;
    const Bytes packet = Packet4{.payload = udp(1, 2)}.bytes();
    rig.rule_set({"-A INPUT -m limit --limit 1/h --limit-burst 1 -j ACCEPT",
                  "-A INPUT -m recent --name l --rcheck -j DROP", "-A INPUT -m recent --name l --set"});
    const auto path = [&](bool peeks) {
        rig.trail.clear();
        rig.trail.peeks = peeks;
        static_cast<void>(rig.walk(Hook::input, packet));
        return rig.path("INPUT");
    };
    using Numbers = std::vector<std::size_t>;
    for (unsigned i = 0; i < 3; ++i)
        EXPECT_EQ(path(true), Numbers{1}) << i;
    EXPECT_EQ(path(false), Numbers{1});
    for (unsigned i = 0; i < 3; ++i)
        EXPECT_EQ(path(true), Numbers{3}) << "an empty limit, an empty list";
    EXPECT_EQ(path(false), Numbers{3});
    EXPECT_EQ(path(true), Numbers{2});
}

// net/netfilter/xt_recent.c
TEST(HookCheck, RecentSetsChecksUpdatesAndRemoves) {
    HookRig rig;
    rig.rule_set({"-A INPUT -p udp --dport 1 -m recent --set",
                  "-A INPUT -p udp --dport 2 -m recent --rcheck --seconds 10",
                  "-A INPUT -p udp --dport 3 -m recent --update --seconds 10 --hitcount 2",
                  "-A INPUT -p udp --dport 4 -m recent --remove",
                  "-A INPUT -p udp --dport 2 -m recent ! --rcheck"});
    const auto knock = [&](std::uint16_t port, std::size_t rule, const char* source = "10.0.0.1") {
        static_cast<void>(rig.walk(Hook::input, Packet4{.source = source, .payload = udp(9, port)}.bytes()));
        return rig.counted("INPUT", rule) == 1;
    };
    EXPECT_FALSE(knock(2, 2));
    EXPECT_TRUE(knock(2, 5));
    EXPECT_TRUE(knock(1, 1));
    EXPECT_TRUE(knock(2, 2));
    EXPECT_FALSE(knock(2, 2, "10.0.0.7"));
    EXPECT_FALSE(knock(3, 3)) << "one hit of two";
    EXPECT_TRUE(knock(1, 1));
    rig.now_us += 9'000'000;
    EXPECT_TRUE(knock(3, 3));
    rig.now_us += 2'000'000;
    EXPECT_FALSE(knock(3, 3)) << "one stamp is new";
    EXPECT_TRUE(knock(2, 2));
    EXPECT_TRUE(knock(4, 4));
    EXPECT_FALSE(knock(4, 4));
    EXPECT_FALSE(knock(2, 2));
}

TEST(HookCheck, RecentForgetsTheOneSeenLongestAgo) {
    RecentMatch set;
    set.action = RecentMatch::Action::set;
    RecentTable whole(1, IpAddress{{255, 255, 255, 255}});
    whole.need(0);
    for (std::uint32_t i = 0; i < 101; ++i)
        EXPECT_TRUE(whole.ask(set, to_address(be32{i + 1}), 64, i * 1000));
    EXPECT_EQ(whole.size(), RecentTable::most_addresses);
    RecentMatch check;
    check.action = RecentMatch::Action::check;
    EXPECT_FALSE(whole.ask(check, to_address(be32{1}), 64, 0));
    EXPECT_TRUE(whole.ask(check, to_address(be32{2}), 64, 0));
}

// net/netfilter/xt_physdev.c
TEST(HookCheck, Physdev) {
    HookRig rig;
    const auto packet = Packet4{.payload = udp(1, 2)}.bytes();
    check(rig, packet, {{"-m physdev ! --physdev-in eth0", true}, {"-m physdev --physdev-is-in", false}});
    rig.packet.bridged = true;
    rig.packet.physical_in = 1;
    check(rig, packet,
          {{"-m physdev --physdev-in eth0", true},
           {"-m physdev --physdev-in eth+", true},
           {"-m physdev ! --physdev-in eth1", true},
           {"-m physdev --physdev-is-in", true},
           {"-m physdev --physdev-is-bridged", false},
           {"-m physdev ! --physdev-is-bridged", true}});
    EXPECT_EQ(rig.trail.rests.value.physical_in, 1);
}

// net/netfilter/xt_hl.c
TEST(HookCheck, TtlAndHopLimit) {
    HookRig rig;
    check(rig, Packet4{.ttl = 64, .payload = udp(1, 2)}.bytes(),
          {{"-m ttl --ttl-eq 64", true},
           {"-m ttl ! --ttl 64", false},
           {"-m ttl --ttl-lt 65", true},
           {"-m ttl --ttl-lt 64", false},
           {"-m ttl --ttl-gt 63", true},
           {"-m ttl --ttl-gt 64", false}});
    EXPECT_FALSE(rig.trail.rests.may_be_kept()) << "packets of a flow may have another";
    HookRig six(Family::ip6);
    const auto packet = Packet6{.payload = udp(1, 2)}.bytes();
    const std::string is = std::to_string(packet[7]);
    EXPECT_TRUE(six.matches("-m hl --hl-eq " + is, packet));
    EXPECT_FALSE(six.matches("-m hl ! --hl-eq " + is, packet));
    EXPECT_FALSE(six.matches("-m hl --hl-gt " + is, packet));
}

// net/ipv6/netfilter/ip6t_rt.c
TEST(HookCheck, RoutingHeader) {
    HookRig rig(Family::ip6);
    const auto routed = [](const Bytes& front, std::uint8_t next) {
        return Packet6{.next = next, .payload = front + udp(1, 2)}.bytes();
    };
    const Bytes routing{17, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const Bytes options{43, 0, 1, 4, 0, 0, 0, 0};
    for (const auto& packet : {routed(routing, 43), routed(options + routing, 0)})
        check(rig, packet,
              {{"-m rt", true},
               {"-m rt --rt-type 0", true},
               {"-m rt ! --rt-type 0", false},
               {"-m rt --rt-type 256", false},
               {"-m rt --rt-segsleft 1", true},
               {"-m rt ! --rt-segsleft 0:1", false},
               {"-m rt --rt-segsleft 2:", false},
               {"-m rt --rt-len 24", true},
               {"-m rt ! --rt-len 24", false},
               {"-m rt --rt-type 0 --rt-segsleft :4 --rt-len 24 -p udp", true}});
    EXPECT_FALSE(rig.trail.rests.may_be_kept());
    check(rig, routed({}, 17), {{"-m rt", false}, {"-m rt ! --rt-type 2", false}});
    EXPECT_TRUE(rig.trail.rests.may_be_kept()) << "packets that come the short way have no such header";
    check(rig, Packet6{.next = 43, .payload = {17, 9, 0, 1, 0, 0, 0, 0}}.bytes(), {{"-m rt", false}});
    rig.rule("-F");
    rig.rule("-A INPUT -m rt");
    EXPECT_EQ(rig.walk(Hook::input, Packet6{.next = 43, .payload = {17, 9}}.bytes()).ending, Ending::drop);
}

// net/netfilter/xt_statistic.c
TEST(HookCheck, Statistic) {
    HookRig rig;
    const auto packet = Packet4{.payload = udp(1, 2)}.bytes();
    const auto times = [&](const std::string& words, int packets) {
        rig.rule("-F");
        rig.rule("-A INPUT -m statistic " + words);
        std::string met;
        for (int i = 0; i < packets; ++i) {
            static_cast<void>(rig.walk(Hook::input, packet));
            met += rig.counted("INPUT", 1) ? '1' : '0';
        }
        EXPECT_FALSE(rig.trail.rests.may_be_kept());
        return met;
    };
    EXPECT_EQ(times("--mode nth --every 3 --packet 0", 7), "1001001");
    EXPECT_EQ(times("--mode nth --every 3 --packet 2", 7), "0010010");
    EXPECT_EQ(times("--mode nth ! --every 3 --packet 1", 7), "1011011");
    EXPECT_EQ(times("--mode nth --every 1 --packet 0", 3), "111");
    EXPECT_EQ(times("--mode random --probability 1", 50), std::string(50, '1'));
    EXPECT_EQ(times("--mode random --probability 0", 50), std::string(50, '0'));
    EXPECT_EQ(times("--mode random ! --probability 0", 50), std::string(50, '1'));
    const auto met = times("--mode random --probability 0.3", 10'000);
    EXPECT_NEAR(static_cast<double>(std::count(met.begin(), met.end(), '1')), 3000, 250) << "five sigmas";
    rig.trail.peeks = true;
    EXPECT_EQ(times("--mode nth --every 3 --packet 0", 3), "111") << "who only looks does not count";
    rig.trail.peeks = false;
}

// net/netfilter/xt_pkttype.c, xt_length.c
TEST(HookCheck, PkttypeAndLength) {
    HookRig rig;
    rig.packet.packet_type = 1;
    check(rig, Packet4{.payload = udp(1, 2)}.bytes(),
          {{"-m pkttype --pkt-type broadcast", true},
           {"-m pkttype ! --pkt-type broadcast", false},
           {"-m length --length 32", true},
           {"-m length ! --length 0:31", true},
           {"-m length --length 33:", false},
           {"-m comment --comment x", true}});
}

// net/ipv4/netfilter/ip_tables.c, ip_packet_match
TEST(HookCheck, AddressesAndFragments) {
    HookRig rig;
    check(rig, Packet4{.source = "10.1.2.3", .fragment = 5, .payload = udp(1, 2)}.bytes(),
          {{"-s 10.0.0.0/8", true},
           {"! -s 10.0.0.0/8", false},
           {"-s 10.0.2.3/255.0.255.255", true},
           {"-d 10.0.0.2 -f", true},
           {"! -f", false},
           {"-p udp", true},
           {"-p udp --dport 2", false},
           {"! -p tcp", true}});
}

struct FakeSet : AddressSet {
    mutable SetQuery last;
    bool holds(const SetQuery& query) const noexcept override {
        last = query;
        return query.address.bytes[3] == 1;
    }
    bool of_family(Family family) const noexcept override { return family == Family::ip; }
    bool counts() const noexcept override { return false; }
};

// net/netfilter/xt_set.c
TEST(HookCheck, Set) {
    HookRig rig;
    const auto set = std::make_shared<FakeSet>();
    rig.find_set = [&](std::string_view) { return set; };
    check(rig, Packet4{.source = "10.0.0.1", .destination = "10.0.0.2", .payload = udp(1, 2)}.bytes(),
          {{"-m set --match-set s4 src", true},
           {"-m set --match-set s4 dst", false},
           {"-m set ! --match-set s4 dst", true},
           {"-m set --match-set s4 src ! --update-counters --packets-gt 3", true}});
    EXPECT_FALSE(set->last.count);
    EXPECT_EQ(set->last.packet_count.value, 3U);
    EXPECT_EQ(set->last.bytes, 32U);
    EXPECT_EQ(rig.trail.rests.reasons, Rest::sets);
}

}  // namespace
}  // namespace weft::test
