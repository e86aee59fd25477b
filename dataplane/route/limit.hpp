// Rate limits of what weft says of itself: ICMP errors and redirects by the peer and in all (RFC
// 1812 4.3.2.8, RFC 4443 2.4 (f); net/ipv4/icmp.c, icmpv4_xrlim_allow, net/ipv4/inetpeer.c,
// inet_peer_xrlim_allow).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "weft/hop.hpp"

namespace weft {

/// A bucket of tokens as one word: the time at which it would be full again (GCRA, ITU-T I.371). Any thread.
class RateLimit {
  public:
    /// Times in microseconds. A token comes each `interval`, `burst` fit; true takes one. Interval 0: no
    /// limit.
    bool allow(std::uint64_t now, std::uint64_t interval, std::uint64_t burst) noexcept {
        if (interval == 0) return true;
        std::uint64_t full = full_.load(std::memory_order_relaxed);
        for (;;) {
            const std::uint64_t begin = full > now ? full : now;
            if (begin + interval > now + burst * interval) return false;
            if (full_.compare_exchange_weak(full, begin + interval, std::memory_order_relaxed)) return true;
        }
    }

    void reset() noexcept { full_.store(0, std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> full_{0};
};

/// Buckets by peer, of the workers together. Two peers that fall on one slot take turns in it: each finds it
/// full again, so that only the limit in all holds for them.
class PeerLimits {
  public:
    bool allow(const IpAddress& peer, std::uint64_t now, std::uint64_t interval,
               std::uint64_t burst) noexcept {
        std::uint64_t words[2];
        std::memcpy(words, peer.bytes.data(), sizeof words);
        const std::uint64_t tag = (words[0] ^ words[1] * 0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93;
        Slot& slot = slots_[tag >> 52];
        if (slot.tag.exchange(tag, std::memory_order_relaxed) != tag) slot.limit.reset();
        return slot.limit.allow(now, interval, burst);
    }

  private:
    struct Slot {
        std::atomic<std::uint64_t> tag{0};
        RateLimit limit;
    };
    std::array<Slot, 4096> slots_;
};

/// What all workers share.
struct IcmpBuckets {
    RateLimit all4, all6;
    PeerLimits peers4, peers6, redirects;
};

}  // namespace weft
