// What happens to connections, told to control while it listens. A ring for each worker, which alone writes
// it; control alone reads. Who does not listen costs a worker one test for what might be told.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/flow/bucket.hpp"
#include "dataplane/flow/entry.hpp"
#include "weft/flow_helper.hpp"

namespace weft {

/// A connection as control shows it.
struct FlowView {
    FlowRef ref;
    std::uint32_t version;
    FlowKind kind;
    Tuple4 tuple4[2];  ///< valid unless kind has ipv6
    Tuple6 tuple6[2];
    std::uint16_t status;  ///< FlowStatus
    TcpState tcp_state;    ///< valid for TCP
    SctpState sctp_state;  ///< valid for SCTP
    FlowHelper helper;
    FlowZone reply_zone;  ///< of the reply; that of the original is in kind
    unsigned owner;
    std::uint32_t seconds_left;
    std::uint32_t mark;
    std::uint64_t packets[2], bytes[2];  ///< valid if kind has accounted
    std::uint32_t start;                 ///< seconds since 1970; valid if kind has stamped
};

/// As ctnetlink tells them: a connection is confirmed; its protocol's state, an answer, being assured or its
/// mark are news; it is gone.
enum class FlowEventKind : std::uint8_t { created, updated, mark_changed, destroyed };

struct FlowEvent {
    FlowEventKind kind;
    FlowView view;
};

class alignas(64) FlowEvents {
  public:
    static constexpr std::uint32_t capacity = 1 << 14;

    /// The worker: whether to push() at all.
    [[nodiscard]] bool wanted() const noexcept { return wanted_.load(std::memory_order_acquire); }
    /// The worker. If control does not keep up the event is lost, and counted.
    void push(const FlowEvent& event) noexcept {
        const std::uint32_t at = written_.load(std::memory_order_relaxed);
        if (at - read_.load(std::memory_order_acquire) == capacity) {
            lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            return;
        }
        ring_[at % capacity] = event;
        written_.store(at + 1, std::memory_order_release);
    }

    /// Control. The memory (2.6 MB) is there from the first time on.
    void listen(bool on) {
        if (on && !ring_) ring_ = std::make_unique<FlowEvent[]>(capacity);
        wanted_.store(on, std::memory_order_release);
    }
    /// Control: calls visit(FlowEvent) for what there is.
    template <class Visit>
    void take(Visit&& visit) {
        const std::uint32_t end = written_.load(std::memory_order_acquire);
        for (std::uint32_t at = read_.load(std::memory_order_relaxed); at != end; ++at) {
            visit(ring_[at % capacity]);
            read_.store(at + 1, std::memory_order_release);
        }
    }
    /// Of all times.
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

  private:
    std::atomic<bool> wanted_{false};
    std::unique_ptr<FlowEvent[]> ring_;
    std::atomic<std::uint32_t> written_{0};
    std::atomic<std::uint64_t> lost_{0};
    alignas(64) std::atomic<std::uint32_t> read_{0};
};

}  // namespace weft
