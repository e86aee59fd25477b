// Rules over datagrams whose transport header lies in several fragments. Linux (nf_defrag_ipv4.c,
// nf_conntrack_reasm.c) puts them together before its first hook; of IPv6 only TCP's options can be cut (RFC
// 8200 4.5).
#include <gtest/gtest.h>

#include "tests/packet/firewall.hpp"
#include "tests/packet/pieces.hpp"

namespace weft::test {
namespace {

struct Ends {
    const char *a, *b;
    bool v6;
};
constexpr Ends ends4{"10.0.1.2", "10.0.2.2", false}, ends6{"2001:db8:1::2", "2001:db8:2::2", true};

class HookFragmentTest : public testing::TestWithParam<RigOptions> {
  protected:
    using Places = std::vector<std::size_t>;
    using Counts = std::vector<std::uint64_t>;

    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;
    std::uint8_t id = 0;

    void rules(const std::string& text) { firewall.rules(text, text); }
    /// A segment to a port, with sums that are right.
    static Ip segment(const Ends& who, unsigned port, std::uint8_t flags, const Bytes& options,
                      std::size_t data) {
        const auto offset = static_cast<std::uint8_t>((5 + options.size() / 4) << 4);
        Bytes tcp{
            3, 232, 0, static_cast<std::uint8_t>(port), 0, 0, 0, 77, 0, 0, 0, 0, offset, flags, 0x20, 0, 0,
            0, 0,   0};
        tcp.insert(tcp.end(), options.begin(), options.end());
        tcp.resize(tcp.size() + data, 0x5a);
        return Ip(who.a, who.b).payload(tcp).protocol(6).summed();
    }
    /// What leaves by `port` when A has sent the datagram in pieces.
    std::vector<Bytes> send_cut(const Ip& whole, const Places& places, const char* port) {
        std::vector<Bytes> all;
        for (const Ip& piece : cut_at(whole, places, ++id)) {
            rig.send("a", router.from_a(piece));
            for (auto& frame : rig.sent(port))
                all.push_back(frame);
        }
        return all;
    }
    std::vector<Bytes> at_b(const Ip& whole, const Places& places) {
        std::vector<Bytes> all;
        for (Ip& piece : cut_at(whole, places, id))
            all.push_back(router.to_b(piece.ttl(63)));
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, HookFragmentTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

TEST_P(HookFragmentTest, RulesSeeTheHeaderOfTheWholeDatagram) {
    rules(
        "*filter\n:FORWARD DROP\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
        "-A FORWARD -p tcp --dport 80 --tcp-flags SYN,ACK SYN -j ACCEPT\n-A FORWARD -p tcp --dport 81 -j "
        "ACCEPT\n"
        "-A FORWARD -p tcp --dport 82 --tcp-option 2 -j ACCEPT\n"
        "-A FORWARD -p tcp -m multiport --dports 83,84 -j ACCEPT\nCOMMIT\n");
    const std::vector<Places> cuts4{{8}, {16}, {8, 16, 24}, {24}, {8, 40}}, cuts6{{24}, {24, 32}};
    for (const Ends& who : {ends4, ends6}) {
        const auto& cuts = who.v6 ? cuts6 : cuts4;
        for (const unsigned port : {80u, 81u, 82u, 83u, 85u})
            for (const Places& places : cuts) {
                const Ip whole = segment(who, port, 2, {1, 1, 4, 2, 2, 4, 5, 180}, 30);
                const auto sent = send_cut(whole, places, "b");
                EXPECT_EQ(sent, port == 85 ? std::vector<Bytes>{} : at_b(whole, places)) << port << who.v6;
            }
        const std::uint64_t each = cuts.size();
        EXPECT_EQ(firewall.counts(who.v6, "FORWARD"), (Counts{0, each, each, each, each, each}));
    }
}

// nf_conntrack_reasm.c, nf_ct_frag6_gather: RFC 8200 4.5. The first fragment passes alone, the others wait
// for one that completes them.
TEST_P(HookFragmentTest, OfIpv6NobodyGathersWhatLacksItsUpperHeader) {
    rules(
        "*filter\n-A FORWARD -m conntrack --ctstate INVALID\n-A FORWARD -p tcp\n-A FORWARD -p udp\nCOMMIT\n");
    const Ip whole = segment(ends6, 80, 2, {}, 30);
    for (const std::size_t place : {8u, 16u}) {
        const auto sent = send_cut(whole, {place}, "b");
        EXPECT_EQ(sent, std::vector<Bytes>{router.to_b(cut_at(whole, {place}, id)[0].ttl(63))});
    }
    // The header before the upper one names it, but the first fragment ends there.
    const Bytes options{0, 0, 1, 4, 0, 0, 0, 0};
    const Ip alone = Ip(ends6.a, ends6.b).extension(44, {0, 0, 0, 1, 0, 0, 0, 99}).extension(60, options);
    const Ip first = Ip(alone).payload(Bytes{}).protocol(17);
    rig.send("a", router.from_a(first));
    EXPECT_EQ(rig.sent("b"), std::vector<Bytes>{router.to_b(Ip(first).ttl(63))});
    EXPECT_EQ(firewall.counts(true, "FORWARD"), (Counts{3, 2, 1, 3}));
    EXPECT_EQ(firewall.tracker().count(), 0u);
}

TEST_P(HookFragmentTest, AResetAnswersASegmentInPieces) {
    rules(
        "*filter\n-A FORWARD -p tcp --dport 80 -m conntrack --ctstate NEW -j REJECT --reject-with "
        "tcp-reset\nCOMMIT\n");
    for (const Ends& who : {ends4, ends6}) {
        const auto told = send_cut(segment(who, 80, 2, {2, 4, 5, 180}, 16), {who.v6 ? 24u : 8u}, "a");
        ASSERT_EQ(told.size(), 1u);
        const Bytes reset(told[0].begin() + (who.v6 ? 54 : 34), told[0].end() - 4);
        EXPECT_EQ(reset, (Bytes{0, 80, 3, 232, 0, 0, 0, 0, 0, 0, 0, 77 + 1 + 16, 0x50, 0x14, 0, 0}));
    }
}

TEST_P(HookFragmentTest, TcpmssWritesIntoThePieces) {
    rules(
        "*raw\n-A PREROUTING -m conntrack --ctstate NEW\nCOMMIT\n"
        "*mangle\n-A FORWARD -p tcp --syn -j TCPMSS --set-mss 500\n-A FORWARD -p tcp --tcp-option "
        "2\nCOMMIT\n");
    const auto mss = [](unsigned value) {
        return Bytes{1, 1, 2, 4, static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value),
                     1, 1};
    };
    for (const Ends& who : {ends4, ends6}) {
        const std::vector<Places> cuts =
            who.v6 ? std::vector<Places>{{24}} : std::vector<Places>{{8}, {8, 16, 24}, {16, 24}};
        for (const Places& places : cuts) {
            auto sent = send_cut(segment(who, 80, 2, mss(1460), 30), places, "b");
            EXPECT_EQ(sent, at_b(segment(who, 80, 2, mss(500), 30), places));
            Bytes added{2, 4, 500 >> 8, 500 & 0xff};
            const Bytes given{4, 2, 1, 1, 1, 1, 1, 1};
            added.insert(added.end(), given.begin(), given.end());
            sent = send_cut(segment(who, 80, 2, given, 0), places, "b");
            EXPECT_EQ(sent, at_b(segment(who, 80, 2, added, 0), places)) << "longer by an option";
        }
        EXPECT_EQ(firewall.counts(who.v6, "FORWARD", hook::TableId::mangle)[1], 2 * cuts.size());
    }
}

}  // namespace
}  // namespace weft::test
