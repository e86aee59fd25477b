// Packets in transit, to the host and from it, under rules: verdicts, answers, connections, counters.
#include <gtest/gtest.h>

#include "tests/packet/firewall.hpp"
#include "tests/packet/pieces.hpp"

namespace weft::test {
namespace {

const std::string stateful = R"(*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i a -o b -p udp -j ACCEPT
-A FORWARD -i a -o b -p tcp --syn -j ACCEPT
COMMIT
)";

/// Both hosts' addresses in one family.
struct Pair {
    const char *a, *b, *near_a;
};
constexpr Pair of4{"10.0.1.2", "10.0.2.2", "10.0.1.1"},
    of6{"2001:db8:1::2", "2001:db8:2::2", "2001:db8:1::1"};

class HookTest : public testing::TestWithParam<RigOptions> {
  protected:
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;

    /// Frames that left by a port after a frame came from A, or from B.
    std::vector<Bytes> from_a(const Ip& ip, const char* by) { return send("a", router.from_a(ip), by); }
    std::vector<Bytes> from_b(const Ip& ip, const char* by) { return send("b", router.from_b(ip), by); }
    std::vector<Bytes> send(const char* port, const Bytes& frame, const char* by) {
        rig.send(port, frame);
        return rig.sent(by);
    }
    static Ip hop_less(Ip ip) { return ip.ttl(63); }
};
INSTANTIATE_TEST_SUITE_P(Workers, HookTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

// net/netfilter/nf_conntrack_core.c, resolve_normal_ct; xt_conntrack.c.
TEST_P(HookTest, AnswersPassAndQuestionsFromOutsideDoNot) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        const Ip question = Ip(who.a, who.b).payload(20).udp(1000, 53),
                 answer = Ip(who.b, who.a).payload(30).udp(53, 1000);
        EXPECT_EQ(from_b(answer, "a"), std::vector<Bytes>{}) << "nobody asked";
        EXPECT_EQ(from_a(question, "b"), std::vector<Bytes>{router.to_b(hop_less(question))});
        EXPECT_EQ(from_b(answer, "a"), std::vector<Bytes>{router.to_a(hop_less(answer))});
        EXPECT_EQ(from_b(Ip(who.b, who.a).payload(30).udp(53, 1001), "a"), std::vector<Bytes>{})
            << "another port";
        const bool v6 = who.a == of6.a;
        EXPECT_EQ(firewall.counts(v6, "FORWARD"), (std::vector<std::uint64_t>{1, 1, 0, 2}));
    }
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), 4u);
    EXPECT_EQ(firewall.tracker().count(), 2u) << "what was dropped began no connection";
}

TEST_P(HookTest, ErrorsAboutAConnectionAreRelated) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        const bool v6 = who.a == of6.a;
        const Ip question = Ip(who.a, who.b).payload(20).udp(1000, 53);
        const Ip error = Ip(who.b, who.a).payload(hop_less(question).bytes()).icmp(v6 ? 1 : 3, v6 ? 4 : 3, 0);
        EXPECT_EQ(from_b(error, "a"), std::vector<Bytes>{}) << "about nothing";
        EXPECT_EQ(from_a(question, "b").size(), 1u);
        EXPECT_EQ(from_b(error, "a"), std::vector<Bytes>{router.to_a(hop_less(error))});
    }
}

TEST_P(HookTest, WhatIsForTheHostPassesInput) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        rig.send("a", router.from_a(Ip(who.a, who.near_a).payload(8).udp(5, 6)));
        EXPECT_EQ(rig.punted("a"), std::vector<Bytes>{});
    }
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), 2u);
    const std::string some = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp --dport 6 -j ACCEPT\nCOMMIT\n";
    firewall.rules(some, some);
    for (const Pair& who : {of4, of6}) {
        const Bytes frame = router.from_a(Ip(who.a, who.near_a).payload(8).udp(5, 6));
        rig.send("a", frame);
        EXPECT_EQ(rig.punted("a"), std::vector<Bytes>{frame});
    }
}

TEST_P(HookTest, WhatTheHostSendsPassesOutput) {
    const std::string none =
        "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp --dport 53 -o b -j DROP\nCOMMIT\n";
    firewall.rules(none, none);
    for (const Pair& who : {of4, of6}) {
        for (const unsigned port : {53u, 54u}) {
            const Bytes frame = router.to_b(Ip(who.near_a, who.b).payload(8).udp(7, port));
            rig.from_kernel("b", frame);
            EXPECT_EQ(rig.sent("b"), port == 53 ? std::vector<Bytes>{} : std::vector<Bytes>{frame});
        }
    }
}

// nf_reject_ipv4.c, nf_send_reset; nf_reject_ipv6.c; RFC 9293 3.10.7.1.
TEST_P(HookTest, RejectResetsAndTells) {
    const std::string rules = R"(*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset
-A FORWARD -p udp --dport 53 -j REJECT
COMMIT
)";
    firewall.rules(rules, rules);
    for (const Pair& who : {of4, of6}) {
        const bool v6 = who.a == of6.a;
        struct Row {
            std::uint8_t flags, reset_flags, sequence, acknowledgement;
        };
        for (const Row& row : {Row{0x10, 0x04, 85, 0}, Row{0x02, 0x14, 0, 78}}) {
            const Bytes segment{3, 232, 0, 80, 0, 0, 0, 77, 0, 0, 0, 85, 0x50, row.flags, 0, 1, 0, 0, 0, 0};
            const auto sent = from_a(Ip(who.a, who.b).payload(segment).protocol(6).summed(), "a");
            ASSERT_EQ(sent.size(), 1u);
            if (!v6) {
                EXPECT_EQ(sent[0][18] << 8 | sent[0][19], 0) << "identification";
            }
            const Bytes reset(sent[0].begin() + (v6 ? 54 : 34), sent[0].end());
            const Bytes wanted{
                0, 80, 3, 232, 0, 0, 0, row.sequence, 0, 0, 0, row.acknowledgement, 0x50, row.reset_flags,
                0, 0};
            ASSERT_EQ(reset.size(), 20u);
            EXPECT_EQ(Bytes(reset.begin(), reset.begin() + 16), wanted);
        }
        EXPECT_EQ(from_a(Ip(who.a, who.b).tcp(1000, 80), "a").size(), 0u) << "a wrong sum";
        const Ip question = Ip(who.a, who.b).payload(20).udp(1000, 53);
        const auto told = from_a(question, "a");
        ASSERT_EQ(told.size(), 1u);
        EXPECT_EQ(told[0][v6 ? 54 : 34], v6 ? 1 : 3);
        EXPECT_EQ(told[0][v6 ? 55 : 35], v6 ? 4 : 3) << "port unreachable";
    }
    EXPECT_EQ(rig.drops(DropReason::hook_rejected), 8u);
    EXPECT_EQ(firewall.tracker().count(), 0u);
}

// net/ipv4/icmp.c, __icmp_send; nf_reject_ipv4.c: RTCF_BROADCAST.
TEST_P(HookTest, NobodyIsToldAboutABroadcast) {
    firewall.rules(
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n-A INPUT -j "
        "REJECT\nCOMMIT\n",
        "");
    const Bytes segment{3, 232, 0, 80, 0, 0, 0, 77, 0, 0, 0, 0, 0x50, 2, 0, 1, 0, 0, 0, 0};
    for (const char* to : {"10.0.1.1", "10.0.1.255"}) {
        const std::size_t answers = to == std::string("10.0.1.1") ? 1 : 0;
        EXPECT_EQ(from_a(Ip(of4.a, to).payload(20).udp(1000, 53), "a").size(), answers);
        EXPECT_EQ(from_a(Ip(of4.a, to).payload(segment).protocol(6).summed(), "a").size(), answers);
    }
    EXPECT_EQ(rig.drops(DropReason::hook_rejected), 4u);
}

// nf_reject.h, nf_reject_verify_csum: a checksum of its own is taken to be there.
TEST_P(HookTest, OtherProtocolsAreAnsweredIfTheySumToNothing) {
    const std::string refuse = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j REJECT\nCOMMIT\n";
    firewall.rules(refuse, refuse);
    const Bytes zeros(8), one{0, 0, 0, 0, 0, 0, 0, 1};
    constexpr std::uint8_t ospf = 89, esp = 50;
    EXPECT_EQ(from_a(Ip(of4.a, of4.b).payload(zeros).protocol(ospf), "a").size(), 1u);
    EXPECT_EQ(from_a(Ip(of4.a, of4.b).payload(one).protocol(ospf), "a").size(), 0u);
    EXPECT_EQ(from_a(Ip(of6.a, of6.b).payload(zeros).protocol(ospf), "a").size(), 0u);
    for (const Pair& who : {of4, of6})
        EXPECT_EQ(from_a(Ip(who.a, who.b).payload(one).protocol(esp), "a").size(), 1u);
}

// nf_conntrack_core.c, nf_ct_attach: only conntrack passes over what has a connection, raw is asked.
TEST_P(HookTest, OwnAnswersPassRaw) {
    firewall.rules(stateful + "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p icmp -j DROP\nCOMMIT\n",
                   stateful + "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p ipv6-icmp -j DROP\nCOMMIT\n");
    for (const Pair& who : {of4, of6}) {
        const Ip question = Ip(who.a, who.b).payload(20).udp(1000, 53);
        EXPECT_EQ(from_a(question, "b").size(), 1u);
        EXPECT_EQ(from_a(Ip(question).ttl(1), "a"), std::vector<Bytes>{}) << "time exceeded";
        EXPECT_EQ(firewall.counts(who.a == of6.a, "OUTPUT", hook::TableId::raw),
                  (std::vector<std::uint64_t>{1, 0}));
    }
}

// net/core/skbuff.c, skb_scrub_packet: at the other end of a pair a packet is nobody's yet.
TEST_P(HookTest, ThePeerOfAVethPairAsksRawAgain) {
    Firewall pair(GetParam(),
                  "ip link add v0 address 02:ee:00:00:00:01 up type veth peer name v1 address "
                  "02:ee:00:00:00:02 up\n",
                  {"v0", "v1"});
    pair.rules("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i v1 -p udp --dport 9 -j DROP\nCOMMIT\n", "");
    for (const unsigned port : {8u, 9u})
        pair.rig.from_kernel("v0", Ip("10.0.3.1", "10.0.1.2")
                                       .payload(8)
                                       .udp(7, port)
                                       .frame("02:ee:00:00:00:01", "02:ee:00:00:00:02"));
    EXPECT_EQ(pair.counts(false, "PREROUTING", hook::TableId::raw), (std::vector<std::uint64_t>{1, 1}));
    EXPECT_EQ(pair.rig.sent("a").size(), 1u);
}

/// A UDP datagram of `payload` bytes from A to B, in pieces of 600 bytes of IP payload.
std::vector<Ip> pieces_of(const Pair& who, std::size_t payload, bool wrong = false, std::uint8_t id = 77) {
    const Ip whole = Ip(who.a, who.b).payload(payload).udp(1000, 53).summed();
    Bytes bytes = body_of(whole);
    if (wrong) bytes.back() ^= 1;
    std::vector<Ip> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += 600)
        pieces.push_back(piece_of(whole, bytes, at, std::min(at + 600, bytes.size()), id));
    return pieces;
}

// nf_defrag_ipv4.c, nf_conntrack_reasm.c: rules see a datagram, its pieces leave as they came.
TEST_P(HookTest, FragmentsAreJudgedAsOneDatagram) {
    const auto rules = [](const char* length) {
        return std::string(
                   "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
                   "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -p udp -m length "
                   "--length ") +
               length + " -j ACCEPT\nCOMMIT\n";
    };
    firewall.rules(rules("1528"),
                   rules("1548"));  // without the fragment header, as nf_ct_frag6_reasm leaves it
    for (const Pair& who : {of4, of6}) {
        const bool v6 = who.a == of6.a;
        const auto pieces = pieces_of(who, 1500);
        ASSERT_EQ(pieces.size(), 3u);
        for (const std::size_t i : {2u, 0u})
            EXPECT_EQ(from_a(pieces[i], "b"), std::vector<Bytes>{}) << "waits for the rest";
        EXPECT_EQ(from_a(pieces[1], "b"),
                  (std::vector<Bytes>{router.to_b(hop_less(pieces[0])), router.to_b(hop_less(pieces[1])),
                                      router.to_b(hop_less(pieces[2]))}));
        EXPECT_EQ(firewall.counts(v6, "FORWARD"), (std::vector<std::uint64_t>{0, 0, 1, 0})) << "once";
        const Ip answer = Ip(who.b, who.a).payload(30).udp(53, 1000);
        EXPECT_EQ(from_b(answer, "a"), std::vector<Bytes>{router.to_a(hop_less(answer))});
        for (const Ip& piece : pieces_of(who, 1500, true))
            EXPECT_EQ(from_a(piece, "b"), std::vector<Bytes>{}) << "a wrong sum: invalid, not new";
    }
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), 6u);
}

TEST_P(HookTest, FragmentsOfAConnectionAreGatheredByItsOwner) {
    const std::string rules =
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT\nCOMMIT\n";
    firewall.rules(rules, rules);
    for (const Pair& who : {of4, of6}) {
        EXPECT_EQ(from_b(Ip(who.b, who.a).payload(20).udp(53, 1000), "a").size(), 1u);
        for (std::uint8_t id = 1; id <= 8; ++id) {  // which worker gathers them first is a matter of a hash
            std::size_t sent = 0;
            for (const Ip& piece : pieces_of(who, 1500, false, id))
                sent += from_a(piece, "b").size();
            EXPECT_EQ(sent, 3u);
        }
    }
}

// nf_conntrack_reasm.c, nf_ct_frag6_reasm; ip_fragment.c, ip_frag_reasm.
TEST_P(HookTest, AnErrorQuotesTheGatheredDatagram) {
    const auto refuse = [](const char* length) {
        return std::string(
                   "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate NEW -j REJECT\n"
                   "-A OUTPUT -m length --length ") +
               length + "\nCOMMIT\n";
    };
    firewall.rules(refuse("576"), refuse("1280"));
    for (const Pair& who : {of4, of6}) {
        const bool v6 = who.a == of6.a;
        const auto pieces = pieces_of(who, 1500);
        for (const std::size_t i : {2u, 0u})
            EXPECT_EQ(from_a(pieces[i], "a"), std::vector<Bytes>{});
        const auto told = from_a(pieces[1], "a");
        ASSERT_EQ(told.size(), 1u);
        Bytes whole = hop_less(Ip(who.a, who.b).id(77).payload(1500).udp(1000, 53).summed()).bytes();
        whole.resize(v6 ? 1280 - 48 : 576 - 28);
        EXPECT_EQ(Bytes(told[0].begin() + 14 + (v6 ? 48 : 28), told[0].end()), whole);
        EXPECT_EQ(firewall.counts(v6, "OUTPUT"), (std::vector<std::uint64_t>{1, 1})) << "of its own length";
    }
}

// nf_reject_ipv4.c, nf_send_unreach; nf_reject_ipv6.c, reject6_csum_ok: a piece alone has a wrong sum, or
// none.
TEST_P(HookTest, NobodyIsToldAboutFragmentsThatNobodyGathers) {
    const std::string refuse = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j REJECT\nCOMMIT\n";
    firewall.rules(refuse, refuse);
    firewall.without_connections();
    for (const Pair& who : {of4, of6})
        for (const Ip& piece : pieces_of(who, 1500))
            EXPECT_EQ(from_a(piece, "a"), std::vector<Bytes>{});
    EXPECT_EQ(rig.drops(DropReason::hook_rejected), 6u);
}

// nf_conntrack_proto_tcp.c, nf_conntrack_tcp_set_closing.
TEST_P(HookTest, AResetByARuleClosesTheConnection) {
    const std::string rules =
        "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp -m conntrack --ctstate ESTABLISHED -j REJECT "
        "--reject-with "
        "tcp-reset\nCOMMIT\n";
    firewall.rules(rules, rules);
    for (const Pair& who : {of4, of6}) {
        EXPECT_EQ(from_a(Ip(who.a, who.b).payload(tcp_syn).protocol(6).summed(), "b").size(), 1u);
        EXPECT_EQ(from_b(Ip(who.b, who.a).payload(tcp_syn_ack).protocol(6).summed(), "b").size(), 1u);
    }
    std::vector<std::pair<TcpState, std::uint32_t>> found;
    for (std::uint32_t cursor = 0;;) {
        constexpr FlowTime now = 1'000'000;  // the rig's
        cursor = firewall.tracker().walk(cursor, 4096, now, [&](const FlowView& view) {
            found.emplace_back(view.tcp_state, view.seconds_left);
        });
        if (!cursor) break;
    }
    ASSERT_EQ(found.size(), 2u);
    for (const auto& [state, seconds] : found) {
        EXPECT_EQ(state, TcpState::close);
        EXPECT_LE(seconds, 10u);
    }
}

TEST_P(HookTest, FragmentsForTheHostComeAsTheyWere) {
    firewall.rules(stateful, stateful);
    const std::string some =
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate NEW -p udp -j ACCEPT\nCOMMIT\n";
    firewall.rules(some, some);
    for (const Pair& who : {Pair{of4.a, of4.near_a, of4.near_a}, Pair{of6.a, of6.near_a, of6.near_a}}) {
        std::vector<Bytes> frames;
        for (const Ip& piece : pieces_of(who, 1000)) {
            frames.push_back(router.from_a(piece));
            rig.send("a", frames.back());
        }
        EXPECT_EQ(rig.punted("a"), frames);
    }
}

// ip_input.c, ip_local_deliver: puts IPv4 together before INPUT, whoever tracks; ip6_input asks INPUT first.
TEST_P(HookTest, InputSeesDatagramsThoughNobodyTracks) {
    const std::string some = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp --dport 53 -j ACCEPT\nCOMMIT\n";
    firewall.rules(some, some);
    firewall.without_connections();
    for (std::uint8_t id = 1; id <= 8; ++id) {  // which worker gathers them is a matter of a hash
        std::vector<Bytes> frames;
        for (const Ip& piece : pieces_of({of4.a, of4.near_a, of4.near_a}, 1000, false, id))
            frames.push_back(router.from_a(piece));
        rig.send("a", frames[1]);
        EXPECT_EQ(rig.punted("a"), std::vector<Bytes>{}) << "waits for the rest";
        rig.send("a", frames[0]);
        EXPECT_EQ(rig.punted("a"), frames);
    }
    EXPECT_EQ(firewall.counts(false, "INPUT"), (std::vector<std::uint64_t>{8, 0}));
    EXPECT_EQ(firewall.byte_counts(false, "INPUT"), (std::vector<std::uint64_t>{8 * 1028, 0}));
    const auto pieces = pieces_of({of6.a, of6.near_a, of6.near_a}, 1000);
    for (const Ip& piece : pieces)
        rig.send("a", router.from_a(piece));
    EXPECT_EQ(rig.punted("a"), std::vector<Bytes>{router.from_a(pieces[0])}) << "the others have no port";
}

// ip_output.c, ip_finish_output and ip6_output.c, ip6_finish_output: the host's own are cut behind both
// hooks.
TEST_P(HookTest, OutputSeesDatagramsThoughNobodyTracks) {
    const auto some = [](const char* length) {
        return std::string("*filter\n:OUTPUT DROP [0:0]\n-A OUTPUT -p udp --dport 53 -m length --length ") +
               length + " -j ACCEPT\nCOMMIT\n*mangle\n-A POSTROUTING -p udp --sport 1000\nCOMMIT\n";
    };
    firewall.rules(some("1028"), some("1048"));
    firewall.without_connections();
    for (const Pair& who : {Pair{of4.near_a, of4.a, of4.a}, Pair{of6.near_a, of6.a, of6.a}}) {
        const bool v6 = who.b == of6.a;
        for (std::uint8_t id = 1; id <= 8; ++id) {  // which worker gathers them is a matter of a hash
            const auto pieces = pieces_of(who, 1000, false, id);
            std::vector<Bytes> frames;
            for (const Ip& piece : pieces)
                frames.push_back(router.to_a(piece));
            for (std::size_t i = frames.size(); i-- > 0;) {
                EXPECT_EQ(rig.sent("a"), std::vector<Bytes>{}) << "waits for the rest";
                rig.from_kernel("a", frames[i]);
            }
            EXPECT_EQ(rig.sent("a"), frames);
        }
        EXPECT_EQ(firewall.counts(v6, "OUTPUT"), (std::vector<std::uint64_t>{8, 0}));
        EXPECT_EQ(firewall.byte_counts(v6, "OUTPUT"),
                  (std::vector<std::uint64_t>{v6 ? 8 * 1048u : 8 * 1028u, 0}));
        EXPECT_EQ(firewall.counts(v6, "POSTROUTING", hook::TableId::mangle),
                  (std::vector<std::uint64_t>{8, 8}));
    }
}

// xt_CT.c, xt_ct_target: what rules of raw find between the target and conntrack.
TEST_P(HookTest, RulesAfterCtSeeItsTemplate) {
    const std::string raw =
        "*raw\n-A PREROUTING -m connmark --mark 0\n-A PREROUTING -j CT --zone 1\n"
        "-A PREROUTING -m connmark --mark 0\n-A PREROUTING -m state --state NEW\n"
        "-A PREROUTING -m conntrack --ctstatus CONFIRMED --ctexpire 0\n"
        "-A PREROUTING -m conntrack --ctstate ESTABLISHED\n-A PREROUTING -m connmark --mark 3\nCOMMIT\n"
        "*mangle\n-A PREROUTING -j CONNMARK --set-mark 3\nCOMMIT\n";
    firewall.rules(raw, raw);
    for (const Pair& who : {of4, of6}) {
        const Ip question = Ip(who.a, who.b).payload(20).udp(1000, 53),
                 answer = Ip(who.b, who.a).payload(30).udp(53, 1000);
        for (unsigned i = 0; i < 2; ++i) {
            EXPECT_EQ(from_a(question, "b").size(), 1u);
            EXPECT_EQ(from_b(answer, "a").size(), 1u);
        }
        EXPECT_EQ(firewall.counts(who.a == of6.a, "PREROUTING", hook::TableId::raw),
                  (std::vector<std::uint64_t>{0, 4, 4, 4, 4, 0, 0, 4}));
    }
}

TEST_P(HookTest, MarksChooseRoutes) {
    firewall.rules(
        "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp --dport 9 -j MARK --set-mark 7\nCOMMIT\n",
        "");
    RoutingRule marked{.mark = 7, .mask = 0xffffffff, .action = RoutingRule::Action::blackhole};
    router.routing().rules4 = {marked, RoutingRule{}};
    router.publish();
    EXPECT_EQ(from_a(Ip(of4.a, of4.b).udp(1, 8), "b").size(), 1u);
    EXPECT_EQ(from_a(Ip(of4.a, of4.b).udp(1, 9), "b").size(), 0u);
    EXPECT_EQ(rig.drops(DropReason::route_blackhole), 1u);
}

// fib_frontend.c, __fib_validate_source: without src_valid_mark the way back is asked for without mark.
TEST_P(HookTest, MarksChooseNoWayBack) {
    firewall.rules("*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-mark 7\nCOMMIT\n", "");
    const RoutingRule back{.to = {{10, 0, 1, 2}},
                           .to_length = 32,
                           .mark = 7,
                           .mask = 0xffffffff,
                           .action = RoutingRule::Action::blackhole};
    router.routing().rules4 = {back, RoutingRule{}};
    router.interface("a").rp_filter = 1;
    router.publish();
    EXPECT_EQ(from_a(Ip(of4.a, of4.b).udp(1, 8), "b").size(), 1u);
    EXPECT_EQ(from_b(Ip(of4.b, of4.a).udp(8, 1), "a").size(), 0u);
    EXPECT_EQ(rig.drops(DropReason::route_blackhole), 1u);
}

}  // namespace
}  // namespace weft::test
