#include "control/publish/plans.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "weft/port.hpp"

namespace weft {

namespace {

bool same(const ReceiveQueue& a, const ReceiveQueue& b) {
    return a.port == b.port && a.queue == b.queue;
}

std::unique_ptr<const PollPlan> plan_of(const WorkerShare& worker, const std::vector<ReceiveQueue>& queues) {
    auto plan = std::make_unique<PollPlan>();
    plan->queues = queues;
    plan->descriptors.push_back({.fd = worker.waker.descriptor(), .events = POLLIN, .revents = 0});
    for (const auto& queue : queues) {
        const int descriptor = queue.port->wait_descriptor(queue.queue);
        if (descriptor < 0)
            plan->must_poll = true;
        else
            plan->descriptors.push_back({.fd = descriptor, .events = POLLIN, .revents = 0});
    }
    return plan;
}

/// A worker that sleeps is no reader of its plan, but waits for the descriptors it copied out of it, and the
/// kernel keeps what they stand for until it returns.
void end_sleep(WorkerShare& worker) {
    const auto sleep = worker.sleeps.load(std::memory_order_acquire);
    worker.waker.wake();
    while (sleep % 2 == 1 && worker.sleeps.load(std::memory_order_acquire) == sleep)
        std::this_thread::sleep_for(std::chrono::microseconds(20));
}

void replace(Shared& shared, const std::vector<std::vector<ReceiveQueue>>& queues) {
    for (std::size_t w = 0; w < queues.size(); ++w)
        shared.workers[w]->plan.replace(plan_of(*shared.workers[w], queues[w]), shared.quiescence);
    for (auto& worker : shared.workers)
        end_sleep(*worker);
}

}  // namespace

void replace_plans(Shared& shared, const std::vector<std::vector<ReceiveQueue>>& queues) {
    auto resting = queues;
    bool moves = false;
    for (std::size_t w = 0; w < queues.size(); ++w)
        for (std::size_t other = 0; other < queues.size(); ++other) {
            if (other == w) continue;
            const auto& before = shared.workers[other]->plan.get().queues;
            moves |= std::erase_if(resting[w], [&](const ReceiveQueue& queue) {
                         return std::any_of(before.begin(), before.end(),
                                            [&](const auto& old) { return same(old, queue); });
                     }) != 0;
        }
    if (moves) replace(shared, resting);
    replace(shared, queues);
}

}  // namespace weft
