// T2c of tests/cases/nat.tsv: what Linux's packetdrill tests of conntrack
// (tools/testing/selftests/net/netfilter/packetdrill) are about, with the same numbers, through a translator.
#include "tests/packet/nat_rfc_tcp.hpp"

namespace weft::test {
namespace {

class NatTcpOddTest : public NatTcp {
  protected:
    using Counts = std::pair<std::uint64_t, std::uint64_t>;
    static Bytes options_of_client() {  // MSS 1460, SACK permitted, time stamps, window scale 8
        return {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 8};
    }
    static Bytes options_of_server(std::uint8_t scale) {  // MSS 1460, time stamps, window scale
        return {2, 4, 5, 180, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1, 1, 3, 3, scale};
    }
    static Segment first_syn() { return {syn, 0, 0, 0, 65535, options_of_client()}; }
    /// Three thousand bytes of the server have come and were acknowledged.
    void receive(const NatHosts& who) {
        out(who, first_syn());
        in(who, {syn | ack, 0, 1, 0, 65535, {2, 4, 5, 180}});
        out(who, {ack, 1, 1, 0, 65535});
        for (const std::uint32_t at : {1u, 1001u, 2001u})
            in(who, {ack, at, 1, 1000, 65535});
        for (const std::uint32_t at : {1001u, 2001u, 3001u})
            out(who, {ack, 1, at, 0, 65535});
    }
};
INSTANTIATE_NAT(NatTcpOddTest);

// conntrack_ack_loss_stall: what was acknowledged long ago is sent again.
TEST_P(NatTcpOddTest, T2c_AcknowledgedDataThatComesAgainPasses) {
    lab.nat(snat, counting_invalid);
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, {syn, 0, 0, 0, 32792, {2, 4, 3, 232}});
        in(who, {syn | ack, 0, 1, 0, 65535, {2, 4, 5, 180}});
        out(who, {ack, 1, 1, 0, 65535});
        for (std::uint32_t at = 1; at < 67161; at += 1460) {
            out(who, {push | ack, at, 1, 1400, 257});
            out(who, {push | ack, at + 1400, 1, 60, 257});
            in(who, {ack, 1, at + 1460, 0, 65535});
        }
        out(who, {push | ack, 1, 1, 1400, 257});
        in(who, {ack, 1, 67161, 0, 65535});
        EXPECT_EQ(dropped(who), Counts(0, 0));
    }
}

// conntrack_inexact_rst: believed where the connection is closing.
TEST_P(NatTcpOddTest, T2c_AnInexactRstEndsAConnectionThatIsClosing) {
    lab.nat(snat, counting_invalid);
    for (const NatHosts& who : {hosts4, hosts6}) {
        receive(who);
        out(who, {push | ack, 1, 3001, 1000, 65535});
        in(who, {fin | ack, 3001, 1001, 0, 65535});
        out(who, {ack, 1001, 3002, 0, 65535});
        EXPECT_EQ(known(who).state, TcpState::close_wait);
        wait(1);
        out(who, {rst | ack, 1001, 3002, 0, 65535});
        EXPECT_EQ(known(who).state, TcpState::close);
        in(who, {rst, 2001, 0, 0, 0});
        EXPECT_EQ(dropped(who), Counts(0, 0));
    }
}

// conntrack_rst_invalid.
TEST_P(NatTcpOddTest, T2c_FourRstsAreInvalidAndTheFifthIsBelieved) {
    lab.nat(snat, counting_invalid);
    for (const NatHosts& who : {hosts4, hosts6}) {
        receive(who);
        refused(who, {rst, 0, 0, 0, 0});
        refused(who, {rst, 1'000'000, 0, 0, 0});
        refused(who, {rst, 42, 0, 0, 0});
        EXPECT_EQ(known(who).state, TcpState::established);
        out(who, {push | ack, 1, 3001, 1000, 65535});
        in(who, {ack, 3001, 1001, 0, 65535});
        refused(who, {rst | ack, 3000, 1001, 0, 0});
        EXPECT_EQ(known(who).state, TcpState::established);
        in(who, {rst | ack, 3001, 1001, 0, 0});
        EXPECT_EQ(known(who).state, TcpState::close);
        EXPECT_EQ(dropped(who), Counts(0, 4));
    }
}

// conntrack_syn_challenge_ack: the server knows an older connection of this port.
TEST_P(NatTcpOddTest, T2c_AChallengeAckPassesAndANewConnectionFollows) {
    lab.nat(snat, counting_invalid);
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, first_syn());
        in(who, {ack, 145824453, 643160523, 0, 240, options_of_server(0)});
        out(who, {rst, 643160523, 0, 0, 0});
        EXPECT_EQ(known(who), (Known{TcpState::close, false, true})) << "as Linux 6.18 was seen to do";
        out(who, first_syn());
        EXPECT_EQ(known(who), (Known{TcpState::syn_sent, false, false}));
        in(who, {syn | ack, 0, 1, 0, 250, options_of_server(0)});
        out(who, {ack, 1, 1, 0, 256});
        EXPECT_EQ(known(who), (Known{TcpState::established, true, true}));
        EXPECT_EQ(dropped(who), Counts(0, 0));
    }
}

// conntrack_synack_old: an answer to an older SYN.
TEST_P(NatTcpOddTest, T2c_AnOldSynAckIsInvalidAndTheRightOneFollows) {
    lab.nat(snat, counting_invalid);
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, first_syn());
        refused(who, {syn | ack, 145824453, 643160523, 0, 240, options_of_server(0)});
        wait(1);
        out(who, first_syn());
        EXPECT_EQ(known(who), (Known{TcpState::syn_sent, false, false}));
        in(who, {syn | ack, 145758918, 1, 0, 250, options_of_server(0)});
        out(who, {ack, 1, 145758919, 0, 256});
        out(who, {push | ack, 1, 145758919, 1, 256});
        EXPECT_EQ(known(who), (Known{TcpState::established, true, true}));
        EXPECT_EQ(dropped(who), Counts(0, 1));
    }
}

// conntrack_synack_reuse: the client begins anew while the old connection stands.
TEST_P(NatTcpOddTest, T2c_ASynOfAnEstablishedConnectionBeginsAnotherAfterAChallengeAck) {
    lab.nat(snat, counting_invalid);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Bytes options{2, 4, 3, 232, 1, 3, 3, 7};
        out(who, {syn, 0, 0, 0, 32792, options});
        in(who, {syn | ack, 0, 1, 0, 65535, {2, 4, 5, 180, 1, 3, 3, 8}});
        out(who, {ack, 1, 1, 0, 257});
        out(who, {push | ack, 1, 1, 100, 257});
        in(who, {ack, 1, 101, 0, 256});
        wait(1);
        out(who, {syn, 2000, 0, 0, 32792, options});
        in(who, {ack, 1, 101, 0, 256});
        out(who, {rst | ack, 101, 1, 0, 257});
        wait(1);
        out(who, {syn, 2000, 0, 0, 32792, options});
        in(who, {syn | ack, 9000, 2001, 0, 65535, {2, 4, 5, 180, 1, 3, 3, 8}});
        EXPECT_EQ(known(who).state, TcpState::syn_recv);
        EXPECT_EQ(dropped(who), Counts(0, 0));
    }
}

}  // namespace
}  // namespace weft::test
