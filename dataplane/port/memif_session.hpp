// What two sides of a memif agreed on: memory and rings. Control side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/port/memif_protocol.hpp"
#include "dataplane/port/netns.hpp"
#include "weft/result.hpp"

namespace weft::ports {

/// Shared memory, mapped while this lives. Move only.
class MemifRegion {
  public:
    /// The peer's: a memfd of at least `size` bytes that is sealed against shrinking, for a page that is gone
    /// when a worker touches it would end us by SIGBUS. Errors say what the peer did wrong.
    static Result<MemifRegion> map(Fd memory, std::uint64_t size);
    /// Ours, sealed.
    static Result<MemifRegion> make(std::uint64_t size);
    MemifRegion(MemifRegion&& other) noexcept { *this = std::move(other); }
    MemifRegion& operator=(MemifRegion&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(base_, other.base_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~MemifRegion();

    [[nodiscard]] int descriptor() const noexcept { return memory_.get(); }
    [[nodiscard]] std::byte* base() const noexcept { return base_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  private:
    MemifRegion(Fd memory, std::byte* base, std::uint64_t size)
        : memory_(std::move(memory)), base_(base), size_(size) {}
    Fd memory_;
    std::byte* base_ = nullptr;
    std::uint64_t size_ = 0;
};

/// A ring as ADD_RING names it, with the descriptor by which its receiver is woken.
struct MemifRingPlace {
    bool c2s = false;
    std::uint16_t index = 0, region = 0;
    std::uint32_t offset = 0;
    std::uint8_t log2 = 0;
    Fd event;
};

struct MemifSession {
    std::vector<MemifRegion> regions;
    std::vector<MemifRingPlace> rings;

    /// What our client offers: one region with c2s and s2c rings, empty, and buffers behind them, in the
    /// order of the rings.
    static Result<MemifSession> make(std::uint16_t c2s, std::uint16_t s2c, std::uint8_t log2);
};

/// Why the descriptor cannot be what wakes a receiver, or success. Only an eventfd may: a worker's poll and
/// our write must not reach into a driver of the peer's choice.
Result<> check_event(const Fd& event);

}  // namespace weft::ports
