// Longest-prefix match: a table of 2^24 entries for the first three bytes of an address, then groups of 256
// for each further byte (DIR-24-8, Gupta, Lin, McKeown 1998, and the same with more levels for IPv6).
//
// One table, written in place while workers read: an entry is one atomic word, a group is filled before it is
// linked, and one that is unlinked waits until every worker passed a quiescent point before it is used again.
// (rte_fib of DPDK 22.11 frees groups under its readers.) The default route is a word of its own, so that it
// touches nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "weft/packet.hpp"

namespace weft {

/// IPv4: Lpm<4>, IPv6: Lpm<16>. One writer at a time, any number of readers.
template <unsigned bytes>
class Lpm {
  public:
    using Key = std::array<std::uint8_t, bytes>;  ///< network order

    /// An own mapping, touched lazily: at most (2^24 + 256 max_groups) * 4 bytes.
    explicit Lpm(std::uint32_t max_groups);
    ~Lpm();
    Lpm(const Lpm&) = delete;
    Lpm& operator=(const Lpm&) = delete;

    // Readers, between two quiescent points.
    /// no_hop if no prefix covers it.
    [[nodiscard]] HopIndex find(const Key& address) const noexcept;
    /// The same for n addresses (at most batch_size), faster. Vector instructions where the CPU has AVX-512.
    void find(const Key addresses[], HopIndex hops[], unsigned n) const noexcept;

    // The writer.
    /// Enters a prefix (bits beyond `length` are ignored), or gives it another hop. False if no group is
    /// free: nothing changed then, but reclaim() after a quiescent round may free some.
    [[nodiscard]] bool add(const Key& prefix, unsigned length, HopIndex hop);
    /// Takes a prefix out; `covering` is what the longest shorter prefix that covers it leads to, of
    /// `covering_length` (0 and no_hop if none).
    void remove(const Key& prefix, unsigned length, HopIndex covering, unsigned covering_length);
    /// Groups that were unlinked before the caller's last Quiescence::synchronize() may be used again.
    void reclaim();
    /// Whether something waits for reclaim().
    [[nodiscard]] bool has_unlinked() const noexcept;
    [[nodiscard]] std::uint32_t groups_in_use() const noexcept;
};

}  // namespace weft
