// Has memory of new connections there before workers come to it. The kernel clears a huge page when it is
// first touched, which may take a millisecond, and no burst has that.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

#include "dataplane/flow/pool.hpp"

namespace weft {

/// A thread of its own, on the CPUs of who makes it; it looks 20 times a second. The pool must outlive it.
/// Before Linux 5.14 (MADV_POPULATE_WRITE) it does nothing, and connections cost what they did.
class FlowAhead {
  public:
    /// Memory beyond what connections have used so far, bytes: 170,000 of them.
    static constexpr std::size_t distance = std::size_t{32} << 20;

    explicit FlowAhead(const FlowPool& pool) : pool_(pool), thread_([this](std::stop_token s) { run(s); }) {}

  private:
    void run(const std::stop_token& stop);
    [[nodiscard]] std::uint32_t wanted() const noexcept;

    const FlowPool& pool_;
    std::mutex mutex_;
    std::condition_variable_any stopped_;
    std::jthread thread_;  // last: what it uses is there before and after
};

}  // namespace weft
