// The lines of LOG. Those of LinesAreTheKernels are what Linux (nf_log_syslog.c) printed of the same frames.
#include <gtest/gtest.h>

#include <algorithm>

#include "control/publish/hook_log.hpp"
#include "control/publish/log_text.hpp"
#include "tests/packet/firewall.hpp"
#include "tests/packet/pieces.hpp"

namespace weft::test {
namespace {

using Lines = std::vector<std::pair<unsigned, std::string>>;

class HookLogTest : public testing::TestWithParam<RigOptions> {
  protected:
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;
    HookLogWriter writer;

    Lines lines(std::uint64_t now_ms = 0) {
        Lines all;
        writer.write(
            rig.shared(), rig.names(),
            [](bool v6, std::uint32_t rule) {
                return rule ? (v6 ? "six " : "rule ") + std::to_string(rule) : "";
            },
            now_ms, [&](unsigned level, const std::string& line) { all.emplace_back(level, line); });
        return all;
    }
    /// What is said of a frame from A with all options, also of fragments, which conntrack gathers.
    std::string line_of(const Ip& ip) {
        const Bytes frame = router.from_a(ip);
        LoggedPacket packet;
        packet.family = ip.v6() ? hook::Family::ip6 : hook::Family::ip;
        packet.flags =
            hook::LogTarget::tcp_sequence | hook::LogTarget::tcp_options | hook::LogTarget::ip_options;
        packet.iif = rig.index("a");
        std::memcpy(&packet.ethernet, frame.data(), sizeof packet.ethernet);
        packet.length = packet.held = static_cast<std::uint16_t>(frame.size() - sizeof packet.ethernet);
        std::memcpy(packet.bytes.data(), frame.data() + sizeof packet.ethernet, packet.held);
        return log_text(packet, rig.names());
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, HookLogTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

const std::string everything = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j LOG\nCOMMIT\n";
const std::string of4 = "IN=a OUT= MAC=02:ff:00:00:00:01:02:00:00:00:00:0a:08:00 SRC=10.0.1.2 DST=10.0.2.2 ";
const std::string of6 =
    "IN=a OUT= MAC=02:ff:00:00:00:01:02:00:00:00:00:0a:86:dd "
    "SRC=2001:0db8:0001:0000:0000:0000:0000:0002 DST=2001:0db8:0002:0000:0000:0000:0000:0002 ";

Ip from4() {
    return {"10.0.1.2", "10.0.2.2"};
}
Ip from6() {
    return {"2001:db8:1::2", "2001:db8:2::2"};
}

struct Case {
    Ip packet;
    std::string text;
};

const Bytes syn{3, 232, 0, 80, 0, 0, 0, 77,  0, 0, 1, 0, 0x8c, 0xe2, 0x20, 0,
                0, 0,   0, 5,  2, 4, 5, 180, 1, 3, 3, 7, 4,    2,    0,    0};
const Bytes ack{3, 232, 0, 80, 0, 0, 0, 77, 0, 0, 1, 0, 0x50, 0x1d, 1, 0, 0, 0, 0, 0};
const Bytes spi{0xde, 0xad, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4};

std::vector<Case> cases4() {
    const Bytes quoted = Ip("10.0.2.2", "10.0.1.2").ttl(3).dont_fragment().payload(0).udp(53, 1000).bytes();
    return {
        {from4().tos(0xbb).dont_fragment().payload(syn).protocol(6).summed(),
         "LEN=52 TOS=0x1A PREC=0xA0 TTL=64 ID=4660 DF PROTO=TCP SPT=1000 DPT=80 SEQ=77 ACK=256 WINDOW=8192 "
         "RES=0x30 CWR ECE URG SYN URGP=5 OPT (020405B40103030704020000) "},
        {from4().id(0).ttl(255).payload(ack).protocol(6).summed(),
         "LEN=40 TOS=0x00 PREC=0x00 TTL=255 ID=0 PROTO=TCP SPT=1000 DPT=80 SEQ=77 ACK=256 WINDOW=256 "
         "RES=0x00 ACK PSH RST FIN URGP=0 "},
        {from4().payload(Bytes(12)).protocol(6),
         "LEN=32 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=TCP INCOMPLETE [12 bytes] "},
        {from4().payload(9).udp(1000, 53),
         "LEN=37 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=UDP SPT=1000 DPT=53 LEN=17 "},
        {from4().payload(9).udp(1, 2).protocol(136),
         "LEN=37 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=UDPLITE SPT=1 DPT=2 LEN=17 "},
        {from4().payload(5).protocol(17),
         "LEN=25 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=UDP INCOMPLETE [5 bytes] "},
        {from4().options({7, 7, 4, 0, 0, 0, 0}).payload(0).udp(1, 2),
         "LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=4660 OPT (0707040000000000) PROTO=UDP SPT=1 DPT=2 LEN=8 "},
        {from4().payload(16).protocol(17).fragment(1480, true),
         "LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=4660 MF FRAG:185 PROTO=UDP "},
        {from4().payload(16).protocol(6).fragment(1480, false).reserved(),
         "LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=4660 CE FRAG:185 PROTO=TCP "},
        {from4().payload(16).protocol(1).fragment(8, false),
         "LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=4660 FRAG:1 PROTO=ICMP "},
        {from4().payload(8).icmp(8, 0, 0x12340056),
         "LEN=36 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=8 CODE=0 ID=4660 SEQ=86 "},
        {from4().payload(quoted).icmp(3, 3),
         "LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=3 CODE=3 [SRC=10.0.2.2 DST=10.0.1.2 "
         "LEN=28 TOS=0x00 PREC=0x00 TTL=3 ID=4660 DF PROTO=UDP SPT=53 DPT=1000 LEN=8 ] "},
        {from4().payload(quoted).icmp(3, 4, 1400),
         "LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=3 CODE=4 [SRC=10.0.2.2 DST=10.0.1.2 "
         "LEN=28 TOS=0x00 PREC=0x00 TTL=3 ID=4660 DF PROTO=UDP SPT=53 DPT=1000 LEN=8 ] MTU=1400 "},
        {from4().payload(quoted).icmp(11, 0),
         "LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=11 CODE=0 [SRC=10.0.2.2 DST=10.0.1.2 "
         "LEN=28 TOS=0x00 PREC=0x00 TTL=3 ID=4660 DF PROTO=UDP SPT=53 DPT=1000 LEN=8 ] "},
        {from4().payload(quoted).icmp(12, 0, 0x14000000),
         "LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=12 CODE=0 PARAMETER=20 "},
        {from4().payload(quoted).icmp(5, 1, 0x0a000105),
         "LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=5 CODE=1 GATEWAY=10.0.1.5 [SRC=10.0.2.2 "
         "DST=10.0.1.2 LEN=28 TOS=0x00 PREC=0x00 TTL=3 ID=4660 DF PROTO=UDP SPT=53 DPT=1000 LEN=8 ] "},
        {from4().payload(9).icmp(3, 1),
         "LEN=37 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=3 CODE=1 INCOMPLETE [17 bytes] "},
        {from4().payload(Bytes(20)).icmp(3, 1),
         "LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=3 CODE=1 [SRC=0.0.0.0 DST=0.0.0.0 LEN=0 "
         "TOS=0x00 PREC=0x00 TTL=0 ID=0 PROTO=0 ] "},
        {from4().payload(Bytes{3, 1, 0}).protocol(1),
         "LEN=23 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP INCOMPLETE [3 bytes] "},
        {from4().payload(0).icmp(13, 0),
         "LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ICMP TYPE=13 CODE=0 INCOMPLETE [8 bytes] "},
        {from4().payload(spi).protocol(51), "LEN=32 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=AH SPI=0x9 "},
        {from4().payload(spi).protocol(50),
         "LEN=32 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ESP SPI=0xdead0001 "},
        {from4().payload(Bytes(6)).protocol(50),
         "LEN=26 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=ESP INCOMPLETE [6 bytes] "},
        {from4().payload(6).protocol(47), "LEN=26 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=47 "},
    };
}

std::vector<Case> cases6() {
    const Bytes quoted = Ip("2001:db8:2::2", "2001:db8:1::2").ttl(3).payload(0).udp(53, 1000).bytes();
    const Bytes options{0, 0, 1, 4, 0, 0, 0, 0};
    return {
        {from6().tos(0xbb).label(0x12345).payload(syn).protocol(6).summed(),
         "LEN=72 TC=187 HOPLIMIT=64 FLOWLBL=74565 PROTO=TCP SPT=1000 DPT=80 SEQ=77 ACK=256 WINDOW=8192 "
         "RES=0x30 CWR ECE URG SYN URGP=5 OPT (020405B40103030704020000) "},
        {from6().payload(9).udp(1000, 53),
         "LEN=57 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=UDP SPT=1000 DPT=53 LEN=17 "},
        {from6().payload(Bytes(12)).protocol(6),
         "LEN=52 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=TCP INCOMPLETE [12 bytes] "},
        {from6().payload(8).icmp(128, 0, 0x12340056),
         "LEN=56 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=4660 SEQ=86 "},
        {from6().payload(quoted).icmp(1, 4),
         "LEN=96 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=1 CODE=4 "
         "[SRC=2001:0db8:0002:0000:0000:0000:0000:0002 DST=2001:0db8:0001:0000:0000:0000:0000:0002 LEN=48 "
         "TC=0 HOPLIMIT=3 FLOWLBL=0 PROTO=UDP SPT=53 DPT=1000 LEN=8 ] "},
        {from6().payload(quoted).icmp(2, 0, 1400),
         "LEN=96 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=2 CODE=0 "
         "[SRC=2001:0db8:0002:0000:0000:0000:0000:0002 DST=2001:0db8:0001:0000:0000:0000:0000:0002 LEN=48 "
         "TC=0 HOPLIMIT=3 FLOWLBL=0 PROTO=UDP SPT=53 DPT=1000 LEN=8 ] MTU=1400 "},
        {from6().payload(quoted).icmp(3, 0),
         "LEN=96 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=3 CODE=0 "
         "[SRC=2001:0db8:0002:0000:0000:0000:0000:0002 DST=2001:0db8:0001:0000:0000:0000:0000:0002 LEN=48 "
         "TC=0 HOPLIMIT=3 FLOWLBL=0 PROTO=UDP SPT=53 DPT=1000 LEN=8 ] "},
        {from6().payload(quoted).icmp(4, 0, 40),
         "LEN=96 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=4 CODE=0 POINTER=00000028 "
         "[SRC=2001:0db8:0002:0000:0000:0000:0000:0002 DST=2001:0db8:0001:0000:0000:0000:0000:0002 LEN=48 "
         "TC=0 HOPLIMIT=3 FLOWLBL=0 PROTO=UDP SPT=53 DPT=1000 LEN=8 ] "},
        {from6().payload(8).icmp(135, 0), "LEN=56 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=135 CODE=0 "},
        {from6().payload(Bytes(6)).protocol(58),
         "LEN=46 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 INCOMPLETE [6 bytes] "},
        {from6().extension(60, options).payload(0).udp(1, 2),
         "LEN=56 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( ) PROTO=UDP SPT=1 DPT=2 LEN=8 "},
        {from6().extension(44, {0, 0, 0, 1, 0, 0, 0, 77}).payload(8).udp(1, 2),
         "LEN=64 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( FRAG:0 INCOMPLETE ID:0000004d ) PROTO=UDP SPT=1 DPT=2 "
         "LEN=16 "},
        {from6().extension(44, {0, 0, 1, 0, 0, 0, 0, 77}).payload(16).protocol(17),
         "LEN=64 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( FRAG:256 ID:0000004d ) PROTO=UDP "},
        {from6().payload(spi).protocol(50), "LEN=52 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( ESP SPI=0xdead0001 )"},
        {from6().payload(6).protocol(59), "LEN=46 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=59 "},
        {from6().payload(6).protocol(47), "LEN=46 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=47 "},
    };
}

TEST_P(HookLogTest, LinesAreTheKernels) {
    for (const auto& [packet, text] : cases4())
        EXPECT_EQ(line_of(packet), of4 + text);
    for (const auto& [packet, text] : cases6())
        EXPECT_EQ(line_of(packet), of6 + text);
}

// nf_defrag_ipv4.c and nf_conntrack_reasm.c, priority -400: the line is of the datagram.
TEST_P(HookLogTest, WhatWasGatheredIsLoggedAsOne) {
    firewall.rules(everything + "*raw\n-A PREROUTING -m conntrack --ctstate NEW\nCOMMIT\n",
                   everything + "*raw\n-A PREROUTING -m conntrack --ctstate NEW\nCOMMIT\n");
    const auto said = [&](const Ip& whole, const std::vector<std::size_t>& places) {
        for (const Ip& piece : cut_at(whole, places, 77))
            rig.send("a", router.from_a(piece));
        return lines();
    };
    EXPECT_EQ(said(from4().payload(syn).protocol(6).summed(), {8, 16}),
              (Lines{{4, of4 + "LEN=52 TOS=0x00 PREC=0x00 TTL=64 ID=77 PROTO=TCP SPT=1000 DPT=80 WINDOW=8192 "
                               "RES=0x30 CWR ECE URG SYN URGP=5 "}}));
    for (const std::size_t first : {24u, 400u})
        EXPECT_EQ(
            said(from6().payload(500).udp(1000, 53).summed(), {first}),
            (Lines{{4, of6 + "LEN=548 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=UDP SPT=1000 DPT=53 LEN=508 "}}));
}

TEST_P(HookLogTest, SaysLevelPrefixAndWhatIsAskedFor) {
    firewall.rules(
        "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j LOG --log-prefix \"first \" --log-level debug\n"
        "-A FORWARD -j MARK --set-mark 0x2a\n-A FORWARD -j LOG --log-macdecode\n-A FORWARD -j DROP\nCOMMIT\n",
        "");
    rig.send("a", router.from_a(from4().payload(0).udp(1, 2)));
    const std::string rest =
        "SRC=10.0.1.2 DST=10.0.2.2 LEN=28 TOS=0x00 PREC=0x00 TTL=63 ID=4660 PROTO=UDP SPT=1 DPT=2 LEN=8 ";
    EXPECT_EQ(lines(),
              (Lines{{7, "first IN=a OUT=b MAC=02:ff:00:00:00:01:02:00:00:00:00:0a:08:00 " + rest},
                     {4, "IN=a OUT=b MACSRC=02:00:00:00:00:0a MACDST=02:ff:00:00:00:01 MACPROTO=0800 " +
                             rest + "MARK=0x2a "}}));
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), 1u);
}

TEST_P(HookLogTest, WhatTheHostSendsCameByNothing) {
    firewall.rules("*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j LOG\nCOMMIT\n", "");
    rig.from_kernel("b", router.to_b(Ip("10.0.2.1", "10.0.2.2").payload(0).udp(1, 2)));
    EXPECT_EQ(lines(), (Lines{{4,
                               "IN= OUT=b SRC=10.0.2.1 DST=10.0.2.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=4660 "
                               "PROTO=UDP SPT=1 DPT=2 LEN=8 "}}));
}

TEST_P(HookLogTest, WhatIsTooMuchIsCounted) {
    firewall.rules(everything, "");
    for (unsigned i = 0; i < LogRing::size + 3; ++i)
        rig.send("a", router.from_a(from4()));
    const auto all = lines();
    ASSERT_EQ(all.size(), LogRing::size + 1);
    EXPECT_EQ(all.back().second, "3 lines of LOG are left out: too many");
    EXPECT_EQ(lines(), Lines{});
}

// Lines of LOG and of TRACE in the order in which the packet met the rules, and many of one cost the other
// none.
TEST_P(HookLogTest, TracesTakeNoLineFromLog) {
    firewall.rules(
        "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j TRACE\nCOMMIT\n"
        "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m length --length 100:200 -j LOG "
        "--log-prefix \"it: \"\nCOMMIT\n",
        "");
    const auto kinds = [&] {
        std::string all;
        for (const auto& [level, line] : lines())
            all += line.starts_with("TRACE: ") ? 'T' : line.starts_with("it: ") ? 'L' : '?';
        return all;
    };
    rig.send("a", router.from_a(from4().payload(100).udp(1, 2)));
    const std::string order = kinds();
    EXPECT_EQ(std::count(order.begin(), order.end(), 'L'), 1);
    EXPECT_EQ(order.substr(0, 3), "TTL") << "raw's policy, the rule of mangle and what it does";
    for (unsigned i = 0; i < LogRing::size; ++i)
        rig.send("a", router.from_a(from4().payload(20).udp(1, 2)));
    for (unsigned i = 0; i < LogRing::size; ++i)
        rig.send("a", router.from_a(from4().payload(100).udp(1, 2)));
    const auto all = lines();
    const auto logs = std::count_if(all.begin(), all.end(),
                                    [](const auto& line) { return line.second.starts_with("it: "); });
    EXPECT_EQ(logs, LogRing::size);
    ASSERT_EQ(all.size(), 2 * LogRing::size + 1);
    EXPECT_TRUE(all.back().second.ends_with(" lines of TRACE are left out: too many")) << all.back().second;
}

// nf_conntrack_core.c, __nf_conntrack_alloc; lib/ratelimit.c: ten in five seconds.
TEST_P(HookLogTest, AFullTableIsToldTenTimesInFiveSeconds) {
    const std::pair<unsigned, std::string> full{4, "nf_conntrack: nf_conntrack: table full, dropping packet"};
    auto& counter = rig.shared().workers[0]->hook_log.table_full;
    EXPECT_EQ(lines(0), Lines{});
    counter.add(4);
    EXPECT_EQ(lines(100), Lines(4, full));
    counter.add(100);
    EXPECT_EQ(lines(200), Lines(6, full));
    EXPECT_EQ(lines(6000), Lines{}) << "nothing new";
    counter.add(1);
    EXPECT_EQ(lines(6000), (Lines{{4, "net_ratelimit: 94 callbacks suppressed"}, full}));
}

// Whatever one rule drops, another one's line comes, once in five seconds.
TEST_P(HookLogTest, EachRuleOfNatWithoutAFreePortIsNamed) {
    const auto of = [](const std::string& rule, const std::string& more = {}) {
        return std::pair<unsigned, std::string>{4, "nat: no free port, dropping packet" + more + ": " + rule};
    };
    auto& exhausted = rig.shared().workers.back()->hook_log.exhausted;
    const auto flood = [&](unsigned packets) {
        for (unsigned i = 0; i < packets; ++i)
            exhausted.count(1, false);
    };
    flood(1000);
    EXPECT_EQ(lines(0), Lines{of("rule 1")});
    exhausted.count(2, false);
    exhausted.count(2, true);
    flood(1000);
    EXPECT_EQ(lines(100), (Lines{of("rule 2"), of("six 2")}));
    exhausted.count(2, false);
    flood(1000);
    EXPECT_EQ(lines(200), Lines{});
    flood(1);
    EXPECT_EQ(lines(5001), Lines{of("rule 1", " (2999 more since the last such line)")});
    exhausted.count(2, false);
    exhausted.count(0, false);
    EXPECT_EQ(lines(5200), (Lines{of("no rule, or one that is gone"),
                                  of("rule 2", " (1 more since the last such line)")}));
    EXPECT_EQ(lines(5300), Lines{});
}

// A burst that is over: what it dropped is told whole, though nothing is dropped any more.
TEST_P(HookLogTest, TheEndOfABurstSaysHowManyMoreItDropped) {
    auto& exhausted = rig.shared().workers[0]->hook_log.exhausted;
    const auto burst = [&](unsigned packets, bool v6) {
        for (unsigned i = 0; i < packets; ++i)
            exhausted.count(1, v6);
    };
    burst(1000, false);
    burst(1, true);
    EXPECT_EQ(lines(0), (Lines{{4, "nat: no free port, dropping packet: rule 1"},
                               {4, "nat: no free port, dropping packet: six 1"}}));
    burst(500, false);
    EXPECT_EQ(lines(1000), Lines{});
    EXPECT_EQ(lines(5000), Lines{});
    EXPECT_EQ(lines(5001),
              (Lines{{4, "nat: no free port, 1499 more dropped since the last such line: rule 1"}}))
        << "of the other rule all was said";
    EXPECT_EQ(lines(20'000), Lines{});
    burst(2, false);
    EXPECT_EQ(lines(20'001), (Lines{{4, "nat: no free port, dropping packet: rule 1"}}));
}

// More rules than there are places for: all counted, each named at least once.
TEST_P(HookLogTest, ManyRulesWithoutAFreePort) {
    for (unsigned round = 0; round < 10; ++round) {
        for (unsigned rule = 1; rule <= ExhaustedRules::size; ++rule)
            rig.shared().workers[0]->hook_log.exhausted.count(100 * round + rule, false);
        EXPECT_EQ(lines(round * 10).size(), ExhaustedRules::size) << round;
    }
    std::uint64_t counted = 0;
    for (unsigned i = 0; i < ExhaustedRules::size; ++i)
        counted += rig.shared().workers[0]->hook_log.exhausted.drops(i);
    EXPECT_EQ(counted, 10 * ExhaustedRules::size);
}

}  // namespace
}  // namespace weft::test
