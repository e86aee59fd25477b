// Translated connections while the configuration changes.
#include "control/hook/program.hpp"
#include "control/publish/published_rules.hpp"
#include "tests/packet/nat_rfc.hpp"

namespace weft::test {
namespace {

using Packets = std::vector<Bytes>;

class PublishedNatTest : public testing::TestWithParam<RigOptions> {
  protected:
    Router router{GetParam()};
    Rig& rig = router.rig;
    PublishedRules published{rig.shared(),
                             [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); }};

    /// The whole configuration's, for both families; `nat` of each.
    void configure(const std::function<std::string(const NatHosts&)>& nat) {
        FilteringInput input{
            .rules = {}, .interfaces = {{"a", rig.index("a")}, {"b", rig.index("b")}}, .flows = {}};
        for (const NatHosts& who : {hosts4, hosts6}) {
            const std::vector<std::string> words = {who.v6 ? "ip6tables-restore" : "iptables-restore"};
            const auto outcome =
                hook::run_restore(input.rules.edit(who.v6 ? hook::Family::ip6 : hook::Family::ip), {}, words,
                                  nat(who) +
                                      "*filter\n-A FORWARD -m conntrack --ctstate ESTABLISHED\n"
                                      "COMMIT\n");
            ASSERT_EQ(outcome.status, 0) << outcome.errors;
        }
        rig.while_offline([&] { published.publish(input); });
    }
    void configure_nat() {
        configure([](const NatHosts& who) {
            const std::string a = who.a, w = who.w, b = who.b, host = who.v6 ? "[" + a + "]" : a;
            return "*nat\n-A PREROUTING -i b -d " + w + " -p udp --dport 7000 -j DNAT --to-destination " +
                   host + ":7001\n-A PREROUTING -i b -p udp --dport 80 -j REDIRECT --to-ports 8080\n" +
                   "-A OUTPUT -p udp --dport 99 -j DNAT --to-destination " + b +
                   "\n-A POSTROUTING -o b -p udp -j SNAT --to-source " + w +
                   "\n-A POSTROUTING -o b -p tcp -j MASQUERADE\nCOMMIT\n";
        });
    }
    void configure_without_nat() {
        configure([](const NatHosts&) { return std::string(); });
    }
    Packets pass(const char* in, const Ip& ip) {
        rig.send(in, *in == 'a' ? router.from_a(ip) : router.from_b(ip));
        return NatLab::packets(rig.sent(*in == 'a' ? "b" : "a"));
    }
    void expect(const char* in, const Ip& sent, Ip leaves) {
        EXPECT_EQ(pass(in, sent), Packets{leaves.ttl(63).bytes()});
    }
    std::uint64_t slow() {
        std::uint64_t all = 0;
        for (const auto& worker : rig.shared().workers)
            all += worker->stages[static_cast<std::size_t>(StageId::ip_input)].packets.get();
        return all;
    }
    /// What a configuration without the table nat may not change, once.
    void expect_translated(const NatHosts& who, unsigned flags = Segment::ack) {
        const unsigned syn = flags & Segment::syn ? 1 : 0;
        expect("a", udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect("b", udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        expect("b", udp(who.b, who.w, 900, 7000), udp(who.b, who.a, 900, 7001));
        expect("a", udp(who.a, who.b, 7001, 900), udp(who.w, who.b, 7000, 900));
        const Segment there{syn ? unsigned{Segment::syn} : flags, 1001 - syn, syn ? 0u : 5001u},
            back{flags | Segment::ack, 5001 - syn, 1001};
        expect("a", tcp(who.a, who.b, 6000, 443, there), tcp(who.w, who.b, 6000, 443, there));
        expect("b", tcp(who.b, who.w, 443, 6000, back), tcp(who.b, who.a, 443, 6000, back));
    }
    /// The router's own, with B.
    void expect_own(const NatHosts& who) {
        static_cast<void>(rig.punted("b"));
        rig.send("b", router.from_b(udp(who.b, who.w, 901, 80)));
        EXPECT_EQ(NatLab::packets(rig.punted("b")), Packets{udp(who.b, who.w, 901, 8080).bytes()});
        rig.from_kernel("b", router.to_b(udp(who.w, who.b, 8080, 901)));
        EXPECT_EQ(NatLab::packets(rig.sent("b")), Packets{udp(who.w, who.b, 80, 901).bytes()});
        const char* const asked = who.v6 ? "2001:db8:2::77" : "10.0.2.77";
        rig.from_kernel("b", router.to_b(udp(who.w, asked, 4444, 99)));
        EXPECT_EQ(NatLab::packets(rig.sent("b")), Packets{udp(who.w, who.b, 4444, 99).bytes()});
        rig.send("b", router.from_b(udp(who.b, who.w, 99, 4444)));
        EXPECT_EQ(NatLab::packets(rig.punted("b")), Packets{udp(asked, who.w, 99, 4444).bytes()});
    }
};
INSTANTIATE_NAT(PublishedNatTest);

// net/netfilter/nf_nat_core.c: nf_nat_register_fn's hooks stay while the table does, and nf_nat_packet asks
// the connection alone.
TEST_P(PublishedNatTest, KnownConnectionsStayTranslatedWithoutTheTable) {
    configure_nat();
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_translated(who, Segment::syn);
        for (unsigned round = 0; round < 3; ++round)
            expect_translated(who);
        expect_own(who);
    }
    configure_without_nat();
    for (const NatHosts& who : {hosts4, hosts6}) {
        for (unsigned round = 0; round < 3; ++round)
            expect_translated(who);
        const std::uint64_t before = slow();
        expect_translated(who);
        EXPECT_EQ(slow(), before) << "flows are known again";
        expect_own(who);
        expect_own(who);
        expect_translated(who, Segment::fin | Segment::ack);
    }
}

// What no flow's outcome is kept for: errors, and datagrams in pieces.
TEST_P(PublishedNatTest, ErrorsAndFragmentsOfKnownConnectionsStayTranslatedWithoutTheTable) {
    configure_nat();
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect("a", udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect("b", udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
    }
    configure_without_nat();
    for (const NatHosts& who : {hosts4, hosts6}) {
        const unsigned type = who.v6 ? 1 : 3, code = who.v6 ? 4 : 3;
        const auto error = [&](const char* from, const char* to, const Ip& quoted) {
            return Ip(from, to).payload(quoted.bytes()).icmp(type, code);
        };
        expect("b", error(who.c, who.w, udp(who.w, who.b, 5000, 53)),
               error(who.c, who.a, udp(who.a, who.b, 5000, 53)));
        expect("a", error(who.a, who.b, udp(who.b, who.a, 53, 5000)),
               error(who.w, who.b, udp(who.b, who.w, 53, 5000)));
    }
    const auto piece = [](const Ip& whole, std::size_t from, std::size_t to) {
        const Bytes bytes = whole.bytes();
        const auto at = [&](std::size_t n) { return bytes.begin() + static_cast<std::ptrdiff_t>(20 + n); };
        Ip cut = whole;
        return cut.id(7).payload(Bytes(at(from), at(to))).protocol(17).fragment(from, from == 0);
    };
    const auto expect_pieces = [&](const char* in, const Ip& sent, const Ip& leaves) {
        EXPECT_EQ(pass(in, piece(sent, 0, 16)), Packets{});
        EXPECT_EQ(pass(in, piece(sent, 16, 29)),
                  (Packets{piece(leaves, 0, 16).ttl(63).bytes(), piece(leaves, 16, 29).ttl(63).bytes()}));
    };
    const NatHosts& who = hosts4;
    expect_pieces("a", udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
    expect_pieces("b", udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
}

// nf_nat_alloc_null_binding: what begins now has none of their outside ports.
TEST_P(PublishedNatTest, NewConnectionsAreKeptApartFromThemWithoutTheTable) {
    configure_nat();
    for (const NatHosts& who : {hosts4, hosts6})
        expect("a", udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
    configure_without_nat();
    for (const NatHosts& who : {hosts4, hosts6}) {
        rig.from_kernel("b", router.to_b(udp(who.w, who.b, 5000, 53)));
        const Packets own = NatLab::packets(rig.sent("b"));
        ASSERT_EQ(own.size(), 1u);
        const unsigned drawn = NatLab::port(own[0]);
        EXPECT_NE(drawn, 5000u);
        EXPECT_EQ(own[0], udp(who.w, who.b, drawn, 53).bytes());
        expect("b", udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        expect("a", udp(who.a, who.b, 5001, 53), udp(who.a, who.b, 5001, 53));
    }
}

}  // namespace
}  // namespace weft::test
