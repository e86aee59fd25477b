// TCPMSS as net/netfilter/xt_TCPMSS.c of Linux 6.1 does it, on packets in transit and of the host.
#include <gtest/gtest.h>

#include "tests/packet/firewall.hpp"

namespace weft::test {
namespace {

struct Ends {
    const char *a, *b, *near_a;
    bool v6;
};
constexpr Ends ends4{"10.0.1.2", "10.0.2.2", "10.0.1.1", false},
    ends6{"2001:db8:1::2", "2001:db8:2::2", "2001:db8:1::1", true};

constexpr std::uint8_t syn = 0x02, ack = 0x10;

/// A segment with right sums; options are padded by the caller.
Ip segment(const char* from, const char* to, std::uint8_t flags, const Bytes& options, const Bytes& data = {},
           std::uint8_t words = 0) {
    const auto offset = words ? words : static_cast<std::uint8_t>(5 + options.size() / 4);
    Bytes tcp{3,     232,  0, 80, 0, 0, 0, 77, 0, 0, 0, 0, static_cast<std::uint8_t>(offset << 4),
              flags, 0x20, 0, 0,  0, 0, 0};
    tcp.insert(tcp.end(), options.begin(), options.end());
    tcp.insert(tcp.end(), data.begin(), data.end());
    return Ip(from, to).payload(tcp).protocol(6).summed();
}
Bytes mss(unsigned value) {
    return {2, 4, static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

std::string forward_rule(const std::string& what) {
    return "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS " + what +
           "\nCOMMIT\n";
}

class HookTcpmssTest : public testing::TestWithParam<RigOptions> {
  protected:
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;

    std::vector<Bytes> from_a(const Ip& ip) {
        rig.send("a", router.from_a(ip));
        return rig.sent("b");
    }
    std::vector<Bytes> at_b(Ip ip) { return {router.to_b(ip.ttl(63))}; }
    void rules(const std::string& text) { firewall.rules(text, text); }
};
INSTANTIATE_TEST_SUITE_P(Workers, HookTcpmssTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

TEST_P(HookTcpmssTest, LowersAndNeverRaises) {
    rules(forward_rule("--set-mss 1000"));
    const Bytes rest{4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};
    for (const Ends& who : {ends4, ends6}) {
        for (const std::uint8_t flags : {syn, static_cast<std::uint8_t>(syn | ack)}) {
            EXPECT_EQ(from_a(segment(who.a, who.b, flags, mss(1460) + rest)),
                      at_b(segment(who.a, who.b, flags, mss(1000) + rest)));
            EXPECT_EQ(from_a(segment(who.a, who.b, flags, rest + mss(1460))),
                      at_b(segment(who.a, who.b, flags, rest + mss(1000))));
            for (const unsigned small : {1000u, 999u, 0u})
                EXPECT_EQ(from_a(segment(who.a, who.b, flags, mss(small))),
                          at_b(segment(who.a, who.b, flags, mss(small))));
        }
        EXPECT_EQ(from_a(segment(who.a, who.b, ack, mss(1460))), at_b(segment(who.a, who.b, ack, mss(1460))))
            << "no SYN";
        EXPECT_EQ(from_a(segment(who.a, who.b, syn, mss(1460), {1, 2, 3})),
                  at_b(segment(who.a, who.b, syn, mss(1000), {1, 2, 3})));
    }
}

TEST_P(HookTcpmssTest, AddsTheDefaultWhereThereIsNoneAndNoData) {
    for (const Ends& who : {ends4, ends6}) {
        const unsigned most = who.v6 ? 1220 : 536;
        const Bytes rest{1, 3, 3, 7};
        for (const unsigned wanted : {9000u, 1460u, 100u}) {
            rules(forward_rule("--set-mss " + std::to_string(wanted)));
            EXPECT_EQ(from_a(segment(who.a, who.b, syn, rest)),
                      at_b(segment(who.a, who.b, syn, mss(std::min(wanted, most)) + rest)));
        }
        const Ip data = segment(who.a, who.b, syn, rest, {1});
        EXPECT_EQ(from_a(data), at_b(data));
        const Ip full = segment(who.a, who.b, syn, Bytes(40, 1));
        EXPECT_EQ(from_a(full), at_b(full)) << "the header cannot grow";
        Bytes zero_length{5, 0, 1, 1};
        EXPECT_EQ(from_a(segment(who.a, who.b, syn, zero_length)),
                  at_b(segment(who.a, who.b, syn, mss(100) + zero_length)));
    }
}

// The smaller MTU of both ways (tcpmss_reverse_mtu), less 40 or 60 bytes of headers.
TEST_P(HookTcpmssTest, ClampsToThePathsOfBothDirections) {
    rules(forward_rule("--clamp-mss-to-pmtu"));
    for (const Ends& who : {ends4, ends6}) {
        const std::string length = who.v6 ? "/128" : "/32";
        const unsigned headers = who.v6 ? 60 : 40;
        const auto expect = [&](unsigned value, const char* why) {
            EXPECT_EQ(from_a(segment(who.a, who.b, syn, mss(9000))),
                      at_b(segment(who.a, who.b, syn, mss(value))))
                << why;
        };
        expect(1500 - headers, "of the interfaces");
        router.route(who.b + length,
                     router.hop({.interface = "b", .gateway = who.b, .mac = host_b, .mtu = 1400}));
        expect(1400 - headers, "of the route ahead");
        router.route(who.a + length,
                     router.hop({.interface = "a", .gateway = who.a, .mac = host_a, .mtu = 1300}));
        expect(1300 - headers, "of the route back");
        if (who.v6) continue;
        router.route(who.b + length,
                     router.hop({.interface = "b", .gateway = who.b, .mac = host_b, .mtu = 40}));
        EXPECT_EQ(from_a(segment(who.a, who.b, syn, mss(9000))), std::vector<Bytes>{})
            << "unknown or invalid";
    }
}

TEST_P(HookTcpmssTest, DropsWithABrokenHeader) {
    rules(forward_rule("--set-mss 1000"));
    for (const Ends& who : {ends4, ends6}) {
        EXPECT_EQ(from_a(segment(who.a, who.b, syn, {}, {}, 4)), std::vector<Bytes>{});
        EXPECT_EQ(from_a(segment(who.a, who.b, syn, {}, {}, 6)), std::vector<Bytes>{});
    }
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), 4u);
}

// Rules behind it see the packet as it is then; each counts the bytes that it saw.
TEST_P(HookTcpmssTest, LaterRulesSeeTheLongerPacket) {
    const auto text = [](unsigned before) {
        return "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp --syn -j TCPMSS --set-mss 500\n"
               "-A FORWARD -m length --length " +
               std::to_string(before) + "\n-A FORWARD -m length --length " + std::to_string(before + 4) +
               "\n-A FORWARD -p tcp --tcp-option 2\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\n"
               "-A FORWARD -m length --length " +
               std::to_string(before + 4) + " -j ACCEPT\nCOMMIT\n";
    };
    firewall.rules(text(40), text(60));
    for (const Ends& who : {ends4, ends6}) {
        EXPECT_EQ(from_a(segment(who.a, who.b, syn, {})).size(), 1u);
        using Counts = std::vector<std::uint64_t>;
        const std::uint64_t before = who.v6 ? 60 : 40;
        EXPECT_EQ(firewall.counts(who.v6, "FORWARD", hook::TableId::mangle), (Counts{1, 0, 1, 1, 1}));
        EXPECT_EQ(firewall.byte_counts(who.v6, "FORWARD", hook::TableId::mangle),
                  (Counts{before, 0, before + 4, before + 4, before + 4}));
        EXPECT_EQ(firewall.byte_counts(who.v6, "FORWARD"), (Counts{before + 4, 0}));
    }
}

// inet_proto_csum_replace2: of a sum that is left to whoever sends, only the pseudo-header's part is there.
TEST_P(HookTcpmssTest, AnUnfinishedSumIsOfThePseudoHeader) {
    rules("*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp --syn -j TCPMSS --set-mss 500\nCOMMIT\n");
    for (const Ends& who : {ends4, ends6}) {
        const std::size_t tcp_at = who.v6 ? 54 : 34;
        for (const Bytes& options : {Bytes{}, mss(1460)}) {
            Ip sent = segment(who.near_a, who.b, syn, options);
            Bytes frame = router.to_b(sent);
            // The pseudo-header's sum: what is left when the segment itself is taken out.
            Bytes body(frame.begin() + static_cast<std::ptrdiff_t>(tcp_at), frame.end());
            body[16] = body[17] = 0;
            const unsigned whole = (frame[tcp_at + 16] << 8 | frame[tcp_at + 17]) ^ 0xffffu;
            unsigned partial = whole + rfc1071(body);
            partial = (partial & 0xffff) + (partial >> 16);
            frame[tcp_at + 16] = static_cast<std::uint8_t>(partial >> 8);
            frame[tcp_at + 17] = static_cast<std::uint8_t>(partial);
            Metadata meta{};
            meta.checksum = ChecksumState::unfinished;
            meta.checksum_start = static_cast<std::uint16_t>(tcp_at);
            meta.checksum_offset = 16;
            rig.from_kernel("b", frame, meta);
            EXPECT_EQ(rig.sent("b"),
                      std::vector<Bytes>{router.to_b(segment(who.near_a, who.b, syn, mss(500)))});
        }
    }
}

}  // namespace
}  // namespace weft::test
