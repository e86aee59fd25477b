// Hops: what a route leads to. The FIB answers with the index of one; forwarding reads one line of it.
//
// The table is one array that control writes in place while workers read it. What may change while a worker
// looks (the neighbour's MAC address and its state, our own MAC address, a group's buckets) is one atomic
// word each; all else is written before the index is published and stands until every worker has passed a
// quiescent point after the last route that named it was gone.
#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "weft/net/address.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/packet.hpp"
#include "weft/route_regions.hpp"

namespace weft {

/// Hops a table holds; the index fits the FIB's 23 bits.
inline constexpr HopIndex hop_capacity = 1 << 20;

enum class HopKind : std::uint8_t {
    none,         ///< no route: net unreachable, reason route/no_route
    neighbour,    ///< a next hop on an interface, resolved or not
    connected,    ///< the destination is itself a neighbour on the interface, and none that is known
    no_address,   ///< an interface that asks nobody (TUN, NOARP, point to point): to the address in
                  ///< `neighbour`
    local,        ///< an address of the host
    broadcast,    ///< to the host, as a broadcast
    multicast,    ///< to the host if it joined
    blackhole,    ///< dropped without a word
    unreachable,  ///< dropped, host unreachable
    prohibit,     ///< dropped, administratively prohibited
    elsewhere,    ///< an interface of the kernel that weft lacks: dropped, counted
    next_table,   ///< RTN_THROW: look-up goes on with the next rule
    group,        ///< several hops by weight
    choice,       ///< one of two by the packet's TOS or source: route_of() tells which (IPv4 routes with a
                  ///< TOS, IPv6 routes with a source prefix)
};

/// What is known of a neighbour's address (the kernel's NUD_* as far as forwarding asks).
enum class NeighbourState : std::uint8_t {
    unknown,   ///< nobody asked yet, or the answer is awaited: packets are held
    resolved,  ///< destination() is its MAC address
    failed,    ///< nobody answered: host unreachable
};

/// One line. Readers: workers. Writer: the one thread that follows routes and neighbours.
struct alignas(64) Hop {
    /// The neighbour: MAC address in the low six bytes in memory order, NeighbourState in byte 6.
    std::atomic<std::uint64_t> neighbour{0};
    /// Our MAC address on the interface, the low six bytes in memory order.
    std::atomic<std::uint64_t> own{0};
    IpAddress gateway{};  ///< kind neighbour: whom to resolve
    IpAddress source{};   ///< preferred source of packets that we make (RTA_PREFSRC, else by the interface);
                          ///< kind choice: the prefix of the sources that are meant
    HopKind kind = HopKind::none;
    bool v6 = false;       ///< gateway's family
    std::uint8_t tos = 0;  ///< kind choice, IPv4: the TOS that is meant
    union {
        std::uint8_t bucket_bits = 0;  ///< kind group: it has 2^bucket_bits buckets
        std::uint8_t source_length;    ///< kind choice, IPv6: of `source`, bits
    };
    IfIndex interface = no_interface;
    std::uint16_t mtu = 0;  ///< of the route (RTA_METRICS mtu), 0: the interface's
    union {
        std::uint32_t first_bucket = 0;  ///< kind group: into HopTable::bucket(); kind choice: of two, the
                                         ///< hop of what is meant and that of all else
        std::int32_t device;             ///< else the kernel's interface, which resolves neighbours
    };
    std::atomic<std::uint32_t> used{0};  ///< coarse second in which a packet last went by it; by workers

    static std::uint64_t pack(const MacAddress& mac, NeighbourState state) noexcept {
        return mac.raw() | std::uint64_t{static_cast<std::uint8_t>(state)} << 48;
    }
    static constexpr NeighbourState state_of(std::uint64_t word) noexcept {
        return static_cast<NeighbourState>(word >> 48 & 0xff);
    }
    /// Kind group: the bucket of a flow, into HopTable::bucket(). All 32 bits of the hash are good.
    [[nodiscard]] std::uint32_t bucket_of(std::uint32_t flow_hash) const noexcept {
        return first_bucket + (flow_hash >> (32 - bucket_bits));
    }
    /// Notes that it is in use; writes at most once a second.
    void touch(std::uint32_t now_seconds) const noexcept {
        auto& last = const_cast<std::atomic<std::uint32_t>&>(used);
        if (last.load(std::memory_order_relaxed) != now_seconds)
            last.store(now_seconds, std::memory_order_relaxed);
    }
};
static_assert(sizeof(Hop) == 64);

/// hop_capacity lines and as many buckets, in anonymous mappings touched lazily. Hop 0 is HopKind::none.
class HopTable {
  public:
    HopTable() noexcept : hops_(map<Hop>()), buckets_(map<std::atomic<HopIndex>>()) {}
    ~HopTable() {
        munmap(hops_, sizeof(Hop) * hop_capacity);
        munmap(buckets_, sizeof(std::atomic<HopIndex>) * hop_capacity);
    }
    HopTable(const HopTable&) = delete;
    HopTable& operator=(const HopTable&) = delete;

    [[nodiscard]] const Hop& operator[](HopIndex i) const noexcept { return hops_[i]; }
    [[nodiscard]] Hop& operator[](HopIndex i) noexcept { return hops_[i]; }
    [[nodiscard]] const std::atomic<HopIndex>& bucket(std::uint32_t i) const noexcept { return buckets_[i]; }
    [[nodiscard]] std::atomic<HopIndex>& bucket(std::uint32_t i) noexcept { return buckets_[i]; }

    /// The hop of a flow: itself, or the member of the group that the hash (all 32 bits of it good) names.
    [[nodiscard]] HopIndex choose(HopIndex i, std::uint32_t flow_hash) const noexcept {
        const Hop& hop = hops_[i];
        if (hop.kind != HopKind::group) [[likely]]
            return i;
        return buckets_[hop.bucket_of(flow_hash)].load(std::memory_order_relaxed);
    }

    /// Whether any hop is a group. False only where none is that a table names.
    [[nodiscard]] bool has_groups() const noexcept { return has_groups_.load(std::memory_order_relaxed); }
    void set_has_groups(bool has) noexcept { has_groups_.store(has, std::memory_order_relaxed); }

    /// Grows when a hop may have changed, or the tables of routes; who keeps the answer of a look-up keeps
    /// this with it, read before the look-up, and what changes() says of its destination. A hop gets a new
    /// meaning only when every worker has passed a quiescent point since.
    [[nodiscard]] std::uint32_t generation() const noexcept {
        return generation_.load(std::memory_order_acquire);
    }
    void raise_generation() noexcept { generation_.fetch_add(1, std::memory_order_release); }
    /// Of single routes.
    [[nodiscard]] const RouteChanges& changes() const noexcept { return *changes_; }
    [[nodiscard]] RouteChanges& changes() noexcept { return *changes_; }

  private:
    template <class T>
    static T* map() noexcept {
        void* at = mmap(nullptr, sizeof(T) * hop_capacity, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED) std::abort();
        return static_cast<T*>(at);
    }
    Hop* hops_;
    std::atomic<HopIndex>* buckets_;
    std::atomic<bool> has_groups_{false};
    std::unique_ptr<RouteChanges> changes_ = std::make_unique<RouteChanges>();
    alignas(64) std::atomic<std::uint32_t> generation_{1};
};

}  // namespace weft
