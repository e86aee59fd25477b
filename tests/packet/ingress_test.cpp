// What arrives broken, or at an interface that is the host's alone.
#include <gtest/gtest.h>

#include "dataplane/host/host.hpp"
#include "tests/packet/rig.hpp"
#include "tests/support/ip_frame.hpp"
#include "tests/support/mbuf.hpp"

namespace weft::test {
namespace {

const std::string two_in_a_bridge = R"(
port add a up type null
port add b up type null
ip link add br0 up type bridge
ip link set a master br0
ip link set b master br0
)";

Bytes cut(Bytes frame, std::size_t length) {
    frame.resize(length);
    return frame;
}

TEST(IngressTest, EveryShortFrameIsARuntOrATruncatedTag) {
    Rig rig(two_in_a_bridge);
    const Bytes whole = Frame().from(host_a).tag(5);
    for (std::size_t length = 1; length < 14; ++length)
        rig.send("a", cut(whole, length));
    EXPECT_EQ(rig.drops(DropReason::ingress_runt), 13u);
    for (std::size_t length = 14; length < 18; ++length)
        rig.send("a", cut(whole, length));
    EXPECT_EQ(rig.drops(DropReason::ingress_truncated_tag), 4u);
    EXPECT_TRUE(rig.all_sent().empty());
    rig.send("a", cut(whole, 18));
    EXPECT_EQ(rig.all_sent().size(), 1u);
    EXPECT_EQ(rig.counters("a").received.packets.get(), 18u);
}

TEST(IngressTest, FramesOfABurstKeepTheirOrder) {
    Rig rig(two_in_a_bridge);
    std::vector<Bytes> frames;
    for (std::uint8_t i = 0; i < 200; ++i) {
        frames.push_back(Frame().from(host_a).payload(46, i));
        rte_mbuf* m = rte_pktmbuf_alloc(rig.shared().pool);
        std::memcpy(rte_pktmbuf_append(m, 60), frames.back().data(), 60);
        Packet::from(m)->meta = {};
        rig.port("a").waiting.push_back(Packet::from(m));
    }
    rig.run();
    EXPECT_EQ(rig.sent("b"), frames);
}

// eth_type_trans: what is not addressed to an interface is PACKET_OTHERHOST, which the host does not take.
TEST(HostTest, TakesItsOwnAndGroupsOnly) {
    Rig rig("port add p up type null\n");
    const Bytes own = Frame().from(host_a).to(rig.mac("p"));
    const Bytes group = Frame().from(host_a).to("ff:ff:ff:ff:ff:ff");
    rig.send("p", own);
    rig.send("p", group);
    rig.send("p", Frame().from(host_a).to("02:00:00:00:00:99"));
    EXPECT_EQ(rig.punted("p"), (std::vector<Bytes>{own, group}));
    EXPECT_EQ(rig.drops(DropReason::host_not_for_us), 1u);
}

TEST(HostTest, SortsIntoClasses) {
    const auto class_of = [](const Bytes& frame) {
        auto packet = make_packet(frame);
        return punt_class_of(*packet);
    };
    const auto* broadcast = "ff:ff:ff:ff:ff:ff";
    Bytes solicitation(48, 0);
    solicitation[0] = 0x60;
    solicitation[6] = 58;
    solicitation[40] = 135;
    Bytes echo = solicitation;
    echo[40] = 128;
    EXPECT_EQ(class_of(Frame().to(broadcast).type(ether_type::arp)), PuntClass::arp);
    EXPECT_EQ(class_of(Frame().type(ether_type::arp)), PuntClass::arp);
    EXPECT_EQ(class_of(Frame().tag(7).type(ether_type::arp)), PuntClass::arp);
    EXPECT_EQ(class_of(Frame().to("33:33:00:00:00:01").type(ether_type::ipv6).payload(solicitation)),
              PuntClass::nd);
    EXPECT_EQ(class_of(Frame().to("33:33:00:00:00:01").type(ether_type::ipv6).payload(echo)),
              PuntClass::icmp);
    const auto of = [&](const Ip& ip, const char* to = "02:00:00:00:00:02") {
        return class_of(ip.frame(host_a, to));
    };
    const Ip v4("10.0.0.1", "10.0.0.2"), v6("fe80::1", "fe80::2");
    for (const Ip& ip : {v4, v6}) {
        EXPECT_EQ(of(Ip(ip).icmp(ip.v6() ? 128 : 8, 0)), PuntClass::icmp);
        for (const unsigned port : {179u, 646u}) {
            EXPECT_EQ(of(Ip(ip).tcp(port, 40000)), PuntClass::routing) << port;
            EXPECT_EQ(of(Ip(ip).tcp(40000, port)), PuntClass::routing) << port;
        }
        for (const unsigned port : {520u, 521u, 646u, 3784u, 3785u, 4784u})
            EXPECT_EQ(of(Ip(ip).udp(40000, port)), PuntClass::routing) << port;
        for (const std::uint8_t protocol :
             {std::uint8_t{2}, std::uint8_t{88}, std::uint8_t{89}, std::uint8_t{103}, std::uint8_t{112}})
            EXPECT_EQ(of(Ip(ip).protocol(protocol), "01:00:5e:00:00:05"), PuntClass::routing)
                << unsigned{protocol};
        EXPECT_EQ(of(Ip(ip).tcp(40000, 22)), PuntClass::ssh);
        EXPECT_EQ(of(Ip(ip).udp(40000, 22)), PuntClass::host);
        EXPECT_EQ(of(Ip(ip).tcp(40000, 80)), PuntClass::host);
    }
    EXPECT_EQ(of(Ip(v4).fragment(8, false).tcp(179, 179)), PuntClass::host)
        << "a later fragment has no ports";
    EXPECT_EQ(of(Ip(v6).extension(0, {0, 0, 5, 2, 0, 0, 1, 0}).icmp(143, 0), "33:33:00:00:00:16"),
              PuntClass::icmp);
    EXPECT_EQ(class_of(Frame().to("01:80:c2:00:00:02")), PuntClass::link_local);
    EXPECT_EQ(class_of(Frame().to(broadcast).type(ether_type::ipv4)), PuntClass::broadcast);
}

TEST(HostTest, AFullPuntQueueIsANamedDropAndLeavesOtherClassesAlone) {
    Rig rig("port add p up type null\n");
    const auto fill = [&](const Bytes& frame, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            rte_mbuf* m = rte_pktmbuf_alloc(rig.shared().pool);
            std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
                        frame.size());
            Packet::from(m)->meta = {};
            rig.port("p").waiting.push_back(Packet::from(m));
        }
    };
    fill(Frame().from(host_a).to(rig.mac("p")), PuntQueues::size + 99);
    fill(Frame().from(host_a).to("ff:ff:ff:ff:ff:ff"), 1);
    rig.run();
    EXPECT_EQ(rig.drops(DropReason::punt_queue_full), 100u);
    EXPECT_EQ(rig.punted("p").size(), PuntQueues::size);  // size - 1 for the host and the group
}

}  // namespace
}  // namespace weft::test
