// Connections that helpers expect (net/netfilter/nf_conntrack_expect.c).
//
// Promise
//   At most nf_conntrack_expect_max of each helper's, so that none takes another one's room, and
//   HelperPolicy::most_expected of a master, whose oldest makes room. Found by a keyed hash of the
//   destination; the source may be left open. They end with their time or with their master, or with the
//   connection that was expected.
// Thread safety
//   One table for all workers and control, under its lock, on the slow way only; any() costs one load.
// Memory
//   Anonymous, touched when used.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <vector>

#include "dataplane/flow/bucket.hpp"
#include "dataplane/flow/hash.hpp"
#include "dataplane/flow/helper.hpp"
#include "dataplane/flow/memory.hpp"
#include "dataplane/flow/protocol.hpp"

namespace weft {

/// The original direction of a master, which an expectation may outlive in what is told of it.
struct ExpectationMaster {
    IpAddress source, destination;
    be16 source_port, destination_port;
};

struct Expectation {
    /// NF_CT_EXPECT_*.
    static constexpr std::uint8_t permanent = 1, inactive = 2;

    IpAddress source, destination;
    IpAddress source_mask;
    be16 source_port, destination_port;
    be16 source_port_mask;
    FlowZone zone;
    std::uint8_t protocol;
    bool v6;
    FlowHelper helper;
    std::uint8_t flags;
    FlowRef master;  ///< of its original direction
    std::uint32_t master_version;
    ExpectationMaster master_tuple;
    FlowTime deadline;
    std::uint32_t number;  ///< of all that there were
    FollowMaster follow;
    std::uint8_t told = ToldEvents::expectation_created | ToldEvents::expectation_gone;  ///< as ToldEvents
};

enum class Expected : std::uint8_t {
    added,
    busy,  ///< another one would be found in its place (EBUSY)
    full   ///< nf_conntrack_expect_max, of its helper (EMFILE)
};

struct ExpectationEvent {
    bool created;  ///< or gone
    Expectation what;
};

class ExpectationTable {
  public:
    static constexpr std::uint32_t most_of_helper = 0xffff;  ///< as nf_conntrack_expect_max may be

    ExpectationTable(std::uint64_t secret_lo, std::uint64_t secret_hi);

    /// Whether there is any at all.
    [[nodiscard]] bool any() const noexcept { return count_.load(std::memory_order_relaxed) != 0; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

    /// nf_ct_expect_related. `list` is the master's. `most`: nf_conntrack_expect_max. One with the same tuple
    /// and master is replaced.
    [[nodiscard]] Expected add(Expectation, ExpectationList& list, std::uint32_t most, FlowTime now) noexcept;

    /// nf_ct_find_expectation: takes the one that a new connection of this tuple was expected by, unless
    /// alive(Expectation) says that its master is gone.
    template <class Alive>
    [[nodiscard]] std::optional<Expectation> take(const IpAddress& source, be16 source_port,
                                                  const IpAddress& destination, be16 destination_port,
                                                  FlowKind kind, FlowTime now, Alive&& alive) noexcept {
        const Wanted wanted{source, destination, source_port, destination_port, kind};
        const std::lock_guard lock(mutex_);
        const std::uint32_t found = search(wanted, now);
        if (!found || !alive(slots()[found].what)) return std::nullopt;
        const Expectation what = slots()[found].what;
        if (!(what.flags & Expectation::permanent)) unlink(found);
        return what;
    }
    /// nf_ct_remove_expectations.
    void remove_of(ExpectationList& list) noexcept;
    /// Those whose time is over; does something once a second.
    void age(FlowTime now) noexcept;

    // Control.

    [[nodiscard]] std::vector<Expectation> all(FlowTime now);
    /// False if it is gone.
    bool remove(std::uint32_t number);
    /// Removes all that there are when it begins, so many at a time that workers wait for none of it.
    void flush();
    void listen(bool on);
    [[nodiscard]] std::vector<ExpectationEvent> take_events();
    /// Events since listen() that there was no room for.
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

  private:
    struct Slot {
        Expectation what;
        ExpectationList* list;
        std::uint32_t next, next_of_master;  ///< in the bucket, or free; in the master's list
    };
    struct Wanted {
        IpAddress source, destination;
        be16 source_port, destination_port;
        FlowKind kind;
    };
    static constexpr std::size_t helpers = std::size(flow_helper_names);
    /// One more: slot 0 is none.
    static constexpr std::uint32_t capacity = (helpers - 1) * most_of_helper + 1;
    static constexpr std::uint32_t buckets = 1 << 12;
    static constexpr std::size_t most_events = 4096;
    static constexpr std::uint32_t flushed_at_once = 256;

    [[nodiscard]] Slot* slots() const noexcept { return memory_.as<Slot>(); }
    [[nodiscard]] std::uint32_t& bucket_of(const IpAddress& destination, be16 port,
                                           std::uint8_t protocol) noexcept;
    [[nodiscard]] std::uint32_t search(const Wanted&, FlowTime now) noexcept;
    void unlink(std::uint32_t slot) noexcept;
    void tell(bool created, const Expectation&) noexcept;

    std::mutex mutex_;
    FlowHash hash_;
    FlowMemory memory_, heads_;
    std::uint32_t free_ = 0, end_ = 1, numbers_ = 0;
    std::array<std::uint32_t, helpers> of_helper_{};
    std::atomic<std::uint32_t> count_{0};
    std::atomic<FlowTime> aged_{0};
    std::atomic<bool> listens_{false};
    std::atomic<std::uint64_t> lost_{0};
    std::vector<ExpectationEvent> events_;
};

}  // namespace weft
