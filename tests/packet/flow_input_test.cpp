// Known flows whose packets come or go by something else than a port: sub-interfaces, QinQ, bridges, veth
// ends; and guests' packets that leave work to the port.
#include "tests/packet/ways.hpp"

namespace weft::test {
namespace {

using FlowInputTest = WayTest;
INSTANTIATE_TEST_SUITE_P(Ways, FlowInputTest, every_way, name_of_way);

TEST_P(FlowInputTest, KnownFlowsSkipTheRulesWhichCountThem) {
    Firewall firewall = make();
    Rig& rig = firewall.rig;
    enter(firewall);
    const std::string rules =
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD "
        "-i " +
        std::string(way().interface) + " -o b -p udp -j ACCEPT\nCOMMIT\n";
    firewall.rules(rules, rules);
    for (const Pair& who : {c4, c6}) {
        const Ip question = Ip(who.a, who.b).payload(20).udp(1000, 53),
                 answer = Ip(who.b, who.a).payload(30).udp(53, 1000);
        std::uint64_t slow = 0;
        for (unsigned i = 0; i < 8; ++i) {
            if (i == 3) slow = packets_of(firewall, StageId::ip_input);
            rig.send("c", from_c(firewall, question));
            EXPECT_EQ(rig.all_sent(), (Out{{"b", {firewall.router.to_b(Ip(question).ttl(63))}}})) << i;
            rig.send("b", firewall.router.from_b(answer));
            EXPECT_EQ(rig.all_sent(), (Out{{"c", {to_c(firewall, Ip(answer).ttl(63))}}})) << i;
        }
        EXPECT_EQ(packets_of(firewall, StageId::ip_input), slow);
        EXPECT_EQ(firewall.counts(who.a == c6.a, "FORWARD"), (std::vector<std::uint64_t>{15, 1, 0}));
    }
    std::uint64_t received = 0;
    for (unsigned worker = 0; worker < std::get<1>(GetParam()).workers; ++worker)
        received += rig.counters(way().interface, worker).received.packets.get();
    const std::uint64_t announced = way().name == std::string("veth") ? 1u : 0u;
    EXPECT_GE(received, 16u + announced);
    EXPECT_EQ(rig.sent_by(way().interface).first, 16u);
    EXPECT_EQ(rig.all_drops(), 0u);
}

TEST_P(FlowInputTest, AChangedRuleActsOnTheNextPacket) {
    Firewall firewall = make();
    Rig& rig = firewall.rig;
    enter(firewall);
    const std::string
        open =
            "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
            "COMMIT\n",
        shut = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
    for (const Pair& who : {c4, c6}) {
        firewall.rules(open, open);
        const Ip question = Ip(who.a, who.b).payload(20).udp(1000, 53);
        for (unsigned i = 0; i < 4; ++i)
            rig.send("c", from_c(firewall, question));
        EXPECT_EQ(rig.sent("b").size(), 4u);
        firewall.rules(shut, shut);
        rig.send("c", from_c(firewall, question));
        EXPECT_EQ(rig.sent("b").size(), 0u);
        firewall.rules(open, open);
        // The same tuple by another interface is another way.
        const std::string by_b =
            "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
            "-A FORWARD -i a -j DROP\nCOMMIT\n";
        firewall.rules(by_b, by_b);
        for (unsigned i = 0; i < 3; ++i)
            rig.send("c", from_c(firewall, question));
        EXPECT_EQ(rig.sent("b").size(), 3u);
        rig.send("a", question.frame(*parse_mac(host_a), rig.mac("a")));
        EXPECT_EQ(rig.sent("b").size(), 0u);
    }
}

// A guest may send more than an IP packet can be long (virtio 1.1 5.1.6.2): that is nobody's packet, and what
// comes behind it is judged by its own flow.
TEST_P(FlowInputTest, FramesLongerThanAnIpPacketLeaveNoTrace) {
    Firewall firewall = make();
    Rig& rig = firewall.rig;
    enter(firewall);
    const std::string rules =
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp --dport 80 -j ACCEPT\n"
        "-A FORWARD -m conntrack --ctstate ESTABLISHED -p tcp -j ACCEPT\nCOMMIT\n";
    firewall.rules(rules, rules);
    Left known = leave_to_port(c6, false, 10, 0);
    known.meta = {};
    known.ip.summed();
    for (unsigned i = 0; i < 4; ++i)
        rig.send("c", from_c(firewall, known.ip));
    EXPECT_EQ(rig.sent("b").size(), 4u);
    EXPECT_EQ(packets_of(firewall, StageId::ip_input), 1u) << "the flow is known";
    const auto tags = static_cast<std::uint16_t>(way().tags.size() * vlan_tag_size);
    std::uint64_t refused = 0;
    for (const unsigned length : {65'535u, 65'536u, 65'537u, 65'543u}) {
        Left left = leave_to_port(c6, false, 1000, 1000);
        Bytes frame = from_c(firewall, left.ip);
        frame.resize(ethernet_header_size + tags + length);
        const unsigned payload = length - 40;  // wraps: 16 bits
        frame[14u + tags + 4] = static_cast<std::uint8_t>(payload >> 8);
        frame[14u + tags + 5] = static_cast<std::uint8_t>(payload);
        left.meta.checksum_start = static_cast<std::uint16_t>(left.meta.checksum_start + tags);
        rig.offer("c", frame, left.meta);
        rig.offer("c", from_c(firewall, Ip(c6.a, c6.b).payload(10).tcp(1000, 81).summed()));
        rig.offer("c", from_c(firewall, known.ip));
        rig.run();
        std::vector<Bytes> rest = rig.sent("b");
        ASSERT_FALSE(rest.empty());
        EXPECT_EQ(rest.back(), firewall.router.to_b(Ip(known.ip).ttl(63))) << length;
        EXPECT_EQ(firewall.counts(true, "FORWARD").back(), ++refused) << "that to port 81";
        firewall.rules(rules, rules);
        for (unsigned i = 0; i < 3; ++i)
            rig.send("c", from_c(firewall, known.ip));
        static_cast<void>(rig.all_sent());
    }
}

/// The same packets to a router that keeps outcomes, and to one that forgets them before each packet.
TEST_P(FlowInputTest, NobodySeesTheDifference) {
    std::uint64_t known_ways = 0;
    for (unsigned seed = 1; seed <= 4; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Firewall known = make(), forgetful = make();
        Talk talk(seed);
        const std::string rules = talk.rules();
        for (Firewall* one : {&known, &forgetful}) {
            enter(*one);
            one->rules(rules, rules);
        }
        for (unsigned i = 0; i < 500; ++i) {
            const bool from_us = talk.pick(2), guest = talk.pick(4) == 0;
            const Pair& who = talk.pick(2) ? c6 : c4;
            Left left = leave_to_port(who, !from_us, talk.pick(900), talk.pick(2) ? 0 : 200 + talk.pick(200));
            if (!guest) {
                left.meta = {};
                left.ip = talk.between(from_us ? who.a : who.b, from_us ? who.b : who.a, from_us);
            }
            for (Firewall* one : {&known, &forgetful}) {
                if (one == &forgetful) one->forget_outcomes();
                Metadata meta = left.meta;
                if (!from_us) {
                    one->rig.send("b", one->router.from_b(left.ip), meta);
                } else {
                    const auto tags = static_cast<std::uint16_t>(way().tags.size() * vlan_tag_size);
                    meta.checksum_start = static_cast<std::uint16_t>(meta.checksum_start + tags);
                    one->rig.send("c", from_c(*one, left.ip), meta);
                }
            }
            ASSERT_EQ(known.rig.all_sent(), forgetful.rig.all_sent()) << "packet " << i << "\n" << rules;
        }
        for (const bool v6 : {false, true}) {
            EXPECT_EQ(known.counts(v6, "FORWARD"), forgetful.counts(v6, "FORWARD")) << rules;
            EXPECT_EQ(known.byte_counts(v6, "FORWARD"), forgetful.byte_counts(v6, "FORWARD")) << rules;
        }
        for (const char* name : {way().interface, "b", "c"})
            EXPECT_EQ(known.rig.sent_by(name), forgetful.rig.sent_by(name)) << name;
        EXPECT_EQ(known.tracker().count(), forgetful.tracker().count());
        EXPECT_EQ(known.marks(), forgetful.marks()) << rules;
        known_ways += packets_of(forgetful, StageId::ip_input) - packets_of(known, StageId::ip_input);
    }
    EXPECT_GT(known_ways, 200u) << "by known ways";
}

}  // namespace
}  // namespace weft::test
