// Writes what workers' hooks have to say into the log.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "control/publish/names.hpp"
#include "dataplane/worker/shared.hpp"

namespace weft {

/// lib/ratelimit.c: so many in an interval, and at the beginning of another how many there were more.
class LogLimit {
  public:
    explicit LogLimit(std::uint64_t most = 10) : most_(most) {}
    /// How many of `count` that come now may pass.
    std::uint64_t pass(std::uint64_t count, std::uint64_t now_ms);
    /// Of intervals that are over, once.
    std::uint64_t take_suppressed();
    /// Of the last interval.
    [[nodiscard]] std::uint64_t missed() const { return missed_; }
    [[nodiscard]] bool is_over(std::uint64_t now_ms) const;

  private:
    std::uint64_t most_;
    std::uint64_t begun_ms_ = 0, passed_ = 0, missed_ = 0, suppressed_ = 0;
    bool runs_ = false;
};

/// Control thread only.
class HookLogWriter {
  public:
    using Write = std::function<void(unsigned level, const std::string& line)>;

    using RuleText = std::function<std::string(bool v6, std::uint32_t rule)>;

    /// A line for each packet that a LOG rule or a traced one has met, a worker's in their order, and how
    /// many of each were lost; the kernel's about a full table, bounded as net_ratelimit does; and of each
    /// rule of nat that has no port left one in five seconds, the last of them when it drops no more.
    void write(Shared&, const Names&, const RuleText&, std::uint64_t now_ms, const Write&);

  private:
    static void write_lines(HookLog&, const Names&, const Write&);
    void warn(LogLimit&, std::uint64_t count, const std::string& line, std::uint64_t now_ms, const Write&);

    void warn_of_exhausted(const Shared&, const RuleText&, std::uint64_t now_ms, const Write&);

    std::vector<std::array<std::uint64_t, log_of_names.size()>> lost_;  ///< by worker: said already
    std::vector<std::uint64_t> full_;
    std::vector<std::array<std::uint64_t, ExhaustedRules::size>> exhausted_;
    LogLimit limit_;
    std::map<std::uint64_t, LogLimit> exhausted_limits_;  ///< by ExhaustedRules::rule()
};

}  // namespace weft
