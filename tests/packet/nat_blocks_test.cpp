// Deterministic port blocks: RFC 6888 (carriers) and RFC 7422, SNAT --port-block. Names have the
// requirements.
#include <map>
#include <set>

#include "tests/packet/nat_rfc_tcp.hpp"

namespace weft::test {
namespace {

class NatBlocksTest : public NatTcp {
  protected:
    NatBlocksTest() { lab.add_subscribers(); }
    /// 10.1.0.0/28, four subscribers an address: ports 4096 on, 8 each.
    void blocks(const std::string& more = {}) {
        std::string rules;
        for (const char* protocol : {"udp", "tcp", "icmp"})
            rules += std::string("-A POSTROUTING -s 10.1.0.0/28 -o b -p ") + protocol +
                     " -j SNAT --to-source 10.0.2.100-10.0.2.103:4096-4127 --port-block 8 " + more + "\n";
        lab.nat4(rules);
    }
    static std::string subscriber(unsigned n) { return "10.1.0." + std::to_string(n); }
    static std::string outside(unsigned n) { return "10.0.2." + std::to_string(100 + n / 4); }
    static unsigned first_port(unsigned n) { return 4096 + n % 4 * 8; }
    void expect_in_block(const Bytes& left, unsigned n) {
        EXPECT_EQ(left[15], 100 + n / 4) << "subscriber " << n;
        EXPECT_GE(lab.port(left), first_port(n)) << "subscriber " << n;
        EXPECT_LT(lab.port(left), first_port(n) + 8) << "subscriber " << n;
    }
};
INSTANTIATE_NAT(NatBlocksTest);

// RFC 7422 section 2, RFC 6888 REQ-2 (one address), REQ-14 (no log for a mapping).
TEST_P(NatBlocksTest, RFC7422_2_RFC6888_REQ2_REQ14_AddressAndPortsFollowFromTheSubscriber) {
    blocks();
    for (unsigned n = 0; n < 16; ++n)
        for (unsigned i = 0; i < 3; ++i) {
            const Packets out = lab.inside(udp(subscriber(n), hosts4.far(i), 50'000 + i, 53));
            ASSERT_EQ(out.size(), 1u);
            expect_in_block(out[0], n);
            const unsigned port = lab.port(out[0]);
            EXPECT_EQ(out[0], udp(outside(n), hosts4.far(i), port, 53).ttl(63).bytes());
            EXPECT_EQ(lab.outside(udp(hosts4.far(i), outside(n), 53, port)),
                      Packets{udp(hosts4.far(i), subscriber(n), 53, 50'000 + i).ttl(63).bytes()});
        }
    lab.firewall.tracker().flush();
    for (unsigned n = 0; n < 16; ++n) {
        const Packets out = lab.inside(tcp(subscriber(n), hosts4.b, 50'000, 80, {2, 1000}));
        ASSERT_EQ(out.size(), 1u);
        expect_in_block(out[0], n);
    }
}

// RFC 6888 REQ-4: "ports (or, equivalently, identifiers for ICMP)".
TEST_P(NatBlocksTest, RFC6888_REQ4_IdentifiersAreOfTheBlock) {
    blocks();
    std::map<unsigned, unsigned> mapped;
    for (unsigned n = 0; n < 8; ++n) {
        const Bytes echo{8, 0, 0, 0, 0x12, 0x34, 0, 1};
        Bytes summed = echo;
        summed[2] = 0xe5, summed[3] = 0xca;
        const Packets out = lab.inside(Ip(subscriber(n), hosts4.b).payload(summed).protocol(1));
        ASSERT_EQ(out.size(), 1u);
        EXPECT_EQ(out[0][15], 100 + n / 4);
        const unsigned id = lab.port(out[0], false) == 0x0800 ? out[0][24] << 8 | out[0][25] : 0u;
        EXPECT_GE(id, first_port(n));
        EXPECT_LT(id, first_port(n) + 8);
    }
}

// The host's own port stays where it is in the block, as --to-source's range has it.
TEST_P(NatBlocksTest, RFC7422_2_APortOfTheBlockIsKept) {
    blocks();
    const std::string from = subscriber(6);
    EXPECT_EQ(lab.inside(udp(from, hosts4.b, 4114, 53)),
              Packets{udp(outside(6), hosts4.b, 4114, 53).ttl(63).bytes()});
    const Packets second = lab.inside(udp(from, hosts4.b, 4104, 53));
    ASSERT_EQ(second.size(), 1u);
    expect_in_block(second[0], 6);
}

// RFC 6888 REQ-4 and its justification: nobody takes another one's ports. REQ-11: dropped by name, told once.
TEST_P(NatBlocksTest, RFC6888_REQ4_REQ11_AFullBlockIsItsOwnersAlone) {
    blocks();
    std::set<unsigned> used;
    for (unsigned i = 0; i < 8; ++i) {
        const unsigned port = leaves_by(udp(subscriber(5), hosts4.b, 50'000 + i, 53));
        EXPECT_GE(port, first_port(5));
        EXPECT_LT(port, first_port(5) + 8);
        EXPECT_TRUE(used.insert(port).second) << "all of a block are found";
    }
    ASSERT_EQ(used.size(), 8u);
    for (unsigned i = 0; i < 20; ++i)
        EXPECT_EQ(leaves_by(udp(subscriber(5), hosts4.b, 51'000 + i, 53)), 0u);
    EXPECT_EQ(rig.drops(DropReason::nat_no_port), 20u);
    std::uint64_t told = 0;
    for (const auto& worker : rig.shared().workers)
        told += worker->hook_log.no_port.get();
    EXPECT_EQ(told, 20u);
    for (const unsigned n : {4u, 6u, 1u})
        EXPECT_NE(leaves_by(udp(subscriber(n), hosts4.b, 50'000, 53)), 0u) << "others have their own";
    EXPECT_NE(leaves_by(udp(subscriber(5), hosts4.c, 50'000, 53)), 0u) << "RFC 7857 3: another destination";
}

// RFC 6888 REQ-1 and REQ-7 (RFC 4787 REQ-1 and REQ-8) within a block.
TEST_P(NatBlocksTest, RFC6888_REQ1_REQ7_EndpointIndependentWithinTheBlock) {
    blocks("--endpoint-independent");
    for (const unsigned n : {2u, 3u, 9u}) {
        const std::string from = subscriber(n);
        std::set<unsigned> ports;
        for (unsigned source = 0; source < 8; ++source) {
            const unsigned port = leaves_by(udp(from, hosts4.b, 40'000 + source, 53));
            EXPECT_GE(port, first_port(n));
            EXPECT_LT(port, first_port(n) + 8);
            EXPECT_TRUE(ports.insert(port).second) << "no two sources share a port";
            EXPECT_EQ(leaves_by(udp(from, hosts4.c, 40'000 + source, 99)), port) << "for all destinations";
            EXPECT_EQ(lab.outside(udp(hosts4.far(7), outside(n), 4000, port)),
                      Packets{udp(hosts4.far(7), from, 4000, 40'000 + source).ttl(63).bytes()});
        }
        EXPECT_EQ(leaves_by(udp(from, hosts4.far(3), 40'100, 53)), 0u) << "all eight are sources' own";
    }
}

// RFC 6888 REQ-15: ports of a subscriber are not in order.
TEST_P(NatBlocksTest, RFC6888_REQ15_PortsAreDrawnWithinTheBlock) {
    lab.nat4(
        "-A POSTROUTING -s 10.1.0.0/24 -o b -j SNAT --to-source 10.0.2.100-10.0.2.107 --port-block 2000 "
        "--random-fully\n");
    std::set<unsigned> ports;
    unsigned in_order = 0, last = 0;
    for (unsigned i = 0; i < 100; ++i) {
        const unsigned port = leaves_by(udp("10.1.0.33", hosts4.far(i), 50'000, 53));
        EXPECT_GE(port, 1024 + 33 % 32 * 2000u);
        EXPECT_LT(port, 1024 + (33 % 32 + 1) * 2000u);
        in_order += port == last + 1;
        last = port;
        ports.insert(port);
    }
    EXPECT_GT(ports.size(), 80u);
    EXPECT_LT(in_order, 10u);
}

// A large block full but for one port: it is found. Signatures may stand for it at first
// (dataplane/flow/crowded.hpp): each search in vain looks at 64 ports again, exactly.
TEST_P(NatBlocksTest, RFC6888_REQ13_TheLastPortOfALargeBlockIsFound) {
    lab.nat4("-A POSTROUTING -s 10.1.0.0/30 -o b -p udp -j SNAT --to-source 10.0.2.100 --port-block 1000\n");
    std::set<unsigned> used;
    for (unsigned i = 0; i < 1000; ++i) {
        unsigned port = 0;
        for (unsigned tries = 0; port == 0 && tries < 1 + 1000 / 64 + 2; ++tries)
            port = leaves_by(udp(subscriber(2), hosts4.b, 5000 + i, 53));
        ASSERT_GE(port, 3024u) << i;
        ASSERT_LT(port, 4024u) << i;
        ASSERT_TRUE(used.insert(port).second);
    }
    EXPECT_EQ(leaves_by(udp(subscriber(2), hosts4.b, 7000, 53)), 0u);
    const unsigned other = leaves_by(udp(subscriber(1), hosts4.b, 7000, 53));
    EXPECT_GE(other, 2024u);
    EXPECT_LT(other, 3024u);
}

}  // namespace
}  // namespace weft::test
