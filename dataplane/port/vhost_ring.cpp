#include "dataplane/port/vhost_ring.hpp"

#include <rte_prefetch.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <utility>

namespace weft::ports {

namespace {

constexpr std::uint16_t flag_next = 1, flag_write = 2, flag_indirect = 4;
constexpr std::uint16_t flag_available = 1 << 7, flag_used = 1 << 15;  // of a packed ring
constexpr std::uint16_t no_notify = 1, no_interrupt = 1;
constexpr std::uint16_t event_disable = 1, event_descriptor = 2;
constexpr unsigned descriptor_bytes = 16;

/// The heads of the available and the used ring; their elements follow.
struct SplitHead {
    std::uint16_t flags, index;
};
struct UsedElement {
    std::uint32_t id, length;
};
struct Event {
    std::uint16_t where, flags;
};

std::uint16_t* available_ring(const RingSetup& ring) noexcept {
    return reinterpret_cast<std::uint16_t*>(static_cast<SplitHead*>(ring.driver) + 1);
}
UsedElement* used_ring(const RingSetup& ring) noexcept {
    return reinterpret_cast<UsedElement*>(static_cast<SplitHead*>(ring.device) + 1);
}

/// Copies what the driver may change meanwhile; the compiler shall not look there again.
template <class T>
T copy(const void* shared) noexcept {
    T mine;
    std::memcpy(&mine, shared, sizeof mine);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return mine;
}
std::uint16_t load(const std::uint16_t& shared) noexcept {
    return __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
}
void store(std::uint16_t& shared, std::uint16_t value) noexcept {
    __atomic_store_n(&shared, value, __ATOMIC_RELEASE);
}

bool aligned(const void* at, unsigned to) noexcept {
    return reinterpret_cast<std::uintptr_t>(at) % to == 0;
}

/// vring_need_event of the specification's appendix: whether `event` is among those passed from old to now.
bool passed(std::uint16_t event, std::uint16_t now, std::uint16_t old) noexcept {
    return static_cast<std::uint16_t>(now - event - 1) < static_cast<std::uint16_t>(now - old);
}

}  // namespace

struct VhostRing::Descriptor {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t flags, next;
};
struct VhostRing::Packed {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t id, flags;
};

bool VhostRing::attach(const RingSetup& ring) noexcept {
    if (ring.size == 0 || ring.size > 32768) return false;
    const std::uint64_t n = ring.size, event = ring.event_index ? sizeof(std::uint16_t) : 0;
    if (!aligned(ring.descriptors, descriptor_bytes) ||
        !memory_.holds(ring.descriptors, n * descriptor_bytes))
        return false;
    if (ring.packed) {
        if (!aligned(ring.driver, 4) || !memory_.holds(ring.driver, sizeof(Event)) ||
            !aligned(ring.device, 4) || !memory_.holds(ring.device, sizeof(Event)) ||
            (ring.next & 0x7fff) >= n)
            return false;
    } else if ((n & (n - 1)) != 0 || !aligned(ring.driver, 2) ||
               !memory_.holds(ring.driver, sizeof(SplitHead) + n * sizeof(std::uint16_t) + event) ||
               !aligned(ring.device, 4) ||
               !memory_.holds(ring.device, sizeof(SplitHead) + n * sizeof(UsedElement) + event)) {
        return false;
    }
    setup_ = ring;
    broken_ = called_ = pending_ = false;
    next_taken_ = ring.packed ? ring.next & 0x7fff : ring.next;
    wrap_taken_ = static_cast<std::uint8_t>(ring.next >> 15);
    next_used_ = shown_ = next_taken_;
    wrap_used_ = wrap_taken_;
    // Workers poll. With event_index the driver notifies once in 65536 buffers, since the index never moves.
    if (ring.packed)
        store(static_cast<Event*>(ring.device)->flags, event_disable);
    else if (!ring.event_index)
        store(static_cast<SplitHead*>(ring.device)->flags, no_notify);
    return true;
}

/// Asks for what of a buffer is looked at first: the header, and the frame where it stands apart.
void VhostRing::ask_for(const iovec* pieces, unsigned n) const noexcept {
    const auto* first = static_cast<const std::byte*>(pieces->iov_base);
    rte_prefetch0(first);
    if (!setup_.driver_fills) return;
    if (pieces->iov_len > RTE_CACHE_LINE_SIZE)
        rte_prefetch0(first + RTE_CACHE_LINE_SIZE);
    else if (n > 1)
        rte_prefetch0(pieces[1].iov_base);
}

bool VhostRing::take(Window& window, unsigned n) noexcept {
    if (broken_) return true;  // said already
    while (window.count < n && !window.full()) {
        const std::uint16_t pieces = window.piece_count;
        switch (setup_.packed ? take_packed(window) : take_split(window)) {
            case Found::none:
                return true;
            case Found::nonsense:
                window.piece_count = pieces;
                broken_ = true;
                return false;
            case Found::chain:
                ask_for(&window.pieces[pieces], window.piece_count - pieces);
        }
    }
    return true;
}

bool VhostRing::add(Window& window, Chain& chain, std::uint64_t address, std::uint32_t length,
                    std::uint16_t flags) const noexcept {
    if (((flags & flag_write) == 0) != setup_.driver_fills) return false;
    chain.bytes += length;
    for (std::uint64_t left = length; left > 0;) {
        std::uint64_t here = left;
        std::byte* at = memory_.at(address, here);
        if (!at || chain.parts == Window::max_chain_parts) return false;
        window.pieces[window.piece_count++] = {at, here};
        ++chain.parts;
        address += here;
        left -= here;
    }
    return true;
}

/// An indirect table, or null if it is none.
const std::byte* VhostRing::table(std::uint64_t address, std::uint32_t length) const noexcept {
    std::uint64_t here = length;
    const std::byte* at = memory_.at(address, here);
    return length > 0 && length % descriptor_bytes == 0 && here == length ? at : nullptr;
}

VhostRing::Found VhostRing::take_split(Window& window) noexcept {
    const auto available = load(static_cast<const SplitHead*>(setup_.driver)->index);
    const auto waiting = static_cast<std::uint16_t>(available - next_taken_);
    if (waiting == 0) return Found::none;
    if (waiting > setup_.size) return Found::nonsense;
    const std::uint16_t head =
        copy<std::uint16_t>(available_ring(setup_) + (next_taken_ & (setup_.size - 1)));
    Chain chain{.bytes = 0, .first = window.piece_count, .parts = 0, .id = head, .slots = 1};
    const auto* from = static_cast<const std::byte*>(setup_.descriptors);
    std::uint32_t limit = setup_.size, index = head;
    bool indirect = false;
    for (std::uint32_t left = limit;; --left) {
        if (index >= limit || left == 0) return Found::nonsense;  // left: it goes in circles
        const auto d = copy<Descriptor>(from + index * descriptor_bytes);
        if (d.flags & flag_indirect) {
            if (indirect || (d.flags & flag_next)) return Found::nonsense;
            from = table(d.address, d.length);
            if (!from) return Found::nonsense;
            indirect = true;
            limit = d.length / descriptor_bytes;
            left = limit + 1;
            index = 0;
            continue;
        }
        if (!add(window, chain, d.address, d.length, d.flags)) return Found::nonsense;
        if (!(d.flags & flag_next)) break;
        index = d.next;
    }
    if (chain.bytes == 0) return Found::nonsense;
    window.chains[window.count++] = chain;
    ++next_taken_;
    return Found::chain;
}

VhostRing::Found VhostRing::take_packed(Window& window) noexcept {
    const auto* ring = static_cast<const std::byte*>(setup_.descriptors);
    Chain chain{.bytes = 0, .first = window.piece_count, .parts = 0, .id = 0, .slots = 0};
    std::uint16_t slot = next_taken_;
    std::uint8_t wrap = wrap_taken_;
    const auto first = load(static_cast<const Packed*>(setup_.descriptors)[slot].flags);
    if (((first & flag_available) != 0) != (wrap != 0) || ((first & flag_used) != 0) == (wrap != 0))
        return Found::none;
    for (bool more = true; more;) {
        if (chain.slots == setup_.size) return Found::nonsense;
        const auto d = copy<Packed>(ring + slot * descriptor_bytes);
        if (d.flags & flag_indirect) {
            const auto* entries = table(d.address, d.length);
            if (!entries || chain.slots != 0 || (d.flags & flag_next)) return Found::nonsense;
            for (std::uint32_t i = 0; i < d.length / descriptor_bytes; ++i) {
                const auto entry = copy<Packed>(entries + i * descriptor_bytes);
                // DPDK's driver marks the header of its frames to be written to: the direction is the ring's.
                if (!add(window, chain, entry.address, entry.length, setup_.driver_fills ? 0 : flag_write))
                    return Found::nonsense;
            }
        } else if (!add(window, chain, d.address, d.length, d.flags)) {
            return Found::nonsense;
        }
        more = d.flags & flag_next;
        chain.id = d.id;
        ++chain.slots;
        if (++slot == setup_.size) {
            slot = 0;
            wrap ^= 1;
        }
    }
    if (chain.bytes == 0) return Found::nonsense;
    window.chains[window.count++] = chain;
    next_taken_ = slot;
    wrap_taken_ = wrap;
    return Found::chain;
}

void VhostRing::untake(Window& window, unsigned keep) noexcept {
    while (window.count > keep) {
        const Chain& chain = window.chains[--window.count];
        window.piece_count = chain.first;
        if (setup_.packed && chain.slots > next_taken_) {
            next_taken_ = static_cast<std::uint16_t>(next_taken_ + setup_.size);
            wrap_taken_ ^= 1;
        }
        next_taken_ = static_cast<std::uint16_t>(next_taken_ - chain.slots);
    }
}

void VhostRing::use(const Chain& chain, std::uint32_t length) noexcept {
    if (!setup_.packed) {
        used_ring(setup_)[next_used_ & (setup_.size - 1)] = {chain.id, length};
        ++next_used_;
        pending_ = true;
        return;
    }
    auto& d = static_cast<Packed*>(setup_.descriptors)[next_used_];
    const auto flags = static_cast<std::uint16_t>((wrap_used_ ? flag_available | flag_used : 0) |
                                                  (setup_.driver_fills ? 0 : flag_write));
    d.id = chain.id;
    d.length = length;
    // The driver reads on from the first; until that is shown it does not see the others.
    if (pending_) {
        d.flags = flags;
    } else {
        pending_ = true;
        first_slot_ = next_used_;
        first_flags_ = flags;
    }
    next_used_ = static_cast<std::uint16_t>(next_used_ + chain.slots);
    if (next_used_ >= setup_.size) {
        next_used_ = static_cast<std::uint16_t>(next_used_ - setup_.size);
        wrap_used_ ^= 1;
    }
}

void VhostRing::publish() noexcept {
    if (!pending_) return;
    pending_ = false;
    if (setup_.packed)
        store(static_cast<Packed*>(setup_.descriptors)[first_slot_].flags, first_flags_);
    else
        store(static_cast<SplitHead*>(setup_.device)->index, next_used_);
    if (setup_.call < 0) return;
    // What was used has to be seen before the driver's wish is read: it writes its wish and looks once more.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!wants_call()) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = write(setup_.call, &one, sizeof one);
}

bool VhostRing::wants_call() noexcept {
    const std::uint16_t old = std::exchange(shown_, next_used_);
    const bool first = !std::exchange(called_, true);
    if (!setup_.packed) {
        const auto* head = static_cast<const SplitHead*>(setup_.driver);
        if (!setup_.event_index) return (load(head->flags) & no_interrupt) == 0;
        return passed(load(available_ring(setup_)[setup_.size]), next_used_, old) || first;
    }
    const auto event = copy<Event>(setup_.driver);
    if (event.flags != event_descriptor || !setup_.event_index) return event.flags != event_disable;
    auto where = static_cast<std::uint16_t>(event.where & 0x7fff), before = old;
    if (next_used_ <= old) before = static_cast<std::uint16_t>(before - setup_.size);
    if (wrap_used_ != event.where >> 15) where = static_cast<std::uint16_t>(where - setup_.size);
    return passed(where, next_used_, before) || first;
}

}  // namespace weft::ports
