// The device's side of a virtqueue, split or packed (virtio 1.1, 2.6 and 2.7), over memory that the driver
// may change at any moment.
//
// Every descriptor is copied out once and checked before it is used. What contradicts itself (an index out of
// the ring, a chain that does not end, memory that is not shared, a buffer of the wrong direction) breaks the
// ring, as in Linux's vhost: nothing more is taken from it until the driver sets it up anew.
#pragma once

#include <sys/uio.h>

#include <cstdint>

#include "dataplane/port/vhost_memory.hpp"
#include "weft/packet.hpp"

namespace weft::ports {

/// One buffer of the driver: `parts` pieces of the window's, from `first` on.
struct Chain {
    std::uint64_t bytes;
    std::uint16_t first, parts;
    std::uint16_t id;     ///< how the driver knows it
    std::uint16_t slots;  ///< of the ring that it takes
};

/// Buffers taken from a ring and not yet given back, in their order.
struct Window {
    static constexpr unsigned max_chain_parts = 256;
    Chain chains[batch_size];
    iovec pieces[2 * max_chain_parts];
    std::uint16_t count = 0;
    std::uint16_t piece_count = 0;

    [[nodiscard]] bool full() const noexcept { return count == batch_size || piece_count > max_chain_parts; }
    void clear() noexcept { count = piece_count = 0; }
};

/// How the front end set a ring up.
struct RingSetup {
    void *descriptors, *driver, *device;
    std::uint16_t size;
    std::uint16_t next;  ///< as in SET_VRING_BASE: index, and of a packed ring the wrap counter in bit 15
    int call;            ///< eventfd; negative: the driver polls
    bool packed, event_index;
    bool driver_fills;  ///< buffers are the driver's frames; else room for ours
};

/// One user at a time. `memory` outlives it.
class VhostRing {
  public:
    explicit VhostRing(const GuestMemory& memory) noexcept : memory_(memory) {}

    /// False, and nothing to be called, if the parts of the ring do not lie in the guest's memory as they
    /// must.
    [[nodiscard]] bool attach(const RingSetup& setup) noexcept;
    /// RingSetup::next of now. No buffer may be out.
    [[nodiscard]] std::uint16_t next() const noexcept {
        return static_cast<std::uint16_t>(setup_.packed ? next_taken_ | wrap_taken_ << 15 : next_taken_);
    }

    /// Fills the window until it is full, holds n buffers or the ring has no more. False if the ring broke.
    [[nodiscard]] bool take(Window& window, unsigned n) noexcept;
    /// Takes back the window's buffers from number `keep` on: they are still to be taken.
    void untake(Window& window, unsigned keep) noexcept;
    /// Gives a buffer back, in order, after `length` bytes were written to it. Seen with the next publish().
    void use(const Chain& chain, std::uint32_t length) noexcept;
    /// Shows the driver what was used and calls it if it wants to be called.
    void publish() noexcept;

    [[nodiscard]] bool broken() const noexcept { return broken_; }

  private:
    struct Descriptor;
    struct Packed;
    enum class Found : std::uint8_t { none, chain, nonsense };
    Found take_split(Window& window) noexcept;
    Found take_packed(Window& window) noexcept;
    bool add(Window& window, Chain& chain, std::uint64_t address, std::uint32_t length,
             std::uint16_t flags) const noexcept;
    const std::byte* table(std::uint64_t address, std::uint32_t length) const noexcept;
    void ask_for(const iovec* pieces, unsigned n) const noexcept;
    [[nodiscard]] bool wants_call() noexcept;

    const GuestMemory& memory_;
    RingSetup setup_{};
    bool broken_ = false;
    bool called_ = false;  ///< since it was attached
    std::uint16_t next_taken_ = 0, next_used_ = 0, shown_ = 0;
    // of a packed ring
    std::uint8_t wrap_taken_ = 1, wrap_used_ = 1;
    std::uint16_t first_slot_ = 0, first_flags_ = 0;
    bool pending_ = false;
};

}  // namespace weft::ports
