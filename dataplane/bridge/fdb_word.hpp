// The 32-bit word of an FDB slot: where a station is, when it was last heard, and what kind of entry it is.
//
//     bit 0      14                26       27     29      32
//         port+1 | seen            | coarse | kind  | moves     dynamic entry
//         port+1 | flags 4, stamp 8| 1      | fixed | moves     static, local or blackhole entry
//
// A word of 0 is a free slot. Everything an arriving frame can do to an entry is the pure function
// heard_from(), so a writer changes a slot by one store and a reader sees the old word or the new one.
#pragma once

#include <cstdint>

#include "weft/topology.hpp"

namespace weft {

/// What is known of an entry besides its port.
struct FdbFlags {
    static constexpr std::uint8_t local = 1;       ///< our own MAC: deliver to the bridge itself; never moved
    static constexpr std::uint8_t stationary = 2;  ///< static: not aged; a frame may move it, as in Linux
    static constexpr std::uint8_t sticky = 4;      ///< no frame moves it
    static constexpr std::uint8_t blackhole = 8;   ///< frames to it are dropped; never aged, never moved
    static constexpr std::uint8_t learned = 16;    ///< made by learn(); counts against the learn limits
};

/// What learn() did. Only the last three mean that the frame's source is not in the table.
enum class Learned : std::uint8_t {
    known,      ///< nothing to write (or a writer held the bucket for so long that this frame taught nothing)
    refreshed,  ///< same port, last-seen written
    added,      ///< new entry
    moved,      ///< entry now on this port
    held,       ///< moved too often within this second: stays where it is
    own,        ///< the address is our own: a frame came back to us or somebody uses our MAC
    fixed,      ///< sticky or blackhole entry on another port: stays
    port_limit,    ///< the port has its limit of learned entries (also refuses a move to it)
    bridge_limit,  ///< the bridge has its limit
    full,          ///< the table has no place
};

/// Functions on the word; no state. Times are seconds of a coarse monotonic clock that all callers share.
struct FdbWord {
    enum Kind : std::uint32_t { learned = 0, user = 1, user_sticky = 2, fixed = 3 };

    /// The largest port index a word can hold; no_index is kept too.
    static constexpr BridgePortIndex max_port = 0x3ffe;
    /// Moves of one entry within a second; a further one is held until the next second.
    static constexpr std::uint32_t max_moves = 5;
    /// Ages beyond this are kept to 64 s instead of 1 s, which makes the greatest age two days instead of an
    /// hour.
    static constexpr std::uint32_t fine_age = 2048;
    static constexpr std::uint32_t coarse_unit = 64;
    static constexpr std::uint32_t max_age = 3072 * coarse_unit;
    /// Workers read the clock at different moments: an entry "heard" this little in the future was heard now.
    static constexpr std::uint32_t skew = 64;

    static constexpr std::uint32_t port_mask = 0x3fff, seen_shift = 14, seen_mask = 0xfff, coarse = 1U << 26,
                                   kind_shift = 27, moves_shift = 29, held_mark = 7, stamp_shift = 18;
    /// The bits that heard() sets. A fixed word has `coarse` set, so it never equals heard() under this mask.
    static constexpr std::uint32_t heard_mask = port_mask | seen_mask << seen_shift | coarse;

    /// no_index becomes 0; a word with it is not 0, because only entries of another kind than learned have
    /// it.
    static constexpr std::uint32_t port_bits(BridgePortIndex port) noexcept {
        return (port + 1U) & port_mask;
    }
    static constexpr std::uint32_t heard(BridgePortIndex port, std::uint32_t now) noexcept {
        return port_bits(port) | (now & seen_mask) << seen_shift;
    }
    static constexpr std::uint32_t make(BridgePortIndex port, std::uint8_t flags,
                                        std::uint32_t now) noexcept {
        if (flags & (FdbFlags::local | FdbFlags::stationary | FdbFlags::blackhole))
            return port_bits(port) | (flags & 15U) << seen_shift | coarse | fixed << kind_shift;
        const std::uint32_t kind = flags & FdbFlags::learned  ? learned
                                   : flags & FdbFlags::sticky ? user_sticky
                                                              : user;
        return heard(port, now) | kind << kind_shift;
    }

    static constexpr Kind kind(std::uint32_t word) noexcept { return Kind{word >> kind_shift & 3}; }
    static constexpr std::uint32_t moves(std::uint32_t word) noexcept { return word >> moves_shift; }
    static constexpr BridgePortIndex port(std::uint32_t word) noexcept {
        return static_cast<BridgePortIndex>((word & port_mask) - 1);
    }
    /// port() of a word that forwards, for less; greater than max_port if it has no_index.
    static constexpr std::uint32_t exit(std::uint32_t word) noexcept { return (word - 1) & port_mask; }
    static constexpr std::uint8_t flags(std::uint32_t word) noexcept {
        constexpr std::uint8_t of_kind[] = {FdbFlags::learned, 0, FdbFlags::sticky, 0};
        return kind(word) == fixed ? word >> seen_shift & 15 : of_kind[kind(word)];
    }
    /// Whether frames to the entry leave by its port: there is one, and neither local nor a blackhole.
    static constexpr bool forwards(std::uint32_t word) noexcept {
        constexpr std::uint32_t kept_here = (FdbFlags::local | FdbFlags::blackhole) << seen_shift;
        return kind(word) == fixed ? !(word & kept_here) : word != 0;
    }
    /// True only if forwards(): of every entry but fixed ones and those not heard for half an hour. One test,
    /// as a word of 0 minus one has the bit that these have.
    static constexpr bool surely_forwards(std::uint32_t word) noexcept { return !((word - 1) & coarse); }
    /// Seconds since the entry was last heard; 0 for a fixed one. Beyond fine_age to within coarse_unit.
    static constexpr std::uint32_t age(std::uint32_t word, std::uint32_t now) noexcept {
        if (kind(word) == fixed) return 0;
        const std::uint32_t seen = word >> seen_shift & seen_mask;
        if (word & coarse) return ((now / coarse_unit - seen) & seen_mask) * coarse_unit;
        const std::uint32_t age = (now - seen) & seen_mask;
        return age > seen_mask - skew ? 0 : age;
    }
    /// The same entry in a form whose age does not wrap for another fine_age seconds at least.
    static constexpr std::uint32_t kept(std::uint32_t word, std::uint32_t now) noexcept {
        if (kind(word) == fixed) return word;
        const std::uint32_t old = age(word, now);
        if (word & coarse ? old <= max_age : old <= fine_age) return word;
        const std::uint32_t seen = (now - (old < max_age ? old : max_age)) / coarse_unit;
        return (word & ~(seen_mask << seen_shift)) | (seen & seen_mask) << seen_shift | coarse;
    }

    /// True only if all that heard_from() changes is the time and the moves: a dynamic entry of this port,
    /// not heard for half an hour at most. `heard` is heard(port, now), and the word another one.
    static constexpr bool only_older(std::uint32_t word, std::uint32_t heard) noexcept {
        return ((word ^ heard) & (port_mask | coarse)) == 0 &&
               ((heard - word) >> seen_shift & seen_mask) <= seen_mask - skew;
    }
    static constexpr std::uint32_t refreshed(std::uint32_t word, std::uint32_t heard) noexcept {
        return heard | (word & 3U << kind_shift);
    }

    struct Heard {
        Learned result;      ///< known, refreshed, moved, held, own or fixed
        std::uint32_t word;  ///< what to store; the old word if there is nothing to write
    };
    /// A frame of this station arrived on `from`. Follows br_fdb_update() of net/bridge/br_fdb.c: a local
    /// entry is left alone, any other is refreshed, and moved unless sticky.
    static constexpr Heard heard_from(std::uint32_t word, BridgePortIndex from, std::uint32_t now) noexcept {
        const std::uint8_t flag = flags(word);
        if (flag & FdbFlags::local) return {Learned::own, word};
        const bool is_fixed = kind(word) == fixed;
        const bool same_second = is_fixed
                                     ? (word >> stamp_shift & 0xff) == (now & 0xff)
                                     : ((word ^ now << seen_shift) & (seen_mask << seen_shift | coarse)) == 0;
        const bool same_port = port(word) == from;
        if (same_port || flag & (FdbFlags::sticky | FdbFlags::blackhole)) {
            const Learned unchanged = same_port ? Learned::known : Learned::fixed;
            if (is_fixed || same_second || heard_later(word, now)) return {unchanged, word};
            return {same_port ? Learned::refreshed : Learned::fixed,
                    heard(port(word), now) | std::uint32_t{kind(word)} << kind_shift};
        }
        const std::uint32_t before = same_second ? moves(word) : 0;
        if (before >= max_moves) return {Learned::held, word | held_mark << moves_shift};
        const std::uint32_t time = is_fixed
                                       ? (now & 0xff) << stamp_shift | (word & 15U << seen_shift) | coarse
                                       : (now & seen_mask) << seen_shift;
        return {Learned::moved, port_bits(from) | time | std::uint32_t{kind(word)} << kind_shift |
                                    (before + 1) << moves_shift};
    }

  private:
    static constexpr bool heard_later(std::uint32_t word, std::uint32_t now) noexcept {
        return !(word & coarse) && (((word >> seen_shift) - now - 1) & seen_mask) < skew;
    }
};

}  // namespace weft
