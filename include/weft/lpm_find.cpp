// Look-ups of a burst.
#include "weft/lpm.hpp"

#if defined(__SANITIZE_THREAD__)
#define WEFT_LPM_VECTORS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_LPM_VECTORS 0
#endif
#endif
#ifndef WEFT_LPM_VECTORS
#define WEFT_LPM_VECTORS 1
#endif

namespace weft {

namespace {

bool use_avx512() noexcept {
#if defined(__x86_64__) && WEFT_LPM_VECTORS  // TSan does not see a gather
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq");
#else
    return false;
#endif
}
/// A gather of Zen 5 is no faster than the loads that it is made of: there IPv6's groups are found sooner one
/// by one, all addresses of a burst on the same level (perf/RESULTS.md).
bool gathers_pay() noexcept {
#if defined(__x86_64__)
    return !__builtin_cpu_is("amd");
#else
    return false;
#endif
}
const bool by_vectors4 = use_avx512(), by_vectors6 = by_vectors4 && gathers_pay();

constexpr HopIndex hop_of(LpmWord word, HopIndex default_hop) noexcept {
    return word.empty() ? default_hop : word.value();
}

}  // namespace

template <unsigned bytes>
void Lpm<bytes>::find_scalar(const Key addresses[], HopIndex hops[], unsigned n) const noexcept {
    const HopIndex default_hop = default_.load(std::memory_order_acquire);
    const bool sparse = store_.sparse();
    if constexpr (bytes == 4) {
        for (unsigned i = 0; i < n; ++i) {
            LpmWord word = store_.first(first_bits(addresses[i]), sparse);
            if (word.extended()) word = store_.entry(word.value(), addresses[i][3]);
            hops[i] = hop_of(word, default_hop);
        }
        return;
    }
    // Level by level, so that the lines of all addresses are under way together. What is written for an
    // address that leads to a group is written again when the group has said more.
    LpmWord words[batch_size];
    std::uint8_t open[batch_size];  // those that led to a group
    unsigned count = 0;
    const auto note = [&](unsigned i, LpmWord word) {
        words[i] = word;
        hops[i] = hop_of(word, default_hop);
        open[count] = static_cast<std::uint8_t>(i);
        count += word.extended();
    };
    std::uint32_t any = 0;
    for (unsigned i = 0; i < n; ++i) {
        words[i] = store_.first(first_bits(addresses[i]), sparse);
        hops[i] = hop_of(words[i], default_hop);
        any |= words[i].bits();
    }
    if (!LpmWord{any}.extended()) return;
    for (unsigned i = 0; i < n; ++i)
        note(i, words[i]);
    for (unsigned byte = 3; count != 0; ++byte) {
        const unsigned before = count;
        for (unsigned k = 0; k < before; ++k)
            store_.prefetch(words[open[k]].value(), addresses[open[k]][byte]);
        count = 0;
        for (unsigned k = 0; k < before; ++k) {
            const unsigned i = open[k];
            note(i, store_.entry(words[i].value(), addresses[i][byte]));
        }
    }
}

template <unsigned bytes>
void Lpm<bytes>::find(const Key addresses[], HopIndex hops[], unsigned n) const noexcept {
    unsigned done = 0;
#if defined(__x86_64__) && WEFT_LPM_VECTORS
    if ((bytes == 4 ? by_vectors4 : by_vectors6) && n >= 16) {
        done = n & ~15U;
        if constexpr (bytes == 4)
            find4_avx512(view(), addresses, hops, done);
        else
            find16_avx512(view(), addresses, hops, done);
    }
#endif
    if (done != n) find_scalar(addresses + done, hops + done, n - done);
}

template void Lpm<4>::find_scalar(const Key[], HopIndex[], unsigned) const noexcept;
template void Lpm<16>::find_scalar(const Key[], HopIndex[], unsigned) const noexcept;
template void Lpm<4>::find(const Key[], HopIndex[], unsigned) const noexcept;
template void Lpm<16>::find(const Key[], HopIndex[], unsigned) const noexcept;

}  // namespace weft
