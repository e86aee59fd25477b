// Lets control stop a device under a polling worker: after close() returns, no burst is running and none
// starts.
#pragma once

#include <atomic>

namespace weft::ports {

/// One per queue and direction. The worker pays two plain stores and a load a burst: the barrier that makes
/// this right (Dekker's pattern) is executed on the worker's CPU by control's membarrier(2).
class alignas(64) Gate {
  public:
    /// Worker: true if the burst may run; then leave() must follow.
    [[nodiscard]] bool enter() noexcept {
        inside_.store(true, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (open_.load(std::memory_order_acquire)) [[likely]]
            return true;
        inside_.store(false, std::memory_order_relaxed);
        return false;
    }
    void leave() noexcept { inside_.store(false, std::memory_order_release); }

    /// Control: bursts may run from now on.
    void open() noexcept { open_.store(true, std::memory_order_release); }
    /// Control: waits for the running burst, at most as long as one takes.
    void close() noexcept;

  private:
    std::atomic<bool> inside_{false};
    std::atomic<bool> open_{false};
};

}  // namespace weft::ports
