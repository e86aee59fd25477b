// Each worker's busy share over the last second.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace weft {

/// Clocks as a worker counts them since its start.
struct WorkerClocks {
    std::uint64_t busy = 0, total = 0;
};

/// Fed by a timer, asked at any time. One thread.
class BusyShares {
  public:
    using Clock = std::chrono::steady_clock;
    /// Takes a sample if the last is a second old.
    void sample(Clock::time_point now, const std::vector<WorkerClocks>& clocks) {
        if (!last_.empty() && now - at_ < std::chrono::seconds(1)) return;
        shares_.assign(clocks.size(), 0.0);
        for (std::size_t w = 0; w < last_.size() && w < clocks.size(); ++w) {
            const auto total = clocks[w].total - last_[w].total;
            if (total)
                shares_[w] = static_cast<double>(clocks[w].busy - last_[w].busy) / static_cast<double>(total);
        }
        last_ = clocks;
        at_ = now;
    }
    [[nodiscard]] double share(std::size_t worker) const {
        return worker < shares_.size() ? shares_[worker] : 0.0;
    }

  private:
    Clock::time_point at_{};
    std::vector<WorkerClocks> last_;
    std::vector<double> shares_;
};

}  // namespace weft
