// The way of a packet: the stages in order, and the one loop that runs them.
#pragma once

#include <rte_cycles.h>

#include "dataplane/bridge/batch.hpp"
#include "dataplane/bridge/input.hpp"
#include "dataplane/bridge/output.hpp"
#include "dataplane/context.hpp"
#include "dataplane/egress/egress.hpp"
#include "dataplane/flow/batch.hpp"
#include "dataplane/host/host.hpp"
#include "dataplane/ingress/ingress.hpp"
#include "dataplane/observe/observer.hpp"
#include "dataplane/punt/punt.hpp"
#include "dataplane/route/batch.hpp"
#include "dataplane/route/forward.hpp"
#include "dataplane/route/input.hpp"
#include "dataplane/route/output.hpp"

namespace weft {

/// What a stage did on one worker. Clocks are TSC clocks of every 64th batch.
struct StageCounters {
    Counter packets, batches, sampled_packets, sampled_clocks;
};

/// The loop over the stages. The observed one tells Context::observer of each decision.
template <bool observed, class... Stages>
class Pipeline {
    static_assert(sizeof...(Stages) == stage_count);

  public:
    explicit Pipeline(StageCounters* counters) noexcept : counters_(counters) {}

    /// Makes this the pipeline that the context's packets run through.
    void attach(Context& context) noexcept {
        context.pipeline = this;
        context.run_now = [](StageId stage, Context& c) {
            static_cast<Pipeline*>(c.pipeline)->run(stage, c);
        };
        context.run_all = [](Context& c) { static_cast<Pipeline*>(c.pipeline)->run(c); };
    }

    /// Runs until no stage holds a packet. Whoever filled context.next calls it once a burst.
    void run(Context& context) noexcept {
        do {
            (run_stage<Stages>(context), ...);
        } while ((... || (context.next[static_cast<std::size_t>(Stages::id)].count != 0)));
    }

    /// Runs one stage on what its vector holds (Context::run_now).
    void run(StageId stage, Context& context) noexcept {
        (void)((Stages::id == stage && (run_stage<Stages>(context), true)) || ...);
    }

  private:
    template <class S>
    void run_stage(Context& context) noexcept {
        PacketVector& vector = context.next[static_cast<std::size_t>(S::id)];
        const std::uint16_t count = vector.count;
        if (count == 0) return;
        // Taken out first: a stage may be entered again while it runs (sub-interface over a bridge).
        Packet* packets[batch_size];
        typename S::Prepared prepared[batch_size];
        for (std::uint16_t i = 0; i < count; ++i)
            packets[i] = vector.packets[i];
        vector.count = 0;

        StageCounters& counters = counters_[static_cast<std::size_t>(S::id)];
        const bool sampled = (counters.batches.get() & 63) == 0;
        const std::uint64_t start = sampled ? rte_rdtsc() : 0;
        auto burst = begin<S>(context);
        for (std::uint16_t i = 0; i < count; ++i)
            prepare<S>(*packets[i], prepared[i], burst, context);
        if constexpr (LooksUp<S>) S::look_up(burst, context);
        if constexpr (Chooses<S>) S::choose(packets, prepared, count, burst);
        for (std::uint16_t i = 0; i < count; ++i) {
            const Verdict verdict = decide_in_sight<S>(*packets[i], prepared[i], burst, context);
            if (verdict.is_stage()) [[likely]]
                context.emit(*packets[i], verdict.stage());
            else if (verdict.is_drop())
                context.drop(*packets[i], verdict.reason(), blamed<S>(*packets[i]));
        }
        if (sampled) {
            counters.sampled_clocks.add(rte_rdtsc() - start);
            counters.sampled_packets.add(count);
        }
        counters.packets.add(count);
        counters.batches.add(1);
    }

    // A stage that takes packets of any origin has no Burst.
    struct NoBurst {};
    template <class S>
    static auto begin(Context& context) noexcept {
        if constexpr (BatchStage<S>)
            return S::begin(context);
        else
            return NoBurst{};
    }
    template <class S>
    static void prepare(Packet& packet, typename S::Prepared& prepared, auto& burst,
                        Context& context) noexcept {
        if constexpr (BatchStage<S>)
            S::prepare(packet, prepared, burst, context);
        else
            S::prepare(packet, prepared, context);
    }
    template <class S>
    static Verdict decide(Packet& packet, const typename S::Prepared& prepared, auto& burst,
                          Context& context) noexcept {
        if constexpr (BatchStage<S>)
            return S::decide(packet, prepared, burst, context);
        else
            return S::decide(packet, prepared, context);
    }

    template <class S>
    static Verdict decide_in_sight(Packet& packet, const typename S::Prepared& prepared, auto& burst,
                                   Context& context) noexcept {
        if constexpr (observed) {
            const auto number = context.observer->decides(S::id, packet, context);
            const Verdict verdict = decide<S>(packet, prepared, burst, context);
            const bool still_ours = verdict.is_stage() || verdict.is_drop();
            context.observer->decided(S::id, number, still_ours ? &packet : nullptr, verdict, context);
            return verdict;
        } else {
            return decide<S>(packet, prepared, burst, context);
        }
    }

    /// A drop is counted for the interface the frame was leaving by, or else the one it came by.
    template <class S>
    static IfIndex blamed(const Packet& packet) noexcept {
        constexpr bool leaving =
            S::id == StageId::egress || S::id == StageId::bridge_output || S::id == StageId::ip_output;
        return leaving ? packet.meta.oif : packet.meta.iif;
    }

    StageCounters* counters_;
};

/// Linux's packet flow, in the packet's order.
template <bool observed>
using PacketFlow = Pipeline<observed,
                            BridgeBatch,   // a port in a bridge: known station to known station
                            FlowBatch,     // a port that routes under rules: packets of known flows
                            RouteBatch,    // a port that routes: in transit to a known neighbour
                            Ingress,       // from a port
                            BridgeInput,   // bridge member: VLAN, learning, forwarding
                            BridgeOutput,  // the host sends by a bridge
                            Host,          // for the kernel, or to be routed?
                            FlowInput,     // IP under rules: packets of known flows
                            RouteInput,    // IP: in transit to a known neighbour
                            IpInput,       // IP: sound, and where to?
                            IpForward,     // in transit
                            IpOutput,      // by a hop
                            Egress,        // to a port
                            Punt>;         // to the kernel
using SwitchPipeline = PacketFlow<false>;
using ObservedPipeline = PacketFlow<true>;  ///< while Context::observer is set

}  // namespace weft
