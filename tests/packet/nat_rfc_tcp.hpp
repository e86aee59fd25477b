// One TCP conversation through a translator, segment by segment, and what is known of it.
#pragma once

#include "tests/packet/nat_rfc.hpp"

namespace weft::test {

class NatTcp : public NatRfc {
  protected:
    static constexpr unsigned fin = Segment::fin, syn = Segment::syn, rst = Segment::rst,
                              push = Segment::push, ack = Segment::ack;
    static constexpr unsigned client = 40000, server = 80;
    /// Rules that count, one a direction, and drop what belongs to nothing: untranslated, B's is for the
    /// host.
    static constexpr const char* counting_invalid =
        "*filter\n:FORWARD ACCEPT [0:0]\n"
        "-A FORWARD -i a -p tcp -m conntrack --ctstate INVALID -j DROP\n"
        "-A INPUT -i b -p tcp -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n";

    /// A's segments to B, and B's to A.
    void out(const NatHosts& who, const Segment& s) {
        expect_out(tcp(who.a, who.b, client, server, s), tcp(who.w, who.b, client, server, s));
    }
    void in(const NatHosts& who, const Segment& s) {
        expect_in(tcp(who.b, who.w, server, client, s), tcp(who.b, who.a, server, client, s));
    }
    /// Neither inside gets it nor the router's own stack: a rule of counting_invalid has dropped it.
    void refused(const NatHosts& who, const Segment& s) {
        static_cast<void>(rig.punted("b"));
        EXPECT_EQ(lab.outside(tcp(who.b, who.w, server, client, s)), Packets{});
        EXPECT_EQ(rig.punted("b"), Packets{});
    }
    void open(const NatHosts& who) {
        out(who, {syn, 1000});
        in(who, {syn | ack, 5000, 1001});
        out(who, {ack, 1001, 5001});
    }
    /// INVALID segments of each direction.
    std::pair<std::uint64_t, std::uint64_t> dropped(const NatHosts& who) {
        return {lab.firewall.counts(who.v6, "FORWARD")[0], lab.firewall.counts(who.v6, "INPUT")[0]};
    }
    void wait(std::uint32_t seconds) {
        rig.pass(seconds);
        now_ += seconds * 1000;
    }
    /// Of the family's only connection.
    struct Known {
        TcpState state;
        bool assured, answered;
        friend bool operator==(const Known&, const Known&) = default;
        friend void PrintTo(const Known& k, std::ostream* out) {
            *out << tcp_state_names[static_cast<unsigned>(k.state)] << (k.assured ? " ASSURED" : "")
                 << (k.answered ? "" : " UNREPLIED");
        }
    };
    Known known(const NatHosts& who) {
        std::vector<Known> all;
        for (std::uint32_t at = 0;;) {
            at = lab.firewall.tracker().walk(at, 4096, now_, [&](const FlowView& flow) {
                if (((flow.kind.flags & FlowKind::ipv6) != 0) == who.v6)
                    all.push_back({flow.tcp_state, (flow.status & FlowStatus::assured) != 0,
                                   (flow.status & FlowStatus::seen_reply) != 0});
            });
            if (!at) break;
        }
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? Known{} : all[0];
    }

  private:
    FlowTime now_ = 1'000'000;  // the rig's
};

}  // namespace weft::test
