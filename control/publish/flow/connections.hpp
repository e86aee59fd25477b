// The workers' tracker as control asks it.
#pragma once

#include <functional>

#include "control/flow/connections.hpp"
#include "dataplane/flow/tracker.hpp"

namespace weft {

/// The workers' clock: Context::now_us in milliseconds.
[[nodiscard]] FlowTime flow_time() noexcept;

/// A tracker's connection as `conntrack` shows it; `wall` in seconds since 1970.
[[nodiscard]] conntrack::Entry entry_of(const FlowView& seen, std::int64_t wall) noexcept;

/// `cpus` of the workers, in worker order.
class TrackedConnections final : public conntrack::Connections {
  public:
    /// `tracker` gives the tracker that workers use at the time; null while there is none. It must live until
    /// the call in which it was asked for is over.
    explicit TrackedConnections(std::function<FlowTracker*()> tracker, std::vector<unsigned> cpus = {},
                                std::function<FlowTime()> now = flow_time)
        : tracker_(std::move(tracker)), cpus_(std::move(cpus)), now_(std::move(now)) {}

    conntrack::Totals totals() override;
    std::vector<conntrack::Statistics> statistics() override;
    std::uint32_t walk(std::uint32_t cursor, std::uint32_t places,
                       const std::function<void(const conntrack::Entry&)>& visit) override;
    bool end(const conntrack::Entry& seen) override;
    std::optional<conntrack::Entry> find(const conntrack::Entry& like) override;
    void want_events(bool wanted) override;
    std::uint64_t take_events(const std::function<void(const conntrack::Happened&)>& tell) override;
    std::vector<conntrack::Expectation> expectations() override;
    void forget_expectations() override;
    bool forget(const conntrack::Expectation& seen) override;
    void want_expectation_events(bool wanted) override;
    std::uint64_t take_expectation_events(
        const std::function<void(conntrack::Event, const conntrack::Expectation&)>& tell) override;

  private:
    std::function<FlowTracker*()> tracker_;
    std::vector<unsigned> cpus_;
    std::function<FlowTime()> now_;
    FlowTracker* listening_ = nullptr;  ///< to whose workers
    bool wanted_ = false;
    std::uint64_t lost_before_ = 0;
    // The same of expectations.
    FlowTracker* expecting_ = nullptr;
    bool wanted_expectations_ = false;
    std::uint64_t lost_expectations_ = 0;
};

}  // namespace weft
