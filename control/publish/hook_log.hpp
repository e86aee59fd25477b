// Writes what workers' hooks have to say into the log.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "control/publish/names.hpp"
#include "dataplane/worker/shared.hpp"

namespace weft {

/// lib/ratelimit.c: so many in an interval, and at the beginning of another how many there were more.
class LogLimit {
  public:
    /// How many of `count` that come now may pass.
    std::uint64_t pass(std::uint64_t count, std::uint64_t now_ms);
    /// Of intervals that are over, once.
    std::uint64_t take_suppressed();

  private:
    std::uint64_t begun_ms_ = 0, passed_ = 0, missed_ = 0, suppressed_ = 0;
    bool runs_ = false;
};

/// Control thread only.
class HookLogWriter {
  public:
    using Write = std::function<void(unsigned level, const std::string& line)>;

    /// A line for each packet that a LOG rule has met, and the kernel's about a full table, which its
    /// net_ratelimit bounds.
    void write(Shared&, const Names&, std::uint64_t now_ms, const Write&);

  private:
    std::vector<std::uint64_t> lost_, full_;  ///< by worker: said already
    LogLimit limit_;
};

}  // namespace weft
