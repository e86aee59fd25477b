// RFC 4787 REQ-13 and REQ-14: fragments and what is too big; ids are those of tests/cases/nat.tsv.
#include <rte_mempool.h>

#include "tests/packet/environment.hpp"
#include "tests/packet/nat_rfc.hpp"

namespace weft::test {
namespace {

class NatFragmentTest : public NatRfc {
  protected:
    /// What follows the IP header of a whole datagram.
    static Bytes body_of(const Ip& whole) {
        Bytes bytes = whole.bytes();
        bytes.erase(bytes.begin(), bytes.begin() + (whole.v6() ? 40 : 20));
        return bytes;
    }
    /// Bytes `from` to `to` of the datagram's body.
    static Ip piece(const char* source, const char* destination, const Bytes& body, std::size_t from,
                    std::size_t to, std::uint8_t id = 7) {
        const bool more = to < body.size();
        const auto at = [&](std::size_t n) { return body.begin() + static_cast<std::ptrdiff_t>(n); };
        Ip ip = Ip(source, destination).id(id).payload(Bytes(at(from), at(to))).protocol(17);
        if (ip.v6())
            ip.extension(44, {0, 0, static_cast<std::uint8_t>(from >> 8),
                              static_cast<std::uint8_t>((from & 0xf8) | (more ? 1 : 0)), 0, 0, 0, id});
        else
            ip.fragment(from, more);
        return ip;
    }
    void narrow(unsigned mtu) {
        lab.router.route("10.0.2.2/32", lab.router.hop({.interface = "b",
                                                        .gateway = "10.0.2.2",
                                                        .mac = host_b,
                                                        .mtu = static_cast<std::uint16_t>(mtu),
                                                        .source = "10.0.2.1"}));
        lab.router.publish();
    }
};
INSTANTIATE_NAT(NatFragmentTest);

TEST_P(NatFragmentTest, U13_TooBigIsToldWithTheInsideAddresses) {
    lab.nat(snat);
    narrow(1400);
    const Ip small = udp(hosts4.a, hosts4.b, 5052, 53, 100).dont_fragment(),
             big = udp(hosts4.a, hosts4.b, 5052, 53, 1400).dont_fragment();
    for (unsigned round = 0; round < 4; ++round) {  // before there is a connection, and of a known flow
        const Packets told = lab.pass("a", big, "a");
        ASSERT_EQ(told.size(), 1u);
        Bytes quoted = big.bytes();
        quoted.resize(548);
        EXPECT_EQ(told[0], Ip(hosts4.near_a, hosts4.a)
                               .tos(0xc0)
                               .id(static_cast<unsigned>(told[0][4] << 8 | told[0][5]))
                               .payload(quoted)
                               .icmp(3, 4, 1400)
                               .bytes());
        EXPECT_EQ(rig.sent("b"), Packets{});
        expect_out(small, udp(hosts4.w, hosts4.b, 5052, 53, 100).dont_fragment());
        expect_in(udp(hosts4.b, hosts4.w, 53, 5052), udp(hosts4.b, hosts4.a, 53, 5052));
    }
}

TEST_P(NatFragmentTest, U13a_WhatMayBeCutIsTranslatedWhole) {
    lab.nat(snat);
    narrow(1400);
    const Bytes left = body_of(udp(hosts4.w, hosts4.b, 5000, 53, 1472));
    for (unsigned round = 0; round < 4; ++round) {
        const Packets pieces = lab.inside(udp(hosts4.a, hosts4.b, 5000, 53, 1472));
        ASSERT_EQ(pieces.size(), 2u);
        const std::size_t first = pieces[0].size() - 20;
        ASSERT_EQ(first % 8, 0u);
        EXPECT_LE(pieces[0].size(), 1400u);
        constexpr unsigned id = 0x1234;
        EXPECT_EQ(pieces[0], piece(hosts4.w, hosts4.b, left, 0, first).id(id).ttl(63).bytes());
        EXPECT_EQ(pieces[1], piece(hosts4.w, hosts4.b, left, first, left.size()).id(id).ttl(63).bytes());
        expect_in(udp(hosts4.b, hosts4.w, 53, 5000), udp(hosts4.b, hosts4.a, 53, 5000));
    }
}

TEST_P(NatFragmentTest, U14_FragmentsInAnyOrder) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Bytes sent = body_of(udp(who.a, who.b, 5000, 53, 2480)),
                    left = body_of(udp(who.w, who.b, 5000, 53, 2480)),
                    came = body_of(udp(who.b, who.w, 53, 5000, 2480)),
                    given = body_of(udp(who.b, who.a, 53, 5000, 2480));
        const std::pair<std::size_t, std::size_t> parts[] = {{0, 1000}, {1000, 2000}, {2000, sent.size()}};
        std::uint8_t id = 1;
        for (const std::vector<unsigned>& order : {std::vector<unsigned>{0, 1, 2}, {2, 1, 0}, {1, 2, 0}}) {
            ++id;
            Packets out, in, left_so, given_so;
            for (const unsigned i : order) {
                const auto [from, to] = parts[i];
                for (auto& p : lab.inside(piece(who.a, who.b, sent, from, to, id)))
                    out.push_back(p);
            }
            for (const unsigned i : order) {
                const auto [from, to] = parts[i];
                for (auto& p : lab.outside(piece(who.b, who.w, came, from, to, id)))
                    in.push_back(p);
            }
            for (const auto& [from, to] : parts) {
                left_so.push_back(piece(who.w, who.b, left, from, to, id).ttl(63).bytes());
                given_so.push_back(piece(who.b, who.a, given, from, to, id).ttl(63).bytes());
            }
            EXPECT_EQ(out, left_so);
            EXPECT_EQ(in, given_so);
        }
    }
}

TEST_P(NatFragmentTest, U14a_AFloodOfFragmentsHurtsNobodyElse) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const auto echo = [&](const char* from, const char* to, unsigned type) {
            return Ip(from, to).payload(30).icmp(type, 0, 77 << 16 | 1);
        };
        const unsigned ask = who.v6 ? 128 : 8, tell = who.v6 ? 129 : 0;
        const Bytes body = body_of(udp(who.a, who.b, 5000, 53, 80));
        const unsigned before = rte_mempool_avail_count(pool());
        for (unsigned i = 0; i < 50'000; ++i) {
            Ip first = piece(who.a, who.b, body, 0, 40, static_cast<std::uint8_t>(i));
            if (who.v6)
                first = Ip(who.a, who.b)
                            .payload(Bytes(body.begin(), body.begin() + 40))
                            .protocol(17)
                            .extension(44, {0, 0, 0, 1, 0, 0, static_cast<std::uint8_t>(i >> 8),
                                            static_cast<std::uint8_t>(i)});
            else
                first.id(i & 0xffff);
            rig.send("a", lab.router.from_a(first));
            if (i % 5000) continue;
            EXPECT_EQ(rig.sent("b"), Packets{});
            expect_out(echo(who.a, who.b, ask), echo(who.w, who.b, ask));
            expect_in(echo(who.b, who.w, tell), echo(who.b, who.a, tell));
        }
        EXPECT_LT(before - rte_mempool_avail_count(pool()), 4096u);
        // Others' datagrams find a place again.
        rig.pass(61);
        const Bytes sent = body_of(udp(who.a3, who.b, 5000, 53, 800));
        EXPECT_EQ(lab.inside(piece(who.a3, who.b, sent, 0, 400)), Packets{});
        EXPECT_EQ(lab.inside(piece(who.a3, who.b, sent, 400, sent.size())).size(), 2u);
    }
}

// nf_defrag_ipv4, RFC 5722: all of the datagram is dropped.
TEST_P(NatFragmentTest, U14b_OverlappingFragmentsAreDropped) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Bytes sent = body_of(udp(who.a, who.b, 5000, 53, 1000));
        EXPECT_EQ(lab.inside(piece(who.a, who.b, sent, 0, 600)), Packets{});
        EXPECT_EQ(lab.inside(piece(who.a, who.b, sent, 592, sent.size())), Packets{});
    }
}

TEST_P(NatFragmentTest, U14c_ALoneFragmentIsHeldAndForgotten) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Bytes sent = body_of(udp(who.a, who.b, 5000, 53, 1000));
        EXPECT_EQ(lab.inside(piece(who.a, who.b, sent, 800, sent.size())), Packets{});
        rig.pass(who.v6 ? 61 : 31);
        rig.run();
        EXPECT_EQ(rig.sent("b"), Packets{});
        EXPECT_EQ(lab.inside(piece(who.a, who.b, sent, 0, 800)), Packets{}) << "the rest is gone";
    }
}

}  // namespace
}  // namespace weft::test
