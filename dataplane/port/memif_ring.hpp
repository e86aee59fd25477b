// One ring as the worker that owns its queue uses it. Whatever the peer can write is read once and checked
// before use: its counters, its descriptors, and, where we are the server, where buffers lie. Our own
// counters are never read back from shared memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/port/memif_protocol.hpp"

namespace weft::ports {

/// Memory of the peer. The mapping outlives the ring's use.
struct MemifArea {
    std::byte* base = nullptr;
    std::uint64_t size = 0;
};

struct MemifRing {
    memif::RingHead* shared = nullptr;
    std::uint64_t* descriptors = nullptr;  ///< two words each
    const MemifArea* areas = nullptr;      ///< server: of the client
    std::uint16_t area_count = 0;
    std::byte* buffers = nullptr;    ///< client: of slot 0; null where we are the server
    std::uint32_t first_offset = 0;  ///< client: of slot 0's buffer
    std::uint16_t size = 0, mask = 0;
    std::uint16_t next = 0;  ///< the slot we go on with; what we published is up to here
    bool c2s = false;

    [[nodiscard]] bool client() const noexcept { return buffers != nullptr; }
    /// The counter of whoever puts frames in: head of a c2s ring, tail of an s2c ring.
    [[nodiscard]] std::uint16_t& produced_word() const noexcept { return c2s ? shared->head : shared->tail; }
    /// The counter of whoever gives room: tail of a c2s ring, head of an s2c ring.
    [[nodiscard]] std::uint16_t& room_word() const noexcept { return c2s ? shared->tail : shared->head; }

    /// Receiver: slots with frames. More than `size`: the peer lies.
    [[nodiscard]] std::uint16_t waiting() const noexcept {
        return static_cast<std::uint16_t>(load(produced_word()) - next);
    }
    /// Sender: slots that may be filled. More than `size`: the peer lies.
    [[nodiscard]] std::uint16_t room() const noexcept {
        const std::uint16_t word = load(room_word());
        return static_cast<std::uint16_t>(c2s ? size - static_cast<std::uint16_t>(next - word) : word - next);
    }
    [[nodiscard]] memif::Descriptor descriptor(std::uint16_t slot) const noexcept {
        std::uint64_t* words = &descriptors[2 * (slot & mask)];
        const std::uint64_t low = load(words[0]);
        const auto high = load(words[1]);
        return {static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(low >> 16),
                static_cast<std::uint32_t>(low >> 32), static_cast<std::uint32_t>(high)};
    }
    /// Where the slot's `d.length` bytes lie, or null if they lie nowhere.
    [[nodiscard]] std::byte* bytes(std::uint16_t slot, const memif::Descriptor& d) const noexcept {
        if (client())
            return d.length <= memif::buffer_size ? buffers + std::size_t{memif::buffer_size} * (slot & mask)
                                                  : nullptr;
        if (d.region >= area_count) return nullptr;
        const MemifArea& area = areas[d.region];
        return std::uint64_t{d.offset} + d.length <= area.size ? area.base + d.offset : nullptr;
    }
    /// Says how long slot's frame is, and whether the next slot goes on with it.
    void describe(std::uint16_t slot, const memif::Descriptor& d, std::uint32_t length,
                  bool goes_on) noexcept {
        const std::uint64_t region = client() ? 0 : d.region;
        std::atomic_ref{descriptors[2 * (slot & mask)]}.store(
            std::uint64_t{length} << 32 | region << 16 | (goes_on ? memif::descriptor_goes_on : 0),
            std::memory_order_relaxed);
    }
    /// Client: a descriptor of the slot's own buffer, whole.
    void describe_buffer(std::uint16_t slot) noexcept {
        describe(slot, {}, memif::buffer_size, false);
        std::atomic_ref{descriptors[2 * (slot & mask) + 1]}.store(
            first_offset + memif::buffer_size * (slot & mask), std::memory_order_relaxed);
    }
    /// Receiver: gives the slots before `next` back.
    void publish_taken() noexcept {
        store(room_word(), static_cast<std::uint16_t>(c2s ? next : next + size));
    }
    /// Sender: hands over the slots before `next`.
    void publish_filled() noexcept { store(produced_word(), next); }

  private:
    template <class Word>
    static Word load(Word& word) noexcept {
        return std::atomic_ref{word}.load(std::memory_order_acquire);
    }
    static void store(std::uint16_t& word, std::uint16_t value) noexcept {
        std::atomic_ref{word}.store(value, std::memory_order_release);
    }
};

}  // namespace weft::ports
