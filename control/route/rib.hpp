// The routes of one kernel table and family, as compact as a full table asks: a prefix leads to the chain of
// its routes in the kernel's order, each 16 bytes; what they say is interned (attributes.hpp).
//
// Not thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "control/route/prefix_map.hpp"

namespace weft {

/// Index of interned attributes; 0: none.
using AttributesId = std::uint32_t;

struct RibRoute {
    AttributesId attributes = 0;
    std::uint32_t priority = 0;   ///< the metric; the lowest is asked first
    std::uint32_t next = 0;       ///< of the same prefix; 0: the last
    std::uint8_t generation = 0;  ///< of the dump that last named it
};
static_assert(sizeof(RibRoute) == 16);

/// RibRoutes by index, 1 and up, in blocks that never move.
class RibRoutes {
  public:
    [[nodiscard]] RibRoute& operator[](std::uint32_t i) noexcept { return blocks_[i >> 16][i & 0xffff]; }
    [[nodiscard]] const RibRoute& operator[](std::uint32_t i) const noexcept {
        return blocks_[i >> 16][i & 0xffff];
    }
    std::uint32_t take() {
        ++in_use_;
        if (free_) {
            const auto i = free_;
            free_ = (*this)[i].next;
            (*this)[i] = {};
            return i;
        }
        if ((end_ >> 16) == blocks_.size()) blocks_.push_back(std::make_unique<RibRoute[]>(1 << 16));
        return end_++;
    }
    void give_back(std::uint32_t i) noexcept {
        --in_use_;
        (*this)[i].next = free_;
        free_ = i;
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
    [[nodiscard]] std::size_t memory() const noexcept {
        return blocks_.size() * sizeof(RibRoute) * (1 << 16);
    }

  private:
    std::vector<std::unique_ptr<RibRoute[]>> blocks_;
    std::uint32_t free_ = 0, end_ = 1;
    std::size_t in_use_ = 0;
};

template <unsigned bytes>
class Rib {
  public:
    using Key = AddressKey<bytes>;
    explicit Rib(HashSecret secret) : prefixes_(secret) {}

    /// Before or after those of the same priority.
    enum class Place { first, last };
    /// Index of the new route.
    std::uint32_t insert(const Key& key, unsigned length, std::uint32_t priority, AttributesId attributes,
                         Place place) {
        const auto route = routes_.take();
        routes_[route].attributes = attributes;
        routes_[route].priority = priority;
        const auto head = prefixes_.find(key, length);
        std::uint32_t before = 0, at = head;
        while (at && (routes_[at].priority < priority ||
                      (place == Place::last && routes_[at].priority == priority))) {
            before = at;
            at = routes_[at].next;
        }
        routes_[route].next = at;
        if (before)
            routes_[before].next = route;
        else
            prefixes_.set(key, length, route);
        return route;
    }
    void erase(const Key& key, unsigned length, std::uint32_t route) noexcept {
        const auto head = prefixes_.find(key, length);
        if (head == route) {
            if (routes_[route].next)
                prefixes_.set(key, length, routes_[route].next);
            else
                prefixes_.erase(key, length);
        } else {
            auto before = head;
            while (routes_[before].next != route)
                before = routes_[before].next;
            routes_[before].next = routes_[route].next;
        }
        routes_.give_back(route);
    }
    /// The first route of a prefix for which accept(route) is true; 0 if there is none.
    template <class Accept>
    [[nodiscard]] std::uint32_t find(const Key& key, unsigned length, Accept&& accept) const {
        return find_from(prefixes_.find(key, length), accept);
    }
    template <class Accept>
    [[nodiscard]] std::uint32_t find_from(std::uint32_t head, Accept&& accept) const {
        while (head && !accept(routes_[head]))
            head = routes_[head].next;
        return head;
    }
    [[nodiscard]] RibRoute& operator[](std::uint32_t route) noexcept { return routes_[route]; }
    [[nodiscard]] const RibRoute& operator[](std::uint32_t route) const noexcept { return routes_[route]; }
    [[nodiscard]] const PrefixMap<bytes>& prefixes() const noexcept { return prefixes_; }
    [[nodiscard]] std::size_t size() const noexcept { return routes_.in_use(); }
    [[nodiscard]] std::size_t memory() const noexcept { return routes_.memory() + prefixes_.memory(); }

  private:
    PrefixMap<bytes> prefixes_;
    RibRoutes routes_;
};

}  // namespace weft
