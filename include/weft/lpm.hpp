// Longest-prefix match: a table of 2^24 entries for the first three bytes of an address, then groups of 256
// for each further byte (DIR-24-8, Gupta, Lin, McKeown 1998, and the same with more levels for IPv6).
//
// One table, written in place while workers read: an entry is one atomic word, a group is filled before it is
// linked, and one that is unlinked waits until every worker passed a quiescent point before it is used again.
// (rte_fib of DPDK 22.11 frees groups under its readers.) The default route is a word of its own, so that it
// touches nothing.
//
// A prefix of up to 24 bits costs 4 bytes for each /24 that it covers (a /8 writes 256 KiB), a longer one a
// group of 1 KiB for each byte beyond the third that it is the first to tell apart. What is never written is
// never touched: an empty table has no memory but the writer's own few KiB.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "weft/lpm_lanes.hpp"
#include "weft/lpm_store.hpp"
#include "weft/net/byte_order.hpp"
#include "weft/packet.hpp"

namespace weft {

/// IPv4: Lpm<4>, IPv6: Lpm<16>. One writer at a time, any number of readers.
template <unsigned bytes>
class Lpm {
  public:
    using Key = std::array<std::uint8_t, bytes>;  ///< network order

    /// An own mapping, touched lazily: at most (2^24 + 256 max_groups) * 4 bytes.
    explicit Lpm(std::uint32_t max_groups) : store_(max_groups) {}

    // Readers, between two quiescent points.
    /// no_hop if no prefix covers it.
    [[nodiscard]] HopIndex find(const Key& address) const noexcept {
        LpmWord word = store_.first(first_bits(address), store_.sparse());
        for (unsigned byte = 3; byte < bytes && word.extended(); ++byte)
            word = store_.entry(word.value(), address[byte]);
        return word.empty() ? default_.load(std::memory_order_acquire) : word.value();
    }
    /// The same for n addresses (at most batch_size), faster, best after prefetch() of all of them. Vector
    /// instructions where the CPU has AVX-512 and gains by it.
    void find(const Key addresses[], HopIndex hops[], unsigned n) const noexcept;
    /// … and without, whatever the CPU has.
    void find_scalar(const Key addresses[], HopIndex hops[], unsigned n) const noexcept;
    /// The tables as vector look-ups see them.
    [[nodiscard]] LpmView view() const noexcept {
        return {reinterpret_cast<const std::uint32_t*>(store_.words()),
                reinterpret_cast<const std::uint32_t*>(store_.unwritten()),
                reinterpret_cast<const std::uint32_t*>(store_.group_words()),
                default_.load(std::memory_order_acquire)};
    }
    /// Whether most of the address space was never written, which look-ups make use of.
    [[nodiscard]] bool sparse() const noexcept { return store_.sparse(); }
    /// Asks for the line that a look-up reads first. `sparse`: what sparse() said, once for a burst.
    [[gnu::always_inline]] void prefetch(const Key& address, bool sparse) const noexcept {
        __builtin_prefetch(&store_.first_slot(first_bits(address), sparse));
    }

    // The writer.
    /// Enters a prefix (bits beyond `length` are ignored), or gives it another hop, which is not no_hop.
    /// False if no group is free: nothing changed then, but reclaim() after a quiescent round may free some.
    [[nodiscard]] bool add(const Key& prefix, unsigned length, HopIndex hop);
    /// Takes a prefix out; `covering` is what the longest shorter prefix that covers it leads to, of
    /// `covering_length` (0 if none, or if that is the default route).
    void remove(const Key& prefix, unsigned length, HopIndex covering, unsigned covering_length);
    /// Groups that were unlinked so far may be used again. To be called where Quiescence::synchronize() has
    /// just returned, with no remove() in between.
    void reclaim() { store_.reclaim(); }
    /// Whether something waits for reclaim().
    [[nodiscard]] bool has_unlinked() const noexcept { return store_.has_unlinked(); }
    [[nodiscard]] std::uint32_t groups_in_use() const noexcept { return store_.groups_in_use(); }
    /// Memory that routes have touched so far.
    [[nodiscard]] std::size_t bytes_touched() const noexcept { return store_.bytes_touched(); }

  private:
    static std::uint32_t first_bits(const Key& address) noexcept {
        be32 four;
        std::memcpy(static_cast<void*>(&four), address.data(), sizeof four);
        return four.host() >> 8;
    }

    LpmStore store_;
    std::atomic<HopIndex> default_{no_hop};
};

extern template class Lpm<4>;
extern template class Lpm<16>;

}  // namespace weft
