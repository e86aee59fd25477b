// What `conntrack` and net.netfilter.nf_conntrack_* ask of the workers' connections.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "control/flow/entry.hpp"
#include "control/flow/expectation.hpp"

namespace weft::conntrack {

struct Totals {
    std::uint64_t count = 0;    ///< connections, also those that are not confirmed yet
    std::uint64_t buckets = 0;  ///< of the hash table
};

/// Of one worker, in the words of `conntrack -S`.
struct Statistics {
    unsigned cpu = 0;
    std::uint64_t invalid = 0, insert_failed = 0, drop = 0, early_drop = 0, clash_resolve = 0;
};

struct Happened {
    Event event;
    bool mark_changed;
    Entry entry;
};

/// Called on the control thread only, while workers go on. All of it is empty while no rule asks for
/// connections.
class Connections {
  public:
    virtual ~Connections() = default;
    [[nodiscard]] virtual Totals totals() = 0;
    [[nodiscard]] virtual std::vector<Statistics> statistics() = 0;

    /// Calls visit for the connections among the next `places` of the table from `cursor` on (at first 0).
    /// Returns where to go on, 0 after the last. What comes and goes meanwhile may be missed.
    virtual std::uint32_t walk(std::uint32_t cursor, std::uint32_t places,
                               const std::function<void(const Entry&)>& visit) = 0;
    /// Ends one that was seen; false if it is gone.
    virtual bool end(const Entry& seen) = 0;
    /// The connection one of whose directions has the original tuple of `like`, its protocol and zone.
    [[nodiscard]] virtual std::optional<Entry> find(const Entry& like) = 0;

    /// Whether workers note what happens, for take_events(). Nobody takes for long: they note so much and no
    /// more.
    virtual void want_events(bool wanted) = 0;
    /// Calls tell for what was noted; each worker's in its order. Returns how many were lost since the last
    /// time.
    virtual std::uint64_t take_events(const std::function<void(const Happened&)>& tell) = 0;

    /// What helpers expect.
    [[nodiscard]] virtual std::vector<Expectation> expectations() = 0;
    virtual void forget_expectations() = 0;
    /// Forgets one that was seen; false if it is gone.
    virtual bool forget(const Expectation& seen) = 0;
    /// As want_events() and take_events(): of what is expected, and is so no more.
    virtual void want_expectation_events(bool wanted) = 0;
    virtual std::uint64_t take_expectation_events(
        const std::function<void(Event, const Expectation&)>& tell) = 0;
};

}  // namespace weft::conntrack
