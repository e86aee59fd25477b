// A poll-mode worker: rounds over its receive queues and rings, each burst through the pipeline, then
// transmit.
#pragma once

#include <memory>

#include "dataplane/worker/shared.hpp"

namespace weft {

/// Used by one thread. run() returns after Shared::stop is set; round() is one turn, for tests and
/// benchmarks.
class Worker {
  public:
    Worker(Shared& shared, unsigned id);
    ~Worker();

    void run() noexcept;
    /// Polls every queue and ring once. now_us: the clock of ages and limits, microseconds. Returns packets
    /// received or taken, and one more if connections are left to age: 0 is an idle round.
    unsigned round(std::uint64_t now_us) noexcept;

  private:
    /// Where the bursts of a port that is an interface begin.
    [[nodiscard]] StageId way_of(IfIndex interface) const noexcept;
    unsigned receive(const ReceiveQueue& queue) noexcept;
    void settle_paths() noexcept;
    /// Looks on, or no more, from this round on.
    void look_on(const Observation& what) noexcept;
    unsigned take_from_kernel() noexcept;
    void send_of_host(Packet& packet) noexcept;
    unsigned take_handed_over() noexcept;
    unsigned take_burst_handed_over() noexcept;
    unsigned take_from_veths() noexcept;
    void idle() noexcept;
    void sleep(const PollPlan& plan) noexcept;

    Shared& shared_;
    WorkerShare& share_;
    unsigned id_;
    /// Runs the stages, in the pipeline that is attached.
    void run_stages() noexcept { context_.run_all(context_); }

    SwitchPipeline pipeline_;
    ObservedPipeline observed_;
    Observer observer_;
    FragmentTable fragments_;
    HookWork hooks_;
    Context context_;
    std::unique_ptr<TransmitBuffer[]> transmit_;
    std::uint32_t forgotten_at_ = 0;  ///< second in which paths of flows began anew
    unsigned idle_rounds_ = 0;
    unsigned vain_wakeups_ = 0;  ///< in a row: a queue's descriptor was ready, but no packet came
    bool woken_by_queue_ = false;
};

}  // namespace weft
