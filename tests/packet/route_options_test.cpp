// IPv4 options and IPv6 hop-by-hop options in transit; ids are those of tests/cases/router.tsv.
#include <gtest/gtest.h>

#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

class RouteOptionsTest : public testing::Test {
  protected:
    Router router;
    Rig& rig = router.rig;

    Ip with(const Bytes& options) const { return Ip("10.0.1.2", "10.0.2.2").options(options); }
    void forwards(const Bytes& in, const Bytes& out) {
        rig.send("a", router.from_a(with(in)));
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(with(out).ttl(63))}}}));
    }
    /// The parameter problem's pointer, -1 without one; the packet is dropped for the reason.
    int refused(const Bytes& options, DropReason reason) {
        const auto before = rig.drops(reason);
        rig.pass(10);
        rig.send("a", router.from_a(with(options)));
        EXPECT_EQ(rig.drops(reason), before + 1) << text_of(reason).word;
        const auto sent = rig.all_sent();
        EXPECT_FALSE(sent.contains("b"));
        if (!sent.contains("a")) return -1;
        const Bytes& answer = sent.at("a")[0];
        EXPECT_EQ(answer[34], 12) << "parameter problem";
        EXPECT_EQ(answer[35], 0);
        return answer[38];
    }
};

TEST_F(RouteOptionsTest, F20_RecordRoute) {
    forwards({7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0}, {7, 11, 8, 10, 0, 2, 1, 0, 0, 0, 0});
    forwards({1, 7, 7, 8, 9, 9, 9, 9}, {1, 7, 7, 8, 9, 9, 9, 9});  // full
}

TEST_F(RouteOptionsTest, Timestamps) {
    rig.send("a", router.from_a(with({68, 12, 5, 0x01, 0, 0, 0, 0, 0, 0, 0, 0})));
    const auto sent = rig.sent("b");
    ASSERT_EQ(sent.size(), 1u);
    const Bytes option(sent[0].begin() + 34, sent[0].begin() + 46);
    EXPECT_EQ(Bytes(option.begin(), option.begin() + 8), (Bytes{68, 12, 13, 0x01, 10, 0, 2, 1}));
    const unsigned time = static_cast<unsigned>(option[8]) << 24 | static_cast<unsigned>(option[9]) << 16 |
                          static_cast<unsigned>(option[10]) << 8 | option[11];
    EXPECT_LT(time, 86'400'000u);
    EXPECT_EQ(rfc1071(Bytes(sent[0].begin() + 14, sent[0].begin() + 46)), 0u);
    forwards({68, 8, 9, 0x20, 1, 2, 3, 4}, {68, 8, 9, 0x30, 1, 2, 3, 4});  // the overflow counts
    EXPECT_EQ(refused({68, 8, 9, 0xf0, 1, 2, 3, 4}, DropReason::route_bad_option), 23);
    forwards({68, 12, 5, 0x03, 10, 0, 9, 9, 0, 0, 0, 0},
             {68, 12, 5, 0x03, 10, 0, 9, 9, 0, 0, 0, 0});  // another's
}

TEST_F(RouteOptionsTest, F20b_SourceRoutes) {
    EXPECT_EQ(refused({131, 7, 4, 10, 0, 2, 9, 0}, DropReason::route_source_route), -1);
    EXPECT_EQ(refused({137, 7, 4, 10, 0, 2, 9, 0}, DropReason::route_source_route), -1);
}

TEST_F(RouteOptionsTest, F20c_BadLengths) {
    EXPECT_EQ(refused({7, 39, 4, 0, 0, 0, 0, 0}, DropReason::route_bad_option), 20);
    EXPECT_EQ(refused({7, 1, 0, 0}, DropReason::route_bad_option), 20);
    EXPECT_EQ(refused({7, 2, 0, 0}, DropReason::route_bad_option), 21);
    EXPECT_EQ(refused({7, 7, 3, 0, 0, 0, 0, 0}, DropReason::route_bad_option), 22);
    EXPECT_EQ(refused({7, 7, 6, 0, 0, 0, 0, 0}, DropReason::route_bad_option), 22);
    EXPECT_EQ(refused({1, 1, 1, 148}, DropReason::route_bad_option), 23);
}

TEST_F(RouteOptionsTest, F20d_F20e_PassUnchanged) {
    forwards({148, 4, 0, 0}, {148, 4, 0, 0});
    forwards({0x9f, 4, 7, 7}, {0x9f, 4, 7, 7});
    forwards({0, 99, 99, 99}, {0, 99, 99, 99});  // what follows the end is none
}

// net/ipv4/ip_output.c, ip_finish_output_gso: segments and their fragments leave before what came behind
// them.
TEST_F(RouteOptionsTest, WhatIsCutTwiceIsNotOvertaken) {
    router.route("10.0.2.2/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b, .mtu = 700}));
    router.publish();
    const Bytes no_operations{1, 1, 1, 1};
    Metadata left{};
    left.checksum = ChecksumState::unfinished;
    left.checksum_start = ethernet_header_size + 24;
    left.checksum_offset = offsetof(TcpHeader, checksum);
    left.gso_type = GsoType::tcp4;
    left.gso_size = 1000;
    Ip behind = with(no_operations).udp(1, 2);
    rig.offer("a", router.from_a(with(no_operations).payload(2000).tcp(1000, 80)), left);
    rig.offer("a", router.from_a(behind));
    rig.run();
    const auto sent = rig.sent("b");
    ASSERT_EQ(sent.size(), 5u) << "two segments of two fragments each, and the other";
    EXPECT_EQ(sent.back(), Bytes(router.to_b(behind.ttl(63))));
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_EQ((sent[i][20] << 8 | sent[i][21]) & 0x3fff, i % 2 == 0 ? 0x2000 : 672 / 8) << i;
}

TEST_F(RouteOptionsTest, F08b_OptionsOfFragments) {
    // RFC 791: an option with the copy bit in every piece, others in the first
    router.route("10.0.2.2/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b, .mtu = 600}));
    rig.send("a", router.from_a(with({7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0}).payload(1000)));
    const auto sent = rig.sent("b");
    ASSERT_EQ(sent.size(), 2u);
    const Bytes recorded{7, 7, 8, 10, 0, 2, 1};
    EXPECT_EQ(Bytes(sent[0].begin() + 34, sent[0].begin() + 41), recorded);
    for (const auto& piece : sent) {
        const std::size_t header = (piece[14] & 15u) * 4;
        EXPECT_EQ(
            rfc1071(Bytes(piece.begin() + 14, piece.begin() + 14 + static_cast<std::ptrdiff_t>(header))), 0u);
        const Bytes options(piece.begin() + 34, piece.begin() + 14 + static_cast<std::ptrdiff_t>(header));
        const Bytes alert{148, 4, 0, 0};
        EXPECT_NE(std::search(options.begin(), options.end(), alert.begin(), alert.end()), options.end());
        if (&piece == &sent[1]) {
            EXPECT_EQ(std::search(options.begin(), options.end(), recorded.begin(), recorded.begin() + 2),
                      options.end());
        }
    }
}

// net/ipv6/exthdrs.c, ip6_parse_tlv; RFC 4942 2.1.9.5.
TEST_F(RouteOptionsTest, PaddingOfHopByHopOptions) {
    const auto with6 = [](Bytes options) {
        options.insert(options.begin(), {0, static_cast<std::uint8_t>(options.size() / 8)});
        return Ip("2001:db8:1::2", "2001:db8:2::2").extension(0, options).udp(1, 2);
    };
    const Bytes eight_options{0x1e, 0,    0x1e, 0,    0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e,
                              0,    0x1e, 0,    0x1e, 0,    1, 4,    0, 0,    0, 0};
    Bytes nine_options = eight_options;
    nine_options[16] = 0x1e;
    const std::vector<Bytes> good = {{1, 4, 0, 0, 0, 0},
                                     {0, 0, 0, 0, 0, 0},
                                     {1, 5, 0, 0, 0, 0, 0, 0x1e, 5, 9, 9, 9, 9, 9},
                                     eight_options},
                             bad = {{1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                                    {1, 4, 0, 0, 0, 1},
                                    {1, 4, 0, 0, 0, 0, 0, 0, 0x1e, 4, 9, 9, 9, 9},
                                    {0, 0, 0, 0, 0, 0, 0, 0, 0x1e, 4, 9, 9, 9, 9},
                                    {0, 1, 4, 0, 0, 0, 0, 0, 0x1e, 4, 9, 9, 9, 9},
                                    nine_options};
    for (const Bytes& options : good) {
        rig.send("a", router.from_a(with6(options)));
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(with6(options).ttl(63))}}}));
    }
    for (const Bytes& options : bad) {
        rig.send("a", router.from_a(with6(options)));
        EXPECT_EQ(rig.all_sent(), Out{});
    }
    EXPECT_EQ(rig.drops(DropReason::route_bad_option), bad.size());
}

TEST_F(RouteOptionsTest, V11_UnknownHopByHopOptions) {
    const auto with6 = [](std::uint8_t type, const char* to = "2001:db8:2::2") {
        return Ip("2001:db8:1::2", to).extension(0, {0, 0, type, 2, 0, 0, 1, 0}).udp(1, 2);
    };
    rig.send("a", router.from_a(with6(0x1e)));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(with6(0x1e).ttl(63))}}})) << "00: skipped";
    rig.send("a", router.from_a(with6(0x5e)));
    EXPECT_EQ(rig.all_sent(), Out{}) << "01: dropped";
    for (const std::uint8_t type : {std::uint8_t{0x9e}, std::uint8_t{0xde}}) {
        rig.send("a", router.from_a(with6(type)));
        const auto sent = rig.sent("a");
        ASSERT_EQ(sent.size(), 1u) << "10 and 11: answered";
        EXPECT_EQ(Bytes(sent[0].begin() + 14, sent[0].end()),
                  Ip("2001:db8:1::1", "2001:db8:1::2").payload(with6(type).bytes()).icmp(4, 2, 42).bytes());
    }
    // net/ipv6/icmp.c, icmp6_send: asked in a broadcast of the link, the router speaks by its address there.
    const Ip in_broadcast = with6(0x9e, "2001:db8:2::1");
    rig.send("a", in_broadcast.frame(host_a, all_hosts));
    EXPECT_EQ(
        rig.all_sent(),
        (Out{{"a",
              {router.to_a(
                  Ip("2001:db8:1::1", "2001:db8:1::2").payload(in_broadcast.bytes()).icmp(4, 2, 42))}}}));
    rig.send("a", router.from_a(with6(0xde, "ff0e::1")));
    EXPECT_EQ(rig.all_sent(), Out{}) << "11, to a multicast address: not answered";
    EXPECT_EQ(rig.drops(DropReason::route_unknown_option), 5u);
    const auto truncated = Ip("2001:db8:1::2", "2001:db8:2::2").extension(0, {0, 9, 1, 4, 0, 0, 0, 0});
    rig.send("a", router.from_a(truncated));
    EXPECT_EQ(rig.drops(DropReason::route_truncated), 1u);
}

}  // namespace
}  // namespace weft::test
