// Packets in transit that wait for their next hop's MAC address (RFC 1122 2.3.2.2; net/core/neighbour.c,
// __neigh_event_send). weft asks the kernel to resolve it, holds what comes meanwhile, and gives it back in
// order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "weft/counters.hpp"
#include "weft/next_hop.hpp"
#include "weft/packet.hpp"
#include "weft/ring.hpp"

namespace weft {

/// Bounded: at most per_neighbour packets for one next hop, max_neighbours next hops, and `capacity` packets
/// in all. What is over it costs the one that has waited longest: for one next hop its oldest packet, in all
/// the oldest of the interface that most packets wait to leave by, and of a next hop too many all packets of
/// the oldest one of the interface that has most of them: route/hold_full. So nobody can keep out the next
/// hops that others need by asking for many, nor those of another interface at all.
///
/// What waits longer than give_up_us is dropped as route/neighbour_failed. Any thread; the wiring is called
/// outside the lock.
class Hold {
  public:
    static constexpr std::size_t per_neighbour = 64, capacity = 4096, max_neighbours = 1024;
    static constexpr std::uint64_t give_up_us = 10'000'000, ask_again_us = 1'000'000;

    struct Wiring {
        std::function<void()> ask;                                ///< take_wanted() has something new
        std::function<void(Packet* packets[], unsigned n)> give;  ///< takes them over, in order
        CounterTable* counters = nullptr;                         ///< written under the lock
    };
    explicit Hold(Wiring wiring);
    /// Frees what waits.
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    /// Takes over a packet of class unresolved. now_us: any steady clock.
    void add(Packet& packet, std::uint64_t now_us);
    /// Whom the kernel is to resolve: each once with its first packet, then with one a second at most.
    [[nodiscard]] std::vector<NextHop> take_wanted();
    /// The next hop is known now, or known not to answer: its packets are routed again, as the hop that they
    /// were routed to may be another's by now.
    void release(const NextHop& to);
    /// Counts and frees a packet that give() could not pass on. Only from within give().
    void drop(Packet& packet, DropReason reason);
    /// The interface goes: what would leave by it, or came by it, is dropped as handover/gone.
    void forget(IfIndex interface);
    /// Drops what waits for too long. To be called about once a second.
    void expire(std::uint64_t now_us);
    /// Packets that wait for one next hop, and in all.
    [[nodiscard]] std::size_t count(const NextHop& to) const;
    [[nodiscard]] std::size_t count() const;

  private:
    class Table;
    std::unique_ptr<Table> table_;
};

}  // namespace weft
