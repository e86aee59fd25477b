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
