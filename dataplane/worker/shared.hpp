// What workers share with each other and with control.
#pragma once

#include <poll.h>

#include <atomic>
#include <memory>
#include <vector>

#include "dataplane/bridge/fdb.hpp"
#include "dataplane/hook/hooks.hpp"
#include "dataplane/hook/outcome.hpp"
#include "dataplane/pipeline.hpp"
#include "weft/clock.hpp"
#include "weft/counters.hpp"
#include "weft/publish.hpp"
#include "weft/ring.hpp"
#include "weft/routing.hpp"
#include "weft/topology.hpp"

namespace weft {

/// A receive queue that a worker polls.
struct ReceiveQueue {
    Port* port;
    std::uint16_t queue;
    IfIndex interface;
};

/// Which queues a worker polls, in order. Immutable after publication.
struct PollPlan {
    std::vector<ReceiveQueue> queues;
    std::vector<pollfd> descriptors;  ///< the worker's waker first, then those of the queues that have one
    bool must_poll = false;           ///< some queue has no descriptor
};

/// Of one worker; each counter written by it alone.
struct WorkerCounters {
    Counter packets, handed_over, busy_clocks, total_clocks;
};

/// One worker as others see it. Rings may be filled by anybody, the rest is written by the worker or
/// published by control.
struct WorkerShare {
    explicit WorkerShare(unsigned cpu_of) : cpu(cpu_of) {}
    unsigned cpu;
    Published<PollPlan> plan;
    PacketRing from_kernel{1024};  ///< frames of kernel TAPs; meta.oif is the interface
    PacketRing hand_over{1024};    ///< frames to send by ports whose queue this worker owns
    PacketRing veths{1024, true};  ///< frames under way in veth pairs; the worker gives and takes
    Waker waker;
    std::atomic<std::uint32_t> sleeps{0};  ///< odd while it waits for the descriptors of a plan
    PuntQueues punt;
    PuntLimits punt_limits;
    CounterTable counters;
    std::array<RuleCounters, 2> rule_counters;  ///< by hook::Family
    /// What flows have counted is in rule_counters, and no rule of an earlier Filtering counts any more, once
    /// the worker has made the second equal to the first.
    std::atomic<std::uint32_t> counts_wanted{0}, counts_settled{0};
    /// Control's, null or answered by then; control touches it only while the two are equal.
    FlowQuestion* question = nullptr;
    std::atomic<bool> runs{false};
    HookLog hook_log;
    StageCounters stages[stage_count];
    WorkerCounters own;
};

/// The data plane's tables and workers. Outlives the workers' threads.
struct Shared {
    Shared(std::vector<unsigned> cpus, rte_mempool* packets, std::uint32_t fdb_capacity, std::uint64_t low,
           std::uint64_t high)
        : pool(packets),
          secret_low(low),
          secret_high(high),
          quiescence(static_cast<unsigned>(cpus.size())),
          fdb(fdb_capacity, low, high) {
        for (const unsigned cpu : cpus) {
            workers.push_back(std::make_unique<WorkerShare>(cpu));
            hand_over.push_back(&workers.back()->hand_over);
            wakers.push_back(&workers.back()->waker);
        }
    }
    rte_mempool* pool;
    std::uint64_t secret_low, secret_high;  ///< 128 bits, drawn anew at each start
    Quiescence quiescence;
    Published<Topology> topology;
    Published<Observation> observation;
    Published<Routing> routing;
    Published<Filtering> filtering;
    HopTable hops;
    IcmpBuckets icmp_buckets;
    Fdb fdb;
    std::vector<std::unique_ptr<WorkerShare>> workers;
    std::vector<PacketRing*> hand_over;
    std::vector<Waker*> wakers;
    Waker* tap_waker = nullptr;  ///< of the TAP thread; null without one
    bool kernel = true;          ///< false: --no-kernel, nothing is punted
    bool poll_always = false;    ///< --poll
    std::atomic<bool> stop{false};
};

}  // namespace weft
