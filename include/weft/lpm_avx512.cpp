// Compiled for AVX-512 whatever the rest is compiled for, so it includes nothing whose inline functions the
// linker might take for all.
#include <immintrin.h>

#include "weft/lpm_lanes.hpp"

namespace weft {

namespace {

struct Avx512 {
    using Words = __m512i;
    using Mask = __mmask16;
    static constexpr Mask every = 0xffff;

    static Words all(std::uint32_t value) noexcept { return _mm512_set1_epi32(static_cast<int>(value)); }
    static Words load(const std::uint32_t* from) noexcept { return _mm512_loadu_si512(from); }
    static void store(std::uint32_t* to, Words words) noexcept { _mm512_storeu_si512(to, words); }
    static Words both(Words a, Words b) noexcept { return _mm512_and_si512(a, b); }
    static Words either(Words a, Words b) noexcept { return _mm512_or_si512(a, b); }
    static Words shift_left(Words words, unsigned bits) noexcept { return _mm512_slli_epi32(words, bits); }
    static Words shift_right(Words words, unsigned bits) noexcept { return _mm512_srli_epi32(words, bits); }
    static Words swap_bytes(Words words) noexcept {
        const __m512i order =
            _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
        return _mm512_shuffle_epi8(words, order);
    }
    static Words each_fourth() noexcept {
        return _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60);
    }
    static Words gather(Mask mask, Words otherwise, const std::uint32_t* base, Words index) noexcept {
        return _mm512_mask_i32gather_epi32(otherwise, mask, index, base, 4);
    }
    static Mask negative(Words words) noexcept { return _mm512_movepi32_mask(words); }
    static Words where_zero(Words words, std::uint32_t value, Words otherwise) noexcept {
        return _mm512_mask_mov_epi32(otherwise, _mm512_testn_epi32_mask(words, words), all(value));
    }
};

}  // namespace

void find4_avx512(const LpmView& view, const void* addresses, std::uint32_t* hops, unsigned n) noexcept {
    find4_in_lanes<Avx512>(view, addresses, hops, n);
}
void find16_avx512(const LpmView& view, const void* addresses, std::uint32_t* hops, unsigned n) noexcept {
    find16_in_lanes<Avx512>(view, addresses, hops, n);
}

}  // namespace weft
