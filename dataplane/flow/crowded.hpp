// Which ports of an outside address are taken towards one remote endpoint, kept only for those few pairs
// where a free one is hard to find: a bit a port, so that the next free one is found by reading a line or
// two.
//
// Promise
//   A bit that is clear says little: who wants the port looks in the flow table, but a search gives up after
//   some that were wrong. A bit that is set says that the port was taken when somebody looked, and that
//   leave() has not been called for it since. So whoever finds a port taken sets its bit *before* looking;
//   the owner of a connection calls join() after the table has it, however it came by its port, and leave()
//   *after* the table has lost it. Words of 64 ports are filled when a search comes by them. A search that
//   finds nothing forgets a word, each time the next, so what leave() was not called for is found again, too.
// Thread safety
//   All functions by any worker; nobody waits. A map that is made for another pair while somebody uses it
//   gets clear or set bits of the wrong pair: both cost a look-up, or are found again as above.
// Memory
//   8.3 KiB a pair, touched when used, for at most 256 pairs.
//
// Beside them, which searches were in vain just now: who takes all ports that there are makes each of the
// packets that are then dropped cost a look at the clock, and one search in `vain_ms`.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/flow/memory.hpp"

namespace weft {

class PortMap {
  public:
    static constexpr unsigned words = 1024, word_ports = 64;

    [[nodiscard]] static constexpr std::uint64_t bit(std::uint32_t port) noexcept {
        return std::uint64_t{1} << port % word_ports;
    }
    /// The bits of the word that `port` is in; some are clear if it is not filled.
    [[nodiscard]] std::atomic<std::uint64_t>& taken(std::uint32_t port) noexcept {
        return taken_[port / word_ports];
    }
    [[nodiscard]] bool is_filled(std::uint32_t port) const noexcept {
        const std::uint32_t word = port / word_ports;
        return filled_[word / 64].load(std::memory_order_acquire) & std::uint64_t{1} << word % 64;
    }
    void set_filled(std::uint32_t port) noexcept {
        const std::uint32_t word = port / word_ports;
        filled_[word / 64].fetch_or(std::uint64_t{1} << word % 64, std::memory_order_release);
    }
    /// Some search was in vain: a signature may have stood for another connection.
    [[nodiscard]] bool is_doubted() const noexcept { return doubted_.load(std::memory_order_relaxed) != 0; }
    /// After a search of `count` ports from `first` on in vain: the next of their words is looked at again.
    void doubt(std::uint32_t first, std::uint32_t count) noexcept {
        const std::uint32_t from = first / word_ports, some = (first + count - 1) / word_ports - from + 1;
        const std::uint32_t word = (from + doubted_.fetch_add(1, std::memory_order_relaxed) % some) % words;
        filled_[word / 64].fetch_and(~(std::uint64_t{1} << word % 64), std::memory_order_relaxed);
        taken_[word].store(0, std::memory_order_relaxed);
    }

  private:
    friend class CrowdedPorts;
    std::atomic<std::uint64_t> key_;  ///< 0: of nobody
    std::atomic<std::uint32_t> doubted_;
    alignas(64) std::atomic<std::uint64_t> filled_[words / 64];
    alignas(64) std::atomic<std::uint64_t> taken_[words];
};

class CrowdedPorts {
  public:
    static constexpr unsigned places = 256;

    CrowdedPorts() noexcept : memory_(places * sizeof(PortMap)), maps_(memory_.as<PortMap>()) {}

    /// Whether there are any: whose connections end need not ask otherwise.
    [[nodiscard]] bool some() const noexcept { return some_.load(std::memory_order_relaxed); }
    /// `key`: a hash of the pair, not 0. Null if it is not crowded.
    [[nodiscard]] PortMap* find(std::uint64_t key) noexcept {
        PortMap& map = at(key);
        return map.key_.load(std::memory_order_acquire) == key ? &map : nullptr;
    }
    /// Takes the place of another pair's if need be.
    [[nodiscard]] PortMap& make(std::uint64_t key) noexcept {
        PortMap& map = at(key);
        if (map.key_.load(std::memory_order_acquire) == key) return map;
        for (auto& filled : map.filled_)
            filled.store(0, std::memory_order_relaxed);
        for (auto& taken : map.taken_)
            taken.store(0, std::memory_order_relaxed);
        map.doubted_.store(0, std::memory_order_relaxed);
        map.key_.store(key, std::memory_order_release);
        some_.store(true, std::memory_order_relaxed);
        return map;
    }
    /// A connection that has this port is in the table.
    void join(std::uint64_t key, std::uint16_t port) noexcept {
        if (PortMap* const map = find(key))
            map->taken(port).fetch_or(PortMap::bit(port), std::memory_order_acq_rel);
    }
    /// A connection that had this port is out of the table.
    void leave(std::uint64_t key, std::uint16_t port) noexcept {
        if (PortMap* const map = find(key))
            map->taken(port).fetch_and(~PortMap::bit(port), std::memory_order_acq_rel);
    }

    /// How long a search is not begun again that found nothing.
    static constexpr std::uint32_t vain_ms = 10;

    /// `key`: a hash of all that decides where is searched; others of the same place push each other out.
    void note_vain(std::uint64_t key, std::uint32_t now_ms) noexcept {
        vain_at(key).store((key & ~std::uint64_t{0xffff'ffff}) | now_ms, std::memory_order_relaxed);
    }
    [[nodiscard]] bool was_vain(std::uint64_t key, std::uint32_t now_ms) noexcept {
        const std::uint64_t noted = vain_at(key).load(std::memory_order_relaxed);
        return noted >> 32 == key >> 32 && now_ms - static_cast<std::uint32_t>(noted) < vain_ms;
    }

  private:
    [[nodiscard]] std::atomic<std::uint64_t>& vain_at(std::uint64_t key) noexcept {
        return vain_[key & (places - 1)];
    }
    [[nodiscard]] PortMap& at(std::uint64_t key) noexcept { return maps_[key >> 32 & (places - 1)]; }
    FlowMemory memory_;
    PortMap* maps_;
    /// By place, from the upper half of a key and when its search was in vain; all zero at first.
    std::array<std::atomic<std::uint64_t>, places> vain_{};
    std::atomic<bool> some_{false};
};

}  // namespace weft
