// RFC 4787 REQ-13 and REQ-14: fragments and what is too big; ids are those of tests/cases/nat.tsv.
#include <rte_mempool.h>

#include "tests/packet/environment.hpp"
#include "tests/packet/nat_rfc.hpp"
#include "tests/packet/pieces.hpp"

namespace weft::test {
namespace {

class NatFragmentTest : public NatRfc {
  protected:
    /// Bytes `from` to `to` of the datagram's body.
    static Ip piece(const char* source, const char* destination, const Bytes& body, std::size_t from,
                    std::size_t to, std::uint8_t id = 7) {
        return piece_of(Ip(source, destination).protocol(17), body, from, to, id);
    }
    /// Sent in pieces of `size` bytes, the datagram leaves in such pieces.
    void expect_pieces(const char* in, const Ip& sent, const Ip& left, std::size_t size) {
        const Bytes came = body_of(sent), goes = body_of(left);
        Packets expected, out;
        for (std::size_t at = 0; at < came.size(); at += size) {
            const std::size_t end = std::min(at + size, came.size());
            const auto part_of = [&](const Ip& ip, const Bytes& body) {
                return piece_of(ip, body, at, end, 9);
            };
            expected.push_back(part_of(left, goes).ttl(63).bytes());
            for (auto& packet : lab.pass(in, part_of(sent, came), *in == 'a' ? "b" : "a"))
                out.push_back(packet);
        }
        EXPECT_EQ(out, expected) << "pieces of " << size;
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
        EXPECT_LE(before - rte_mempool_avail_count(pool()), pool()->size / 4)
            << "worker.cpp, room_for_fragments";
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

// net/netfilter/nf_conntrack_core.c, nf_nat_proto.c: of a datagram put together, wherever its headers lie. No
// piece leaves with the inside address.
TEST_P(NatFragmentTest, U14d_HeadersMayLieInSeveralFragments) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Bytes options{2, 4, 5, 180, 1, 1, 4, 2};
        const Segment syn{.flags = Segment::syn, .sequence = 7, .length = 3, .options = options},
            answer{.flags = Segment::syn | Segment::ack,
                   .sequence = 70,
                   .acknowledged = 8,
                   .length = 9,
                   .options = options};
        // Of IPv6 nobody gathers a first fragment without TCP's header (RFC 8200 4.5).
        const unsigned first = who.v6 ? 24 : 8, second = who.v6 ? 24 : 16;
        expect_pieces("a", tcp(who.a, who.b, 5000, 80, syn), tcp(who.w, who.b, 5000, 80, syn), first);
        expect_pieces("b", tcp(who.b, who.w, 80, 5000, answer), tcp(who.b, who.a, 80, 5000, answer), second);
        expect_pieces("a", udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53), 8);
        const auto unreachable = [&](const char* to) {
            Bytes about = udp(to, who.b, 5000, 53).ttl(63).bytes();
            return Ip(who.b, to).payload(about).icmp(who.v6 ? 1 : 3, who.v6 ? 4 : 3);
        };
        for (const unsigned size : {8u, 16u, 24u, 32u, 40u, 48u})
            expect_pieces("b", unreachable(who.w), unreachable(who.a), size);
        const auto echo = [&](const char* from, const char* to, unsigned type) {
            return Ip(from, to).payload(30).icmp(type, 0, 77 << 16 | 1);
        };
        expect_pieces("a", echo(who.a, who.b, who.v6 ? 128 : 8), echo(who.w, who.b, who.v6 ? 128 : 8), 8);
    }
}

}  // namespace
}  // namespace weft::test
