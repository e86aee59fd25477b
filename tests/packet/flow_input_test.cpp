// Known flows whose packets come or go by something else than a port: sub-interfaces, QinQ, bridges, veth
// ends; and guests' packets that leave work to the port.
#include <gtest/gtest.h>

#include "tests/packet/talk.hpp"

namespace weft::test {
namespace {

constexpr const char* host_c = "02:00:00:00:00:0c";
constexpr Pair c4{"10.0.7.2", "10.0.2.2", "10.0.7.2/32"},
    c6{"2001:db8:7::2", "2001:db8:2::2", "2001:db8:7::2/128"};

/// An interface behind port c, and the tags of its frames there.
struct Way {
    const char *name, *interface, *configuration;
    std::vector<std::pair<std::uint16_t, std::uint16_t>> tags;  ///< TPID, VID
};
const Way ways[] = {
    {"vlan", "c.5", "ip link add link c name c.5 up type vlan id 5\n", {{0x8100, 5}}},
    {"qinq",
     "c.s.6",
     "ip link add link c name c.s up type vlan proto 802.1ad id 100\n"
     "ip link add link c.s name c.s.6 up type vlan id 6\n",
     {{0x88a8, 100}, {0x8100, 6}}},
    {"bridge",
     "br0",
     "ip link add br0 address 02:bb:00:00:00:01 up type bridge\nip link set c master br0\n",
     {}},
    {"vlan_on_bridge",
     "br0.7",
     "ip link add br0 address 02:bb:00:00:00:01 up type bridge\nip link set c master br0\n"
     "ip link add link br0 name br0.7 up type vlan id 7\n",
     {{0x8100, 7}}},
    {"veth",
     "v0",
     "ip link add br0 up type bridge\nip link set c master br0\n"
     "ip link add v0 address 02:bb:00:00:00:02 up type veth peer name v1\nip link set v1 up\nip link set v1 master br0\n",
     {}},
};

class FlowInputTest : public testing::TestWithParam<std::tuple<Way, RigOptions>> {
  protected:
    static const Way& way() { return std::get<0>(GetParam()); }
    Firewall make() {
        return Firewall(std::get<1>(GetParam()),
                        std::string("port add c up type null\n") + way().configuration, {way().interface});
    }
    void enter(Firewall& one) {
        for (const Pair& who : {c4, c6})
            one.router.route(who.more_b,
                             one.router.hop({.interface = way().interface, .gateway = who.a, .mac = host_c}));
        one.router.publish();
        // The bridge has to know where the host is.
        one.rig.send("c", frame(*parse_mac(host_c), *parse_mac(all_hosts), 0x0806, Bytes(46)));
        static_cast<void>(one.rig.all_sent());
        static_cast<void>(one.rig.punted(way().interface));
    }
    static Bytes frame(const MacAddress& from, const MacAddress& to, std::uint16_t type,
                       const Bytes& payload) {
        Frame built;
        built.from(from).to(to).type(type).payload(payload);
        for (const auto& [tpid, vid] : way().tags)
            built.tag(vid, 0, false, tpid);
        return built;
    }
    static std::uint16_t type_of(const Ip& ip) { return ip.bytes()[0] >> 4 == 6 ? 0x86dd : 0x0800; }
    static Bytes from_c(Firewall& one, const Ip& ip) {
        return frame(*parse_mac(host_c), one.rig.mac(way().interface), type_of(ip), ip.bytes());
    }
    static Bytes to_c(Firewall& one, const Ip& ip) {
        return frame(one.rig.mac(way().interface), *parse_mac(host_c), type_of(ip), ip.bytes());
    }
};
INSTANTIATE_TEST_SUITE_P(Ways, FlowInputTest,
                         testing::Combine(testing::ValuesIn(ways),
                                          testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2},
                                                          RigOptions{.workers = 1,
                                                                     .offloads = Offload::vlan_insert})),
                         [](const auto& info) {
                             const RigOptions& options = std::get<1>(info.param);
                             return std::string(std::get<0>(info.param).name) + "_" +
                                    std::to_string(options.workers) +
                                    (options.offloads ? "_inserts_tags" : "");
                         });

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

/// What a guest leaves to the port: a sum to finish, a segment to cut up.
struct Left {
    Metadata meta{};
    Ip ip;
};
Left leave_to_port(const Pair& who, bool backwards, unsigned size, std::uint16_t gso_size) {
    const bool v6 = std::string(who.a).find(':') != std::string::npos;
    Left left{.ip = backwards ? Ip(who.b, who.a) : Ip(who.a, who.b)};
    left.ip.payload(size).tcp(backwards ? 80u : 1000u, backwards ? 1000u : 80u);
    const std::size_t header = v6 ? 40 : 20;
    left.meta.checksum = ChecksumState::unfinished;
    left.meta.checksum_start = static_cast<std::uint16_t>(ethernet_header_size + header);
    left.meta.checksum_offset = offsetof(TcpHeader, checksum);
    if (gso_size) {
        left.meta.gso_type = v6 ? GsoType::tcp6 : GsoType::tcp4;
        left.meta.gso_size = gso_size;
    }
    return left;
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
