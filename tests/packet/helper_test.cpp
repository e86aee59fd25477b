// Helpers that a CT rule gives: what they let in, and what they write anew where addresses are translated.
#include <gtest/gtest.h>

#include "tests/packet/ftp.hpp"

namespace weft::test {
namespace {

const std::string raw = R"(*raw
-A PREROUTING -p tcp --dport 21 -j CT --helper ftp
-A PREROUTING -p udp --dport 69 -j CT --helper tftp
COMMIT
)";
const std::string filter = R"(*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -p tcp --dport 21 -j ACCEPT
-A FORWARD -p udp --dport 69 -j ACCEPT
COMMIT
)";

Bytes sack(std::uint32_t left, std::uint32_t right) {
    Bytes option{1, 1, 5, 10};
    for (const std::uint32_t edge : {left, right})
        for (int shift = 24; shift >= 0; shift -= 8)
            option.push_back(static_cast<std::uint8_t>(edge >> shift));
    return option;
}

class HelperTest : public testing::TestWithParam<RigOptions> {
  protected:
    NatLab lab{GetParam()};
    using Packets = std::vector<Bytes>;

    Ftp plain(bool v6) {
        const Side a{v6 ? "2001:db8:1::2" : "10.0.1.2", 4000}, b{v6 ? "2001:db8:2::2" : "10.0.2.2", 21};
        return {lab, "a", "b", a, b, a, b};
    }
    /// A SYN from one port of the router to another: whether it came out there as it was.
    bool passes(const char* in, const Side& from, const Side& to, const char* out) {
        const Ip syn = segment(from, to, {SYN, 77});
        return lab.pass(in, syn, out) == Packets{forwarded(syn)};
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, HelperTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

// RFC 959 and 2428; nf_conntrack_ftp.c: the four ways to a data connection.
TEST_P(HelperTest, DataConnectionsAreRelated) {
    lab.nat("", raw + filter);
    for (const bool v6 : {false, true}) {
        Ftp ftp = plain(v6);
        ftp.open();
        const Side &a = ftp.client, &b = ftp.server;
        EXPECT_FALSE(passes("b", {b.address, 20}, {a.address, 5000}, "a")) << "not expected yet";
        const std::string port = v6 ? "EPRT |2|2001:db8:1::2|5000|\r\n" : "PORT 10,0,1,2,19,136\r\n";
        EXPECT_EQ(ftp.to_server({PSH | ACK, 1009, 5009, port}), ftp.at_server({PSH | ACK, 1009, 5009, port}));
        EXPECT_TRUE(passes("b", {b.address, 20}, {a.address, 5000}, "a"));
        EXPECT_FALSE(passes("b", {b.address, 21}, {a.address, 5000}, "a")) << "once";

        const std::string pasv = v6 ? "229 Extended (|||5001|)\r\n" : "227 Passive (10,0,2,2,19,137).\r\n";
        const auto said = static_cast<std::uint32_t>(port.size());
        EXPECT_FALSE(passes("a", {a.address, 6000}, {b.address, 5001}, "b"));
        EXPECT_EQ(ftp.to_client({PSH | ACK, 5009, 1009 + said, pasv}).size(), 1u);
        EXPECT_TRUE(passes("a", {a.address, 6000}, {b.address, 5001}, "b"));
    }
    EXPECT_EQ(lab.rig.drops(DropReason::hook_helper), 0u);
}

// try_eprt of IPv4; a door to another host is not opened (loose, 0); half a command is dropped.
TEST_P(HelperTest, DoorsToOthersStayShut) {
    lab.nat("", raw + filter);
    Ftp ftp = plain(false);
    ftp.open();
    EXPECT_EQ(ftp.to_server({PSH | ACK, 1009, 5009, "EPRT |1|10.0.1.3|5000|\r\n"}).size(), 1u);
    EXPECT_FALSE(passes("b", {"10.0.2.2", 20}, {"10.0.1.3", 5000}, "a"));
    EXPECT_FALSE(passes("b", {"10.0.2.2", 20}, {"10.0.1.2", 5000}, "a"));
    EXPECT_EQ(ftp.to_server({PSH | ACK, 1033, 5009, "PORT 10,0"}), Packets{});
    EXPECT_EQ(lab.rig.drops(DropReason::hook_helper), 1u);
    EXPECT_EQ(ftp.to_server({PSH | ACK, 1033, 5009, "PORT 10,0,1,2,19,136\r\n"}).size(), 1u);
    EXPECT_TRUE(passes("b", {"10.0.2.2", 20}, {"10.0.1.2", 5000}, "a"));
}

// RFC 5382 REQ-6: without a rule nobody helps.
TEST_P(HelperTest, T6_NobodyHelpsUnasked) {
    lab.nat("-A POSTROUTING -o b -j SNAT --to-source $W\n", filter);
    Ftp ftp = plain(false);
    ftp.client_seen = {"10.0.2.1", 4000};
    ftp.open();
    const std::string port = "PORT 10,0,1,2,19,136\r\n";
    EXPECT_EQ(ftp.to_server({PSH | ACK, 1009, 5009, port}), ftp.at_server({PSH | ACK, 1009, 5009, port}));
    EXPECT_EQ(lab.outside(segment({"10.0.2.2", 20}, {"10.0.2.1", 5000}, {SYN, 7})), Packets{});
    EXPECT_EQ(lab.firewall.tracker().expectations().count(), 0u);
}

// nf_nat_ftp.c, nf_conntrack_seqadj.c: a longer address, and all numbers after it, in both directions.
TEST_P(HelperTest, T14_NumbersAndSackFollowALongerCommand) {
    lab.nat4("-A POSTROUTING -o b -j SNAT --to-source 10.0.2.100\n", raw + filter);
    Ftp ftp = plain(false);
    ftp.client_seen = {"10.0.2.100", 4000};
    ftp.open();
    const std::string port = "PORT 10,0,1,2,19,136\r\n", longer = "PORT 10,0,2,100,19,136\r\n";
    for (unsigned times = 0; times < 2; ++times)  // sent again, it is the same
        EXPECT_EQ(ftp.to_server({PSH | ACK, 1009, 5009, port}),
                  ftp.at_server({PSH | ACK, 1009, 5009, longer}));
    const std::uint32_t next = 1009 + static_cast<std::uint32_t>(port.size());
    EXPECT_EQ(ftp.to_client({ACK, 5009, next + 2}), ftp.at_client({ACK, 5009, next}));
    EXPECT_EQ(ftp.to_client({ACK, 5009, 1009, "", sack(1020, next + 2)}),
              ftp.at_client({ACK, 5009, 1009, "", sack(1018, next)}));
    EXPECT_EQ(ftp.to_server({PSH | ACK, next, 5009, "LIST\r\n", sack(5009, 5010)}),
              ftp.at_server({PSH | ACK, next + 2, 5009, "LIST\r\n", sack(5009, 5010)}));
    EXPECT_EQ(ftp.to_client({PSH | ACK, 5009, next + 8, "150 ok\r\n"}),
              ftp.at_client({PSH | ACK, 5009, next + 6, "150 ok\r\n"}));

    const Ip syn = segment({"10.0.2.2", 20}, {"10.0.2.100", 5000}, {SYN, 7});
    EXPECT_EQ(lab.outside(syn), Packets{forwarded(segment({"10.0.2.2", 20}, {"10.0.1.2", 5000}, {SYN, 7}))});
    EXPECT_EQ(lab.inside(segment({"10.0.1.2", 5000}, {"10.0.2.2", 20}, {SYN | ACK, 9, 8})),
              Packets{forwarded(segment({"10.0.2.100", 5000}, {"10.0.2.2", 20}, {SYN | ACK, 9, 8}))});

    // A second one, shorter than what it has become, moves on from there.
    EXPECT_EQ(ftp.to_server({PSH | ACK, next + 6, 5017, "EPRT |1|10.0.1.2|5002|\r\n"}),
              ftp.at_server({PSH | ACK, next + 8, 5017, "EPRT |1|10.0.2.100|5002|\r\n"}));
    EXPECT_EQ(ftp.to_server({ACK, next + 30, 5017}), ftp.at_server({ACK, next + 34, 5017}));
}

// xt_CT.c: what the rule asks of a connection goes with a packet to the worker that owned the one before. A
// SYN from anywhere opens what is in TIME_WAIT (nf_conntrack_proto_tcp.c).
TEST_P(HelperTest, AConnectionThatBeginsElsewhereIsAsTheRuleAsks) {
    for (const std::string zone : {"--zone", "--zone-orig"}) {
        const std::string ct =
            "*raw\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp --ctevents new,destroy "
            "--expevents new " +
            zone + " 5\n-A PREROUTING -p tcp --sport 21 -j CT " + zone + " 5\nCOMMIT\n";
        lab.nat("", ct);
        FlowTracker& tracker = lab.firewall.tracker();
        for (const bool v6 : {false, true}) {
            tracker.flush();
            lab.rig.run();
            Ftp ftp = plain(v6);
            ftp.open();
            EXPECT_EQ(ftp.to_server({tcp_flag::fin | ACK, 1009, 5009}).size(), 1u);
            EXPECT_EQ(ftp.to_client({tcp_flag::fin | ACK, 5009, 1010}).size(), 1u);
            EXPECT_EQ(ftp.to_server({ACK, 1010, 5010}).size(), 1u);
            const auto given = [&] {
                std::uint64_t all = 0;
                for (const auto& worker : lab.rig.shared().workers)
                    all += worker->own.handed_over.get();
                return all;
            };
            const auto before = given();
            // The same SYN, by the way that the answers come.
            lab.rig.send("b", lab.router.from_b(segment(ftp.client, ftp.server, {SYN, 900'000})));
            EXPECT_EQ(lab.rig.sent("b").size(), 1u);
            EXPECT_EQ(given() > before, GetParam().workers > 1) << "the other worker owned it";
            unsigned seen = 0;
            tracker.walk(0, 4096, 0, [&](const FlowView& view) {
                ++seen;
                EXPECT_EQ(view.tcp_state, TcpState::syn_sent);
                EXPECT_EQ(view.helper, FlowHelper::ftp);
                EXPECT_EQ(view.kind.zone, 5);
                EXPECT_EQ(view.reply_zone, zone == "--zone" ? 5 : 0);
                EXPECT_TRUE(view.kind.flags & FlowKind::selective);
                EXPECT_EQ(tracker.extra(view.ref).told.connection,
                          ToldEvents::created | ToldEvents::destroyed);
                EXPECT_EQ(tracker.extra(view.ref).told.expectations, ToldEvents::expectation_created);
            });
            EXPECT_EQ(seen, 1u);
        }
    }
}

// A server behind DNAT: the answer names the outside; a port that is taken becomes another.
TEST_P(HelperTest, PassiveAnswersNameTheOutside) {
    lab.nat4("-A PREROUTING -i b -p tcp --dport 21 -j DNAT --to-destination 10.0.1.2\n", raw + filter);
    const Side client{"10.0.2.2", 4000}, server{"10.0.1.2", 21};
    Ftp ftp{lab, "b", "a", client, server, client, {"10.0.2.1", 21}};
    ftp.open();
    EXPECT_EQ(ftp.to_client({PSH | ACK, 5009, 1009, "227 Passive (10,0,1,2,19,137).\r\n"}),
              ftp.at_client({PSH | ACK, 5009, 1009, "227 Passive (10,0,2,1,19,137).\r\n"}));
    EXPECT_EQ(lab.outside(segment({"10.0.2.2", 6000}, {"10.0.2.1", 5001}, {SYN, 7})),
              Packets{forwarded(segment({"10.0.2.2", 6000}, {"10.0.1.2", 5001}, {SYN, 7}))});
    EXPECT_EQ(lab.inside(segment({"10.0.1.2", 5001}, {"10.0.2.2", 6000}, {SYN | ACK, 9, 8})),
              Packets{forwarded(segment({"10.0.2.1", 5001}, {"10.0.2.2", 6000}, {SYN | ACK, 9, 8}))});
    EXPECT_EQ(ftp.to_client({PSH | ACK, 5041, 1009, "229 Extended (|||5003|)\r\n"}),
              ftp.at_client({PSH | ACK, 5041, 1009, "229 Extended (|||5003|)\r\n"}));
    EXPECT_EQ(lab.outside(segment({"10.0.2.2", 6001}, {"10.0.2.1", 5003}, {SYN, 7})),
              Packets{forwarded(segment({"10.0.2.2", 6001}, {"10.0.1.2", 5003}, {SYN, 7}))});
}

// RFC 4787 REQ-10 and nf_conntrack_tftp.c, nf_nat_tftp.c: the server answers from a port of its own.
TEST_P(HelperTest, U10_AnswersFromAnotherPortNeedTheHelper) {
    const auto request = [](const char* from) {
        return Ip(from, "10.0.2.2").payload(Bytes{0, 1, 'f', 0}).udp(4000, 69).summed();
    };
    const Ip answer = Ip("10.0.2.2", "10.0.2.100").payload(20).udp(7777, 4000).summed();
    const std::string snat = "-A POSTROUTING -o b -j SNAT --to-source 10.0.2.100\n";
    lab.nat4(snat, filter);
    EXPECT_EQ(lab.inside(request("10.0.1.2")), Packets{forwarded(request("10.0.2.100"))});
    EXPECT_EQ(lab.outside(answer), Packets{});
    lab.firewall.tracker().flush();
    lab.nat4(snat, raw + filter);
    EXPECT_EQ(lab.inside(request("10.0.1.2")), Packets{forwarded(request("10.0.2.100"))});
    EXPECT_EQ(lab.outside(answer),
              Packets{forwarded(Ip("10.0.2.2", "10.0.1.2").payload(20).udp(7777, 4000).summed())});
    EXPECT_EQ(lab.inside(Ip("10.0.1.2", "10.0.2.2").payload(8).udp(4000, 7777).summed()),
              Packets{forwarded(Ip("10.0.2.100", "10.0.2.2").payload(8).udp(4000, 7777).summed())});
}

// Of many segments, whatever lies in which: the same words leave.
TEST_P(HelperTest, CommandsMayLieInSeveralSegments) {
    lab.nat4("-A POSTROUTING -o b -j SNAT --to-source 10.0.2.100\n", raw + filter);
    Ftp ftp = plain(false);
    ftp.client_seen = {"10.0.2.100", 4000};
    ftp.open();
    const std::string port = "PORT 10,0,1,2,19,136\r\n", longer = "PORT 10,0,2,100,19,136\r\n";
    const Bytes frame = lab.router.from_a(segment(ftp.client, ftp.server, {PSH | ACK, 1009, 5009, port}));
    for (const std::size_t cut : {std::size_t{56}, std::size_t{60}, std::size_t{66}, frame.size() - 1}) {
        Packet* whole = Packet::from(rte_pktmbuf_alloc(lab.rig.shared().pool));
        rte_mbuf* rest = rte_pktmbuf_alloc(lab.rig.shared().pool);
        std::memcpy(rte_pktmbuf_append(whole, static_cast<std::uint16_t>(cut)), frame.data(), cut);
        std::memcpy(rte_pktmbuf_append(rest, static_cast<std::uint16_t>(frame.size() - cut)),
                    frame.data() + cut, frame.size() - cut);
        ASSERT_EQ(rte_pktmbuf_chain(whole, rest), 0);
        whole->meta = {};
        lab.rig.port("a").waiting.push_back(whole);
        lab.rig.run();
        EXPECT_EQ(NatLab::packets(lab.rig.sent("b")), ftp.at_server({PSH | ACK, 1009, 5009, longer})) << cut;
    }
}

/// A fragment that holds these bytes of a packet of IPv4.
Ip piece_of(Ip whole, std::size_t begin, std::size_t end) {
    const Bytes bytes = whole.bytes();
    const auto at = [&](std::size_t n) { return bytes.begin() + static_cast<std::ptrdiff_t>(n); };
    return whole.payload(Bytes(at(begin), at(end))).fragment(begin - 20, end < bytes.size());
}

// net/netfilter/nf_conntrack_proto_sctp.c, nf_nat_proto.c: a wrong CRC32c is INVALID; a translated port's is
// right.
TEST_P(HelperTest, SctpIsTrackedAndTranslated) {
    const auto init = [](const char* from, std::uint8_t port, Bytes crc) {
        Bytes bytes{0x13, port, 0x0f, 0x1c, 0, 0, 0, 0};
        bytes.insert(bytes.end(), crc.begin(), crc.end());
        for (const std::uint8_t b : {1, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1})
            bytes.push_back(b);
        return Ip(from, "10.0.2.2").payload(bytes).protocol(132);
    };
    /// Appendix A of RFC 9260, a bit at a time.
    const auto crc = [](const Ip& ip) {
        Bytes bytes = ip.bytes();
        bytes.erase(bytes.begin(), bytes.begin() + 20);
        std::fill(bytes.begin() + 8, bytes.begin() + 12, std::uint8_t{0});
        std::uint32_t sum = 0xffffffff;
        for (const std::uint8_t byte : bytes) {
            sum ^= byte;
            for (int bit = 0; bit < 8; ++bit)
                sum = sum & 1 ? sum >> 1 ^ 0x82f63b78 : sum >> 1;
        }
        sum = ~sum;
        return Bytes{static_cast<std::uint8_t>(sum), static_cast<std::uint8_t>(sum >> 8),
                     static_cast<std::uint8_t>(sum >> 16), static_cast<std::uint8_t>(sum >> 24)};
    };
    lab.nat4(
        "-A POSTROUTING -o b -p sctp -j SNAT --to-source 10.0.2.1:5001\n",
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate NEW,RELATED -j ACCEPT\nCOMMIT\n");
    const Bytes none(4);
    EXPECT_EQ(lab.inside(init("10.0.1.2", 0x88, none)), Packets{}) << "a wrong sum";
    const Ip sent = init("10.0.1.2", 0x88, crc(init("10.0.1.2", 0x88, none)));
    Ip left = init("10.0.2.1", 0x89, crc(init("10.0.2.1", 0x89, none)));
    EXPECT_EQ(lab.inside(sent), Packets{forwarded(left)});

    // sctp_manip_pkt: that of a quoted one is of what is quoted, if its field is.
    const auto error = [](const char* to, Ip quoted, std::size_t length) {
        Bytes bytes = quoted.ttl(60).bytes();
        bytes.resize(20 + length);
        return Ip("10.0.2.2", to).payload(bytes).icmp(3, 3, 0);
    };
    const auto with_crc = [&](Ip whole, std::size_t length) {
        Bytes bytes = whole.bytes();
        const Bytes sum = crc(Ip("10.0.1.2", "10.0.2.2")
                                  .payload(Bytes(bytes.begin() + 20,
                                                 bytes.begin() + 20 + static_cast<std::ptrdiff_t>(length))));
        Bytes body(bytes.begin() + 20, bytes.end());
        std::copy(sum.begin(), sum.end(), body.begin() + 8);
        return Ip("10.0.1.2", "10.0.2.2").payload(body).protocol(132);
    };
    const std::size_t all = left.bytes().size() - 20;
    EXPECT_EQ(lab.outside(error("10.0.2.1", left, all)), Packets{forwarded(error("10.0.1.2", sent, all))});
    for (const std::size_t length : {std::size_t{12}, std::size_t{16}})
        EXPECT_EQ(lab.outside(error("10.0.2.1", left, length)),
                  Packets{forwarded(error("10.0.1.2", with_crc(sent, length), length))});
    EXPECT_EQ(lab.outside(error("10.0.2.1", left, 8)), Packets{forwarded(error("10.0.1.2", sent, 8))});

    // The same in pieces of eight bytes, which the header takes two of.
    const auto in_pieces = [&](const Ip& whole) {
        const Bytes bytes = whole.bytes();
        Packets out;
        for (std::size_t at = 20; at < bytes.size(); at += 8)
            for (const Bytes& piece : lab.inside(piece_of(whole, at, std::min(at + 8, bytes.size()))))
                out.push_back(piece);
        return out;
    };
    lab.firewall.tracker().flush();
    EXPECT_EQ(in_pieces(init("10.0.1.2", 0x88, none)), Packets{}) << "a wrong sum";
    Packets pieces;
    for (std::size_t at = 20; at < left.bytes().size(); at += 8)
        pieces.push_back(forwarded(piece_of(left.ttl(64), at, std::min(at + 8, left.bytes().size()))));
    EXPECT_EQ(in_pieces(sent), pieces);
}

}  // namespace
}  // namespace weft::test
