// What the router itself says about packets of translated connections: resets and errors by rules.
#include <gtest/gtest.h>

#include "tests/packet/nat_rfc_tcp.hpp"

namespace weft::test {
namespace {

class NatOwnTest : public NatTcp {
  protected:
    std::size_t connections() { return lab.firewall.tracker().count(); }
};
INSTANTIATE_NAT(NatOwnTest);

// nf_reject_ipv4.c, nf_send_reset; nf_reject_ipv6.c, nf_send_reset6; ip_finish_output2: a reset about a
// segment of no connection may belong to one that another worker owns, and is sent like any other from there.
TEST_P(NatOwnTest, AResetGoesToItsNeighbourWhoeverOwnsItsConnection) {
    lab.nat(snat,
            "*filter\n-A FORWARD -p tcp -m conntrack --ctstate INVALID -j REJECT --reject-with tcp-reset\n"
            "COMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, {syn, 1000});
        rig.send("b", lab.router.from_b(tcp(who.b, who.a, server, client, {syn | ack, 5000, 1001})));
        const Packets left = rig.sent("b");
        ASSERT_EQ(left.size(), 1u);
        Ip reset = tcp(who.w, who.b, client, server, {rst, 1001, 0, 0, 0});
        if (!who.v6) reset.id(0).dont_fragment();
        EXPECT_EQ(left[0], lab.router.to_b(reset));
    }
    EXPECT_EQ(rig.drops(DropReason::hook_rejected), 2u);
}

// icmp_send, icmp6_send: the same of an error, which has the connection of what it quotes.
TEST_P(NatOwnTest, AnErrorGoesToItsNeighbourWhoeverOwnsItsConnection) {
    lab.nat(snat, "*filter\n-A FORWARD -p tcp -m conntrack --ctstate INVALID -j REJECT\nCOMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, {syn, 1000});
        const Segment answer{syn | ack, 5000, 1001};
        rig.send("b", lab.router.from_b(tcp(who.b, who.a, server, client, answer)));
        const Packets left = rig.sent("b");
        ASSERT_EQ(left.size(), 1u);
        const Ip quoted = tcp(who.b, who.w, server, client, answer).ttl(63);
        const Bytes wanted =
            lab.router.to_b(Ip(who.w, who.b).payload(quoted.bytes()).icmp(who.v6 ? 1 : 3, who.v6 ? 4 : 3));
        // Of IPv4 the identification and the type of service are the router's own.
        const auto compared = [&](const Bytes& frame) {
            Bytes parts(frame.begin(), frame.begin() + 14);
            parts.insert(parts.end(), frame.begin() + (who.v6 ? 14 : 26), frame.end());
            return parts;
        };
        EXPECT_EQ(compared(left[0]), compared(wanted));
    }
}

// nf_nat_oif_changed asks by CTINFO2DIR: a reset to who began a masqueraded connection goes against its
// direction and need not leave by the interface of its address.
TEST_P(NatOwnTest, AResetOfAMasqueradedConnectionGoesBackToWhoBeganIt) {
    lab.nat("-A POSTROUTING -o b -j MASQUERADE\n",
            "*filter\n-A FORWARD -i a -p tcp -m length --length 100:1500 -j REJECT --reject-with tcp-reset\n"
            "COMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        open(who);
        const std::size_t before = connections();
        rig.send("a", lab.router.from_a(tcp(who.a, who.b, client, server, {ack, 1001, 5001, 100})));
        Ip reset = tcp(who.b, who.a, server, client, {rst, 5001, 0, 0, 0});
        if (!who.v6) reset.id(0).dont_fragment();
        EXPECT_EQ(rig.sent("a"), Packets{lab.router.to_a(reset)});
        EXPECT_EQ(rig.sent("b"), Packets{});
        EXPECT_EQ(connections(), before) << "it is not ended";
    }
    EXPECT_EQ(rig.drops(DropReason::nat_moved), 0u);
}

}  // namespace
}  // namespace weft::test
