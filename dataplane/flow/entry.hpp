// What the table keeps of a connection: 192 bytes in three cache lines, and 32 bytes that only accounting
// touches.
//
//   line 0   FlowDirection of the original direction: its tuple, and the outcome for its packets
//   line 1   the same of the reply
//   line 2   FlowState: status, deadline, the protocol's state
//
// A packet of a known flow reads its own direction's line and the state's. Lines are of type-stable memory:
// an entry that was freed stays readable and becomes another connection. What others than the owner read is
// written by releases and read by acquires (load_words, store_words), and counts only if the version of the
// bucket or of the entry did not change meanwhile.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "dataplane/flow/sctp_track.hpp"
#include "dataplane/flow/slow_way.hpp"
#include "dataplane/flow/tcp_track.hpp"
#include "dataplane/flow/tuple.hpp"

namespace weft {

/// Status bits, those of the kernel's IPS_* with the same values.
struct FlowStatus {
    static constexpr std::uint16_t expected = 1 << 0, seen_reply = 1 << 1, assured = 1 << 2,
                                   confirmed = 1 << 3, src_nat = 1 << 4, dst_nat = 1 << 5,
                                   seq_adjust = 1 << 6, src_nat_done = 1 << 7, dst_nat_done = 1 << 8,
                                   dying = 1 << 9, fixed_timeout = 1 << 10, untracked = 1 << 12,
                                   nat_clash = untracked, helper = 1 << 13;
    /// weft's own: the source, of an `inward` one where it was sent to, is an address of the interface by
    /// which it left or came, and it ends with that (nf_conn_nat::masq_index).
    static constexpr std::uint16_t masqueraded = 1 << 14;
    /// … and its outside port is nobody else's, whoever the other end is.
    static constexpr std::uint16_t endpoint_independent = 1 << 15;
    /// It began outside, by the outside port of an endpoint independent source, which it keeps, too.
    static constexpr std::uint16_t inward = 1 << 11;
};

/// Of what lies in an entry, from a multiple of eight bytes on if it is longer than four: eight at a time and
/// at last four. Each word is whole, all of them together need not be. Wherever a tuple is copied it is by
/// these words, as a load that is wider than the store before it waits for that.
template <class T>
void load_words(const void* from, T& to) noexcept {
    static_assert(sizeof(T) % 4 == 0);
    auto* const at = static_cast<std::byte*>(const_cast<void*>(from));
    auto* const out = reinterpret_cast<std::byte*>(&to);
    const auto load = [&]<class Word>(std::size_t byte, Word) noexcept {
        const Word word =
            std::atomic_ref(*reinterpret_cast<Word*>(at + byte)).load(std::memory_order_acquire);
        std::memcpy(out + byte, &word, sizeof word);
    };
    const auto eights = [&]<std::size_t... i>(std::index_sequence<i...>) noexcept {
        (load(8 * i, std::uint64_t{}), ...);
    };
    eights(std::make_index_sequence<sizeof(T) / 8>{});
    if constexpr (sizeof(T) % 8 != 0) load(sizeof(T) - 4, std::uint32_t{});
}
template <class T>
void store_words(void* to, const T& from) noexcept {
    static_assert(sizeof(T) % 4 == 0);
    auto* const at = static_cast<std::byte*>(to);
    const auto* const in = reinterpret_cast<const std::byte*>(&from);
    const auto store = [&]<class Word>(std::size_t byte, Word word) noexcept {
        std::memcpy(&word, in + byte, sizeof word);
        std::atomic_ref(*reinterpret_cast<Word*>(at + byte)).store(word, std::memory_order_release);
    };
    const auto eights = [&]<std::size_t... i>(std::index_sequence<i...>) noexcept {
        (store(8 * i, std::uint64_t{}), ...);
    };
    eights(std::make_index_sequence<sizeof(T) / 8>{});
    if constexpr (sizeof(T) % 8 != 0) store(sizeof(T) - 4, std::uint32_t{});
}

/// What goes beside a tuple into a comparison: one word.
struct FlowKind {
    FlowZone zone;
    std::uint8_t protocol;
    std::uint8_t flags;
    static constexpr std::uint8_t ipv6 = 1, hinted = 2;  ///< hinted: hashed with the zone as hint
    /// The connection has counters, or a time of its beginning, because it began while nf_conntrack_acct or
    /// nf_conntrack_timestamp was 1, as in Linux (nf_ct_acct_ext_add).
    static constexpr std::uint8_t accounted = 4, stamped = 8;
    /// Only what FlowExtra::told says is told of it.
    static constexpr std::uint8_t selective = 16;
    /// Flags that do not take part in comparisons.
    static constexpr std::uint8_t not_compared = hinted | accounted | stamped | selective;

    [[nodiscard]] std::uint32_t word() const noexcept { return std::bit_cast<std::uint32_t>(*this); }
    static constexpr std::uint32_t compared = 0xffff'ffff & ~(std::uint32_t{not_compared} << 24);
};
static_assert(std::endian::native == std::endian::little && sizeof(FlowKind) == 4);

struct FlowTuples4 {
    Tuple4 tuple;
    std::uint16_t l3_delta, l4_delta;  ///< one's complement sums that translation adds
    Tuple4 translated;                 ///< as packets of this direction leave; valid with an outcome
    std::uint32_t spare[2];
};
static_assert(offsetof(FlowTuples4, translated) % 8 == 0);  // load_words

/// One direction: 64 bytes. The outcome (from `hop` on, and the translation) is the owner worker's alone.
struct alignas(64) FlowDirection {
    union {
        FlowTuples4 v4;
        Tuple6 v6;  ///< its translation is read from the other direction
    };
    std::atomic<std::uint32_t> shared;  ///< original: connection mark; reply: place in the timer wheel
    // the outcome for packets in transit, valid if `path` stands (dataplane/hook/paths.hpp)
    std::atomic<std::uint32_t> hop;  ///< others may ask for its line
    std::uint32_t path;
    std::uint32_t epoch;  ///< of HookWork and of the destination's region, when `path` stood and the
                          ///< hop was looked up
    std::uint16_t oif;    ///< of the hop
    SlowWay slow;         ///< written on the slow way
    std::atomic<std::uint8_t> owner;  ///< as FlowState::owner(), whose line changes with each packet
    std::uint16_t condition;          ///< and, in the highest bit, answered
    std::uint16_t iif;                ///< by which its packets come
    FlowKind kind;

    /// The connection had seen a reply when the outcome was made.
    static constexpr std::uint16_t answered = 1 << 15;

    /// `condition` and `iif` as one word.
    [[nodiscard]] std::uint32_t terms() const noexcept {
        std::uint32_t both;
        std::memcpy(&both, reinterpret_cast<const std::byte*>(this) + offsetof(FlowDirection, condition),
                    sizeof both);
        return both;
    }
    /// terms() of an outcome that rests on nothing but the interface and whether there was an answer.
    [[nodiscard]] static constexpr std::uint32_t plain_terms(std::uint16_t iif, bool was_answered) noexcept {
        return std::uint32_t{iif} << 16 | std::uint32_t{was_answered} << 15;
    }

    /// Any thread; valid if the version that guards it is still the same afterwards.
    template <class Tuple>
    [[nodiscard]] bool matches(const Tuple& wanted, std::uint32_t kind_word) const noexcept {
        return differences(wanted, kind_word) == 0;
    }
    /// The same as bits, 0 where it matches.
    template <class Tuple>
    [[nodiscard]] std::uint64_t differences(const Tuple& wanted, std::uint32_t kind_word) const noexcept {
        // Straight through: nothing but the last answer is worth a jump.
        static_assert(sizeof(Tuple) % 8 == 4);
        constexpr std::size_t last = sizeof(Tuple) - 4;
        const auto differs = [&]<std::size_t... eight>(std::index_sequence<eight...>) noexcept {
            return (difference<std::uint64_t>(wanted, 8 * eight) | ...) |
                   difference<std::uint32_t>(wanted, last);
        }
        (std::make_index_sequence<sizeof(Tuple) / 8>{});
        const auto seen = word_at<std::uint32_t>(offsetof(FlowDirection, kind));
        return differs | ((seen ^ kind_word) & FlowKind::compared);
    }
    template <class Tuple>
    void set(const Tuple& tuple, FlowKind what) noexcept {
        store_words(this, tuple);
        store_words(&kind, what);
    }
    [[nodiscard]] FlowKind kind_now() const noexcept {
        FlowKind now;
        load_words(&kind, now);
        return now;
    }
    template <class Tuple>
    [[nodiscard]] Tuple tuple_now() const noexcept {
        Tuple now;
        load_words(this, now);
        return now;
    }

  private:
    template <class Word>
    [[nodiscard]] Word word_at(std::size_t byte) const noexcept {
        auto* const here = reinterpret_cast<std::byte*>(const_cast<FlowDirection*>(this));
        return std::atomic_ref(*reinterpret_cast<Word*>(here + byte)).load(std::memory_order_acquire);
    }
    template <class Word>
    [[nodiscard]] std::uint64_t difference(const auto& wanted, std::size_t byte) const noexcept {
        Word word;
        std::memcpy(&word, reinterpret_cast<const std::byte*>(&wanted) + byte, sizeof word);
        return word_at<Word>(byte) ^ word;
    }
};
static_assert(sizeof(FlowDirection) == 64 && offsetof(FlowDirection, shared) == 36 &&
              offsetof(FlowDirection, condition) == 56 && offsetof(FlowDirection, kind) == 60);

/// UDP, and what is like it.
struct UdpTrack {
    std::uint32_t stream_from;  ///< milliseconds: a flow that is alive then is a stream
};

struct GreTrack {
    std::uint32_t timeout, stream_timeout;  ///< seconds
};

/// 64 bytes. Written by the owner worker; status also by whoever ends the connection.
struct alignas(64) FlowState {
    /// Number of the incarnation above, owner worker below.
    std::atomic<std::uint32_t> version_owner;
    std::atomic<std::uint32_t> deadline;  ///< milliseconds of the tracker's clock; unconfirmed: a duration
    std::atomic<std::uint32_t> link;      ///< next free or next dead entry; 0 while the connection lives
    std::atomic<std::uint16_t> status;    ///< FlowStatus
    std::uint8_t tcp_flags[2];            ///< TcpSideFlags
    union {
        TcpTrack tcp;
        UdpTrack udp;
        SctpTrack sctp;
        GreTrack gre;
    };

    static constexpr std::uint32_t owner_mask = 0xff;
    [[nodiscard]] std::uint32_t version() const noexcept {
        return version_owner.load(std::memory_order_acquire);
    }
    [[nodiscard]] unsigned owner() const noexcept { return version() & owner_mask; }
    [[nodiscard]] bool has(std::uint16_t bits) const noexcept {
        return status.load(std::memory_order_acquire) & bits;
    }
    void set(std::uint16_t bits) noexcept { status.fetch_or(bits, std::memory_order_acq_rel); }
    /// The same of a connection that is not confirmed, which only its owner knows.
    void set_unshared(std::uint16_t bits) noexcept {
        status.store(static_cast<std::uint16_t>(status.load(std::memory_order_relaxed) | bits),
                     std::memory_order_release);
    }
};
static_assert(sizeof(FlowState) == 64 && offsetof(FlowState, tcp) % 8 == 0);  // load_words

struct FlowEntry {
    FlowDirection direction[2];
    FlowState state;
};
static_assert(sizeof(FlowEntry) == 192);

/// Written by the owner if accounting or time stamps are on; otherwise never touched.
struct FlowAccount {
    std::atomic<std::uint64_t> bytes[2];
    std::atomic<std::uint32_t> packets_low[2];
    std::atomic<std::uint16_t> packets_high[2];
    std::atomic<std::uint32_t> start;  ///< seconds since 1970
};
static_assert(sizeof(FlowAccount) == 32);

}  // namespace weft
