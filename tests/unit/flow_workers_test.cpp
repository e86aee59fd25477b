// Two workers that share connections whose outcomes they keep, while a third thread replaces rules, routes
// and neighbours and ends connections. Run under TSan, only there.
#include "tests/unit/two_workers.hpp"

namespace weft::test {
namespace {

constexpr hook::RuleId policy = 1;

/// Rules of one policy, which counts what is forwarded.
std::shared_ptr<const hook::HookProgram> program(hook::Family family) {
    auto made = std::make_shared<hook::HookProgram>();
    made->family = family;
    made->hooks[static_cast<std::size_t>(hook::Hook::forward)] = {
        {.table = hook::TableId::filter, .chain = 0, .policy = policy, .drops = false}};
    made->chains = {std::make_shared<hook::ChainCode>()};
    made->ids = policy + 1;
    made->tracks = true;
    return made;
}

class FlowWorkers : public TwoWorkers {
  protected:
    FlowWorkers() : TwoWorkers(frames_of(a), frames_of(b)) { change_rules(); }

    /// Datagrams of 40 flows of each family between 10.0.1.2 and 10.0.2.2, as they come by a or by b.
    static std::vector<Bytes> frames_of(IfIndex side) {
        std::vector<Bytes> all;
        for (unsigned port = 1000; port < 1040; ++port)
            for (const bool v6 : {false, true}) {
                const std::string near = v6 ? "2001:db8:1::2" : "10.0.1.2",
                                  far = v6 ? "2001:db8:2::2" : "10.0.2.2";
                Ip ip = side == a ? Ip(near, far).payload(20).udp(port, 53)
                                  : Ip(far, near).payload(20).udp(53, port);
                all.push_back(ip.frame(host, own[side]));
            }
        return all;
    }
    void change_rules() {
        auto filtering = std::make_unique<Filtering>();
        for (const bool of6 : {false, true}) {
            filtering->rules[of6] = program(of6 ? hook::Family::ip6 : hook::Family::ip);
            filtering->tracks[of6] = true;
        }
        publish(std::move(filtering));
    }
    /// The same route again, which has the flows of its region ask anew.
    void change_route() {
        RouteChanges& changes = shared.hops.changes();
        const Lpm4::Key prefix{10, 0, 2};
        changes.begin();
        EXPECT_TRUE(v4->add(prefix, 24, b));
        changes.end<4>(prefix.data(), 24);
    }
};

TEST_F(FlowWorkers, KeepOutcomesWhileRulesRoutesAndConnectionsChange) {
    run(std::chrono::milliseconds(1500), [&](unsigned turn) {
        change_rules();
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        shared.hops[b].neighbour.store(neighbour(b, turn), std::memory_order_relaxed);
        change_route();
        end_some(turn, 8, 16);
        for (auto& worker : shared.workers)
            worker->counts_wanted.fetch_add(1, std::memory_order_release);
    });
    const std::uint64_t received = near.received + far.received, sent = near.sent + far.sent,
                        dropped = this->dropped();
    EXPECT_EQ(pool.live(), 0u);
    EXPECT_EQ(received, sent + dropped);
    EXPECT_GT(sent, 1000u);
    EXPECT_GT(ended, 10u);
    EXPECT_GT(generation, 20u);
    const auto stage = static_cast<std::size_t>(StageId::flow_batch);
    EXPECT_GT(sum([&](const WorkerShare& worker) { return worker.stages[stage].packets.get(); }), sent / 2);
    EXPECT_GT(sum([](const WorkerShare& worker) { return worker.own.handed_over.get(); }), 100u);
    // Counted once each, by the walk or by the path, whichever rules were there.
    for (auto& worker : shared.workers)
        worker->counts_wanted.fetch_add(1);
    rounds();
    const std::uint64_t counted = sum([](const WorkerShare& worker) {
        return worker.rule_counters[0][policy].packets.get() + worker.rule_counters[1][policy].packets.get();
    });
    EXPECT_GE(counted, sent);
    EXPECT_LE(counted, sent + dropped) << "those that clashed when they were confirmed had passed it";
}

}  // namespace
}  // namespace weft::test
