// Longest-prefix match of sixteen addresses at a time, written over a type of sixteen lanes: AVX-512's, or
// plain integers in tests.
//
// Lanes has: Words (16 x 32 bits), Mask (one bit a lane); gather(mask, otherwise, base, signed index) of
// 32-bit words, load/store of sixteen, negative(words) as a mask, and on Words the operators used here.
#pragma once

#include <cstdint>

namespace weft {

/// The tables as a vector look-up sees them: the layout of LpmStore.
struct LpmView {
    const std::uint32_t* words;
    const std::uint32_t* unwritten;
    const std::uint32_t* groups;
    std::uint32_t default_hop;
};

namespace lpm {

template <class Lanes>
struct Search {
    using Words = typename Lanes::Words;
    using Mask = typename Lanes::Mask;
    static constexpr std::uint32_t value_mask = (1U << 23) - 1;
    static constexpr unsigned region_bits = 14;

    const LpmView& view;

    /// The next byte of the lanes that led to a group so far.
    Words next(Mask extended, Words words, Words byte) const noexcept {
        const Words index =
            Lanes::either(Lanes::shift_left(Lanes::both(words, Lanes::all(value_mask)), 8), byte);
        return Lanes::gather(extended, words, view.groups, index);
    }
    Words first(Words big_endian) const noexcept {
        const Words at = Lanes::shift_right(Lanes::swap_bytes(big_endian), 8);
        const Words unwritten =
            Lanes::gather(Lanes::every, Lanes::all(0), view.unwritten, Lanes::shift_right(at, region_bits));
        return Lanes::gather(Lanes::every, Lanes::all(0), view.words, Lanes::either(at, unwritten));
    }
    /// Byte k of each lane's little-endian word.
    static Words byte(Words words, unsigned k) noexcept {
        return Lanes::both(Lanes::shift_right(words, 8 * k), Lanes::all(0xff));
    }
    void answer(Words words, std::uint32_t* hops) const noexcept {
        Lanes::store(hops,
                     Lanes::where_zero(words, view.default_hop, Lanes::both(words, Lanes::all(value_mask))));
    }
};

}  // namespace lpm

/// `n`, a multiple of 16, addresses of 4 bytes each in network order.
template <class Lanes>
void find4_in_lanes(const LpmView& view, const void* addresses, std::uint32_t* hops, unsigned n) noexcept {
    using Search = lpm::Search<Lanes>;
    const Search search{view};
    for (unsigned i = 0; i < n; i += 16) {
        const auto address = Lanes::load(static_cast<const std::uint32_t*>(addresses) + i);
        auto words = search.first(address);
        if (const auto extended = Lanes::negative(words))
            words = search.next(extended, words, Search::byte(address, 3));
        search.answer(words, hops + i);
    }
}

/// The same of 16 bytes each.
template <class Lanes>
void find16_in_lanes(const LpmView& view, const void* addresses, std::uint32_t* hops, unsigned n) noexcept {
    using Search = lpm::Search<Lanes>;
    const Search search{view};
    for (unsigned i = 0; i < n; i += 16) {
        const auto* const at = static_cast<const std::uint32_t*>(addresses) + 4 * i;
        auto quarter = Lanes::gather(Lanes::every, Lanes::all(0), at, Lanes::each_fourth());
        auto words = search.first(quarter);
        unsigned byte = 3;
        for (auto extended = Lanes::negative(words); extended; extended = Lanes::negative(words)) {
            if (byte % 4 == 0)
                quarter = Lanes::gather(Lanes::every, Lanes::all(0), at + byte / 4, Lanes::each_fourth());
            words = search.next(extended, words, Search::byte(quarter, byte % 4));
            ++byte;
        }
        search.answer(words, hops + i);
    }
}

#if defined(__x86_64__)
/// By AVX-512 F, BW and DQ, which the CPU must have.
void find4_avx512(const LpmView& view, const void* addresses, std::uint32_t* hops, unsigned n) noexcept;
void find16_avx512(const LpmView& view, const void* addresses, std::uint32_t* hops, unsigned n) noexcept;
#endif

}  // namespace weft
