// RFC 4787 REQ-12 and RFC 5508 REQ-3 to REQ-7: ICMP errors about translated flows; ids are those of
// tests/cases/nat.tsv.
#include "tests/packet/nat_rfc.hpp"

namespace weft::test {
namespace {

class NatErrorTest : public NatRfc {
  protected:
    /// An error of this family's `type` that quotes a packet.
    static Ip error(const char* from, const char* to, const Bytes& quoted, unsigned type, unsigned code,
                    std::uint32_t value = 0) {
        return Ip(from, to).payload(quoted).icmp(type, code, value);
    }
    static Ip unreachable(const NatHosts& who, const char* from, const char* to, const Bytes& quoted) {
        return error(from, to, quoted, who.v6 ? 1 : 3, who.v6 ? 4 : 3);
    }
    static Bytes cut(Bytes bytes, std::size_t length) {
        bytes.resize(length);
        return bytes;
    }
};
INSTANTIATE_NAT(NatErrorTest);

struct Kind {
    const char* id;
    unsigned type, code, value;
};

TEST_P(NatErrorTest, U12_1_U12_2_U12_3_U12_4_U12_5_U12_6_U12_8_ErrorsComeInAndTheMappingStays) {
    lab.nat(snat);
    constexpr Kind kinds4[] = {{"U12.1", 3, 1, 0},  {"U12.2", 3, 3, 0},  {"U12.3", 3, 4, 1300},
                               {"U12.4", 11, 0, 0}, {"U12.5", 12, 0, 0}, {"U12.6", 4, 0, 0}},
                   kinds6[] = {{"U12.1", 1, 3, 0},
                               {"U12.2", 1, 4, 0},
                               {"U12.3", 2, 0, 1300},
                               {"U12.4", 3, 0, 0},
                               {"U12.5", 4, 0, 0}};
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        const Bytes left = udp(who.w, who.b, 5000, 53).ttl(3).bytes(),
                    sent = udp(who.a, who.b, 5000, 53).ttl(3).bytes();
        for (const Kind& kind : who.v6 ? std::span<const Kind>(kinds6) : std::span<const Kind>(kinds4)) {
            SCOPED_TRACE(kind.id);
            expect_in(error(who.hop, who.w, left, kind.type, kind.code, kind.value),
                      error(who.hop, who.a, sent, kind.type, kind.code, kind.value));
            expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));  // U12.8
        }
    }
}

// nf_nat_icmp_reply_translation: redirects in translated flows are dropped.
TEST_P(NatErrorTest, U12_7_RedirectsAreDropped) {
    lab.nat(snat);
    expect_out(udp(hosts4.a, hosts4.b, 5000, 53), udp(hosts4.w, hosts4.b, 5000, 53));
    EXPECT_EQ(
        lab.outside(error(hosts4.hop, hosts4.w, udp(hosts4.w, hosts4.b, 5000, 53).bytes(), 5, 1, 0x0a000203)),
        Packets{});
    EXPECT_EQ(rig.drops(DropReason::nat_redirect), 1u);
    expect_in(udp(hosts4.b, hosts4.w, 53, 5000), udp(hosts4.b, hosts4.a, 53, 5000));  // U12.8
}

TEST_P(NatErrorTest, I3_AWrongIcmpSumIsNoErrorAboutAFlow) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        Bytes body = unreachable(who, who.hop, who.w, udp(who.w, who.b, 5000, 53).bytes()).bytes();
        body.erase(body.begin(), body.begin() + (who.v6 ? 40 : 20));
        body[2] ^= 1;
        expect_for_host(Ip(who.hop, who.w).payload(body).protocol(who.v6 ? 58 : 1));
    }
}

// nf_nat_icmp_reply_translation asks nf_ip_checksum though conntrack does not.
TEST_P(NatErrorTest, I3_AWrongIcmpSumIsNotTranslatedWithoutNfConntrackChecksum) {
    lab.firewall.checks_sums = false;
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        const Bytes quoted = udp(who.w, who.b, 5000, 53).bytes();
        Bytes body = unreachable(who, who.hop, who.w, quoted).bytes();
        body.erase(body.begin(), body.begin() + (who.v6 ? 40 : 20));
        body[2] ^= 1;
        const auto before = rig.drops(DropReason::nat_bad_error);
        EXPECT_EQ(lab.outside(Ip(who.hop, who.w).payload(body).protocol(who.v6 ? 58 : 1)), Packets{});
        EXPECT_EQ(rig.punted("b"), Packets{});
        EXPECT_EQ(rig.drops(DropReason::nat_bad_error), before + 1);
        expect_in(unreachable(who, who.hop, who.w, quoted),
                  unreachable(who, who.hop, who.a, udp(who.a, who.b, 5000, 53).bytes()));
    }
}

// Linux does not look at the sum of the quoted header; it changes it by what the addresses changed.
TEST_P(NatErrorTest, I3a_AWrongSumInTheQuotedHeaderIsCarriedOn) {
    lab.nat(snat);
    expect_out(udp(hosts4.a, hosts4.b, 5000, 53), udp(hosts4.w, hosts4.b, 5000, 53));
    Bytes left = udp(hosts4.w, hosts4.b, 5000, 53).bytes(), sent = udp(hosts4.a, hosts4.b, 5000, 53).bytes();
    const auto sum_of = [](const Bytes& ip) { return ip[10] << 8 | ip[11]; };
    const auto set_sum = [](Bytes& ip, int sum) {
        ip[10] = static_cast<std::uint8_t>(sum >> 8);
        ip[11] = static_cast<std::uint8_t>(sum);
    };
    set_sum(left, sum_of(left) + 0x10);
    set_sum(sent, sum_of(sent) + 0x10);
    expect_in(unreachable(hosts4, hosts4.hop, hosts4.w, left),
              unreachable(hosts4, hosts4.hop, hosts4.a, sent));
}

TEST_P(NatErrorTest, I3b_BehindOptionsIsTheTransportHeader) {
    lab.nat(snat);
    const Bytes options{7, 7, 4, 0, 0, 0, 0, 0};
    const auto with_options = [&](const char* from) {
        return udp(from, hosts4.b, 5000, 53).options(options).bytes();
    };
    expect_out(udp(hosts4.a, hosts4.b, 5000, 53), udp(hosts4.w, hosts4.b, 5000, 53));
    expect_in(unreachable(hosts4, hosts4.hop, hosts4.w, with_options(hosts4.w)),
              unreachable(hosts4, hosts4.hop, hosts4.a, with_options(hosts4.a)));
    const auto with_header = [&](const char* from) {
        return udp(from, hosts6.b, 5000, 53).extension(60, {0, 0, 1, 4, 0, 0, 0, 0}).bytes();
    };
    expect_out(udp(hosts6.a, hosts6.b, 5000, 53), udp(hosts6.w, hosts6.b, 5000, 53));
    expect_in(unreachable(hosts6, hosts6.hop, hosts6.w, with_header(hosts6.w)),
              unreachable(hosts6, hosts6.hop, hosts6.a, with_header(hosts6.a)));
}

TEST_P(NatErrorTest, I3c_TheQuotedTransportSumIsNotLookedAt) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        Bytes left = udp(who.w, who.b, 5000, 53).bytes(), sent = udp(who.a, who.b, 5000, 53).bytes();
        left.back() ^= 0x55;  // what was summed
        sent.back() ^= 0x55;
        expect_in(unreachable(who, who.hop, who.w, left), unreachable(who, who.hop, who.a, sent));
    }
}

// RFC 4884: what follows the quoted packet is no part of it.
TEST_P(NatErrorTest, I3d_ExtensionsAreCarriedOn) {
    lab.nat(snat);
    const Bytes mpls{0x20, 0, 0, 0, 0, 8, 1, 1, 0x12, 0x34, 0x51, 0xff};
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        const auto told = [&](const char* to, const char* source) {
            Bytes quoted = cut(udp(source, who.b, 5000, 53).bytes(), 128);
            quoted.insert(quoted.end(), mpls.begin(), mpls.end());
            return error(who.hop, to, quoted, who.v6 ? 3 : 11, 0, who.v6 ? 16u << 24 : 32u << 16);
        };
        expect_in(told(who.w, who.w), told(who.a, who.a));
    }
}

TEST_P(NatErrorTest, I3e_I3f_EightBytesOfTransportAreEnoughAndFourAreNot) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const std::size_t header = who.v6 ? 40 : 20;
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        const Bytes left = udp(who.w, who.b, 5000, 53).bytes(), sent = udp(who.a, who.b, 5000, 53).bytes();
        expect_in(unreachable(who, who.hop, who.w, cut(left, header + 8)),
                  unreachable(who, who.hop, who.a, cut(sent, header + 8)));
        // The ports tell the flow, but nf_nat_proto.c wants eight bytes to write to.
        EXPECT_EQ(lab.outside(unreachable(who, who.hop, who.w, cut(left, header + 4))), Packets{});
    }
    EXPECT_EQ(rig.drops(DropReason::nat_bad_error), 2u);
}

TEST_P(NatErrorTest, I4_AnErrorAboutNoMappingStaysOutside) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6})
        expect_for_host(unreachable(who, who.hop, who.w, udp(who.w, who.b, 33333, 53).bytes()));
    EXPECT_EQ(invalid(), 2u);
}

TEST_P(NatErrorTest, I5_I5c_ErrorsFromInsideLeaveAsTheRouters) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        const Bytes came = udp(who.b, who.a, 53, 5000).ttl(63).bytes(),
                    was = udp(who.b, who.w, 53, 5000).ttl(63).bytes();
        expect_out(unreachable(who, who.a, who.b, came), unreachable(who, who.w, who.b, was));
        const char* const router = who.v6 ? "2001:db8:1::99" : "10.0.1.99";
        const unsigned exceeded = who.v6 ? 3 : 11;
        expect_out(error(router, who.b, came, exceeded, 0), error(who.w, who.b, was, exceeded, 0));
    }
}

// Without a rule against INVALID what belongs to nothing passes, as it is.
TEST_P(NatErrorTest, I5d_AnErrorFromInsideAboutNoMapping) {
    for (const bool drops : {false, true}) {
        lab.nat(snat, drops ? no_invalid : "");
        for (const NatHosts& who : {hosts4, hosts6}) {
            const Ip about = unreachable(who, who.a, who.b, udp(who.b, who.a, 53, 33333).bytes());
            EXPECT_EQ(lab.inside(about), drops ? Packets{} : Packets{Ip(about).ttl(63).bytes()});
        }
    }
    EXPECT_EQ(invalid(), 4u);
}

TEST_P(NatErrorTest, I6_AnErrorAboutAQueryLeavesItsSession) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const unsigned ask = who.v6 ? 128 : 8, tell = who.v6 ? 129 : 0, exceeded = who.v6 ? 3 : 11;
        const auto echo = [&](const char* from, const char* to, unsigned type) {
            return Ip(from, to).payload(30).icmp(type, 0, 77 << 16 | 1);
        };
        expect_out(echo(who.a, who.b, ask), echo(who.w, who.b, ask));
        rig.pass(20);
        expect_in(error(who.hop, who.w, echo(who.w, who.b, ask).bytes(), exceeded, 0),
                  error(who.hop, who.a, echo(who.a, who.b, ask).bytes(), exceeded, 0));
        rig.pass(9);
        expect_in(echo(who.b, who.w, tell), echo(who.b, who.a, tell));
        expect_out(echo(who.a, who.c, ask), echo(who.w, who.c, ask));
        rig.pass(20);
        expect_in(error(who.hop, who.w, echo(who.w, who.c, ask).bytes(), exceeded, 0),
                  error(who.hop, who.a, echo(who.a, who.c, ask).bytes(), exceeded, 0));
        rig.pass(11);
        expect_for_host(echo(who.c, who.w, tell));  // the error has not made it last longer
    }
}

TEST_P(NatErrorTest, I7_HairpinnedErrorsComeFromTheOutsideAddress) {
    lab.nat(
        "-A PREROUTING -d $W -p udp --dport 7000 -j DNAT --to-destination $A\n"
        "-A POSTROUTING -s $A3 -o a -j SNAT --to-source $W\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        ASSERT_EQ(lab.pass("a", udp(who.a3, who.w, 6001, 7000), "a").size(), 1u);
        const Bytes came = udp(who.w, who.a, 6001, 7000).ttl(63).bytes(),
                    was = udp(who.a3, who.w, 6001, 7000).ttl(63).bytes();
        EXPECT_EQ(lab.pass("a", unreachable(who, who.a, who.w, came), "a"),
                  Packets{unreachable(who, who.w, who.a3, was).ttl(63).bytes()});
    }
}

}  // namespace
}  // namespace weft::test
