// What a trace and a rehearsal tell of the stages of IP: the hop, its neighbour, its MTU.
#include <gtest/gtest.h>

#include "control/publish/trace_text.hpp"
#include "dataplane/observe/observer.hpp"
#include "dataplane/observe/rehearsal.hpp"
#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

using Steps = std::map<std::string, std::string>;

struct ObserveRoute : testing::TestWithParam<RigOptions> {
    Router router{GetParam()};
    Rig& rig = router.rig;
    const std::string a = "interface " + std::to_string(rig.index("a")),
                      b = "interface " + std::to_string(rig.index("b"));

    void look(std::shared_ptr<Trace> trace) {
        auto what = std::make_unique<Observation>();
        what->trace = std::move(trace);
        rig.while_offline(
            [&] { rig.shared().observation.replace(std::move(what), rig.shared().quiescence); });
    }
    /// Stage and sentence of a packet from A.
    Steps traced(const Ip& ip) {
        auto trace = std::make_shared<Trace>(rig.index("a"), 1, 90);
        look(trace);
        rig.send("a", router.from_a(ip));
        look(nullptr);
        Steps steps;
        const auto packets = tell(*trace, Names());
        for (const auto& step : packets.at(0).steps)
            steps[step.stage] = step.what;
        return steps;
    }
    Steps to(const std::string& address) { return traced(Ip{"10.0.1.2", address}.udp(1, 2)); }
};

TEST_P(ObserveRoute, HopNeighbourAndMtu) {
    auto steps = to("10.0.2.2");
    EXPECT_EQ(steps["ip_input"], "via 10.0.2.2 dev " + b + ": to ip_forward, untagged on " + a);
    EXPECT_EQ(steps["ip_forward"], "mtu 1500: to ip_output, untagged on " + a);
    EXPECT_EQ(steps["ip_output"],
              "via 10.0.2.2 dev " + b + ", lladdr 02:00:00:00:00:0b: to egress, untagged by " + b);
    steps = traced(Ip{"2001:db8:1::2", "2001:db8:2::2"}.udp(1, 2));
    EXPECT_EQ(steps["ip_input"], "via 2001:db8:2::2 dev " + b + ": to ip_forward, untagged on " + a);
}

// weftd ended by a null pointer here once: a rehearsal has a Context of its own.
TEST_P(ObserveRoute, ARehearsalRoutes) {
    for (const bool v6 : {false, true}) {
        const Ip ip = v6 ? Ip("2001:db8:1::2", "2001:db8:2::2") : Ip("10.0.1.2", "10.0.2.2");
        const Bytes frame = router.from_a(Ip(ip).udp(1, 2));
        rte_mbuf* m = rte_pktmbuf_alloc(rig.shared().pool);
        std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
                    frame.size());
        Packet::from(m)->meta = {};
        const auto trace = rehearse(*Packet::from(m), rig.index("a"),
                                    {.topology = rig.shared().topology.get(),
                                     .routing = rig.shared().routing.get(),
                                     .hops = rig.shared().hops,
                                     .fdb = rig.shared().fdb,
                                     .pool = rig.shared().pool,
                                     .now_us = 1'000'000'000,
                                     .kernel = true});
        const auto steps = tell(*trace, Names()).at(0).steps;
        EXPECT_EQ(steps.back().stage, "sent");
    }
    EXPECT_TRUE(rig.all_sent().empty());
}

TEST_P(ObserveRoute, NeighboursThatAreNotThere) {
    router.route("10.1.0.0/16", router.hop({.interface = "b", .gateway = "10.0.2.3", .mtu = 1400}));
    router.route("10.2.0.0/16",
                 router.hop({.interface = "b", .gateway = "10.0.2.4", .state = NeighbourState::failed}));
    router.publish();
    auto steps = to("10.1.0.1");
    EXPECT_EQ(steps["ip_forward"], "mtu 1400: to ip_output, untagged on " + a);
    EXPECT_EQ(steps["ip_output"], "via 10.0.2.3 dev " + b + ", not resolved yet: to punt, untagged on " + a);
    for (Packet* waiting : router.unresolved())
        Packet::free(waiting);
    EXPECT_EQ(to("10.2.0.1")["ip_output"], "via 10.0.2.4 dev " + b + ", which does not answer: drops it");
    EXPECT_EQ(to("10.0.2.77")["ip_output"],
              "dev " + b + " to a neighbour that nobody asked for yet: to punt, untagged on " + a);
    for (Packet* waiting : router.unresolved())
        Packet::free(waiting);
}

TEST_P(ObserveRoute, RoutesThatAreNoHop) {
    router.route("10.3.0.0/16", router.hop({.kind = HopKind::blackhole}));
    router.route("10.4.0.0/16", router.hop({.kind = HopKind::prohibit}));
    router.publish();
    EXPECT_EQ(to("10.0.1.1")["ip_input"], "a local address: to punt, untagged on " + a);
    EXPECT_EQ(to("10.0.1.255")["ip_input"], "a broadcast address: to punt, untagged on " + a);
    EXPECT_EQ(to("224.0.0.5")["ip_input"], "to punt, untagged on " + a);
    EXPECT_EQ(to("10.3.0.1")["ip_input"], "a blackhole route: drops it");
    EXPECT_EQ(to("10.4.0.1")["ip_input"], "a prohibit route: drops it");
    EXPECT_EQ(to("10.5.0.1")["ip_input"], "no route: drops it");
    EXPECT_EQ(to("127.0.0.1")["ip_input"], "drops it");
}

TEST_P(ObserveRoute, AGroup) {
    const auto hop = router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b});
    router.route("10.6.0.0/16", router.group({hop, hop}));
    router.publish();
    EXPECT_EQ(to("10.6.0.1")["ip_input"],
              "one of several hops, via 10.0.2.2 dev " + b + ": to ip_forward, untagged on " + a);
}

INSTANTIATE_TEST_SUITE_P(Workers, ObserveRoute,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

}  // namespace
}  // namespace weft::test
