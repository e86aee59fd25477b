// What the lists of requirements on translators are tested with; ids are those of tests/cases/nat.tsv.
#pragma once

#include <gtest/gtest.h>

#include "tests/packet/nat.hpp"

namespace weft::test {

/// The hosts of NatLab in one family; `near_a` and `w` are the router's own addresses, `hop` and `many` lie
/// behind B.
struct NatHosts {
    const char *a, *a3, *b, *c, *w, *near_a, *hop, *many;
    bool v6;

    [[nodiscard]] std::string far(unsigned number) const {
        return many + (v6 ? std::to_string(number) : std::to_string(number % 250 + 1));
    }
};
inline constexpr NatHosts hosts4{"10.0.1.2", "10.0.1.3",    "10.0.2.2",   "10.0.2.3", "10.0.2.1",
                                 "10.0.1.1", "203.0.113.1", "203.0.113.", false},
    hosts6{"2001:db8:1::2", "2001:db8:1::3", "2001:db8:2::2",
           "2001:db8:2::3", "2001:db8:2::1", "2001:db8:1::1",
           "2001:db8:f::1", "2001:db8:f::",  true};

/// Summed, as hosts send it.
inline Ip udp(const std::string& from, const std::string& to, unsigned source, unsigned destination,
              std::size_t length = 21) {
    return Ip(from, to).payload(length).udp(source, destination).summed();
}

struct Segment {
    static constexpr unsigned fin = 1, syn = 2, rst = 4, push = 8, ack = 16;
    unsigned flags;
    std::uint32_t sequence, acknowledged = 0;
    std::size_t length = 0;
    unsigned window = 0x2000;
    Bytes options = {};  ///< padded
};
inline Ip tcp(const std::string& from, const std::string& to, unsigned source, unsigned destination,
              const Segment& s) {
    Bytes bytes;
    const auto put = [&](std::uint32_t value, unsigned size) {
        while (size-- > 0)
            bytes.push_back(static_cast<std::uint8_t>(value >> 8 * size));
    };
    put(source, 2);
    put(destination, 2);
    put(s.sequence, 4);
    put(s.acknowledged, 4);
    put(static_cast<std::uint32_t>(5 + s.options.size() / 4) << 12 | s.flags, 2);
    put(s.window, 2);
    put(0, 4);
    bytes.insert(bytes.end(), s.options.begin(), s.options.end());
    bytes.resize(bytes.size() + s.length, 0x5a);
    return Ip(from, to).payload(bytes).protocol(6).summed();
}

class NatRfc : public testing::TestWithParam<RigOptions> {
  protected:
    NatRfc() {
        for (const NatHosts& who : {hosts4, hosts6})
            lab.router.route(
                std::string(who.many) + (who.v6 ? "/48" : "0/24"),
                lab.router.hop({.interface = "b", .gateway = who.b, .mac = host_b, .source = {}}));
        lab.router.publish();
    }
    using Packets = std::vector<Bytes>;
    static constexpr const char* snat = "-A POSTROUTING -o b -j SNAT --to-source $W\n";
    static constexpr const char* no_invalid =
        "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n";

    /// From inside; outside gets it so, but for the TTL.
    void expect_out(const Ip& sent, Ip left) { EXPECT_EQ(lab.inside(sent), Packets{left.ttl(63).bytes()}); }
    void expect_in(const Ip& sent, Ip arrives) {
        EXPECT_EQ(lab.outside(sent), Packets{arrives.ttl(63).bytes()});
    }
    /// From outside: inside gets nothing, the router's own stack all.
    void expect_for_host(const Ip& sent) {
        static_cast<void>(rig.punted("b"));
        EXPECT_EQ(lab.outside(sent), Packets{});
        EXPECT_EQ(lab.packets(rig.punted("b")), Packets{sent.bytes()});
    }
    /// The port, or identifier, by which a packet from inside leaves, as W's; 0 if it does not.
    unsigned leaves_by(const Ip& sent) {
        const Packets out = lab.inside(sent);
        EXPECT_LE(out.size(), 1u);
        return out.empty() ? 0 : lab.port(out[0]);
    }
    /// Packets that belonged to nothing (ctstate INVALID).
    std::uint64_t invalid() {
        std::uint64_t all = 0;
        for (unsigned w = 0; w < GetParam().workers; ++w)
            all += lab.firewall.tracker().counts(w).invalid.load();
        return all;
    }

    NatLab lab{GetParam()};
    Rig& rig = lab.rig;
};
#define INSTANTIATE_NAT(suite)               \
    INSTANTIATE_TEST_SUITE_P(Workers, suite, \
                             testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of)

}  // namespace weft::test
