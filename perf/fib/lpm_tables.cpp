#include "perf/fib/lpm_tables.hpp"

#include <fmt/format.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

namespace weft::perf {

namespace {

constexpr std::uint32_t groups = 1U << 19;

void must(bool done, const char* what) {
    if (done) return;
    fmt::print(stderr, "lpm_bench: {} refuses a route\n", what);
    std::exit(1);
}

template <unsigned bytes>
class OwnTable final : public LpmTable<bytes> {
  public:
    explicit OwnTable(bool scalar) : scalar_(scalar) { this->name = scalar ? "weft scalar" : "weft AVX-512"; }
    using Key = typename Lpm<bytes>::Key;
    void add(const TestRoute<bytes>& route, HopIndex hop) override {
        must(lpm_.add(route.prefix, route.length, hop), "weft");
        if (lpm_.has_unlinked()) lpm_.reclaim();
    }
    void remove(const TestRoute<bytes>& route, HopIndex covering, unsigned covering_length) override {
        lpm_.remove(route.prefix, route.length, covering, covering_length);
        if (lpm_.has_unlinked()) lpm_.reclaim();
    }
    std::uint64_t look_up(const Key* keys, std::size_t n) override {
        std::uint64_t sum = 0;
        HopIndex hops[batch_size];
        const bool sparse = lpm_.sparse();
        for (std::size_t at = 0; at < n; at += batch_size) {
            for (unsigned i = 0; i < batch_size; ++i)
                lpm_.prefetch(keys[at + i], sparse);
            if (scalar_)
                lpm_.find_scalar(keys + at, hops, batch_size);
            else if constexpr (bytes == 4)
                find4_avx512(lpm_.view(), keys + at, hops, batch_size);
            else
                find16_avx512(lpm_.view(), keys + at, hops, batch_size);
            sum += hops[0] + hops[batch_size - 1];
        }
        return sum;
    }
    [[nodiscard]] std::size_t bytes_used() const override { return lpm_.bytes_touched(); }

  private:
    Lpm<bytes> lpm_{groups};
    bool scalar_;
};

std::size_t heap_used() {
    rte_malloc_socket_stats stats{};
    rte_malloc_get_socket_stats(0, &stats);
    return stats.heap_allocsz_bytes;
}

/// The address as rte_fib wants it: an integer in host order.
std::uint32_t integer(const Lpm<4>::Key& key) {
    be32 value;
    std::memcpy(static_cast<void*>(&value), key.data(), sizeof value);
    return value.host();
}

class RteFib4 final : public LpmTable<4> {
  public:
    RteFib4(bool scalar, std::uint32_t max_routes) : before_(heap_used()) {
        name = scalar ? "rte_fib scalar" : "rte_fib AVX-512";
        rte_fib_conf conf{};
        conf.type = RTE_FIB_DIR24_8;
        conf.max_routes = static_cast<int>(max_routes + 64);
        conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
        conf.dir24_8.num_tbl8 = 65535;
        fib_ = rte_fib_create(scalar ? "fib4s" : "fib4v", 0, &conf);
        if (!fib_) return;
        const auto type =
            scalar ? RTE_FIB_LOOKUP_DIR24_8_SCALAR_INLINE : RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512;
        usable_ = rte_fib_select_lookup(fib_, type) == 0;
    }
    ~RteFib4() override { rte_fib_free(fib_); }
    [[nodiscard]] bool usable() const { return usable_; }
    void add(const TestRoute<4>& route, HopIndex hop) override {
        must(rte_fib_add(fib_, integer(route.prefix), static_cast<std::uint8_t>(route.length), hop) == 0,
             "rte_fib");
    }
    void remove(const TestRoute<4>& route, HopIndex, unsigned) override {
        rte_fib_delete(fib_, integer(route.prefix), static_cast<std::uint8_t>(route.length));
    }
    std::uint64_t look_up(const Key* keys, std::size_t n) override {
        std::uint64_t sum = 0, hops[batch_size];
        std::uint32_t integers[batch_size];
        for (std::size_t at = 0; at < n; at += batch_size) {
            for (unsigned i = 0; i < batch_size; ++i)
                integers[i] = integer(keys[at + i]);
            rte_fib_lookup_bulk(fib_, integers, hops, batch_size);
            sum += hops[0] + hops[batch_size - 1];
        }
        return sum;
    }
    [[nodiscard]] std::size_t bytes_used() const override { return heap_used() - before_; }

  private:
    std::size_t before_;
    rte_fib* fib_ = nullptr;
    bool usable_ = false;
};

class RteFib6 final : public LpmTable<16> {
  public:
    RteFib6(bool scalar, std::uint32_t max_routes) : before_(heap_used()) {
        name = scalar ? "rte_fib6 scalar" : "rte_fib6 AVX-512";
        rte_fib6_conf conf{};
        conf.type = RTE_FIB6_TRIE;
        conf.max_routes = static_cast<int>(max_routes + 64);
        conf.trie.nh_sz = RTE_FIB6_TRIE_4B;
        conf.trie.num_tbl8 = 2 * groups;  // it reserves more than it uses
        fib_ = rte_fib6_create(scalar ? "fib6s" : "fib6v", 0, &conf);
        if (!fib_) return;
        const auto type = scalar ? RTE_FIB6_LOOKUP_TRIE_SCALAR : RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512;
        usable_ = rte_fib6_select_lookup(fib_, type) == 0;
    }
    ~RteFib6() override { rte_fib6_free(fib_); }
    [[nodiscard]] bool usable() const { return usable_; }
    void add(const TestRoute<16>& route, HopIndex hop) override {
        must(rte_fib6_add(fib_, route.prefix.data(), static_cast<std::uint8_t>(route.length), hop) == 0,
             "rte_fib6");
    }
    void remove(const TestRoute<16>& route, HopIndex, unsigned) override {
        rte_fib6_delete(fib_, route.prefix.data(), static_cast<std::uint8_t>(route.length));
    }
    std::uint64_t look_up(const Key* keys, std::size_t n) override {
        std::uint64_t sum = 0, hops[batch_size];
        for (std::size_t at = 0; at < n; at += batch_size) {
            // An array of keys is for the library an array of arrays that it does not write to.
            auto* const addresses = reinterpret_cast<std::uint8_t(*)[RTE_FIB6_IPV6_ADDR_SIZE]>(
                const_cast<std::uint8_t*>(keys[at].data()));
            rte_fib6_lookup_bulk(fib_, addresses, hops, batch_size);
            sum += hops[0] + hops[batch_size - 1];
        }
        return sum;
    }
    [[nodiscard]] std::size_t bytes_used() const override { return heap_used() - before_; }

  private:
    std::size_t before_;
    rte_fib6* fib_ = nullptr;
    bool usable_ = false;
};

bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq");
}

}  // namespace

template <unsigned bytes>
std::unique_ptr<LpmTable<bytes>> make_table(LpmKind kind, std::uint32_t max_routes) {
    if (kind == LpmKind::weft_scalar) return std::make_unique<OwnTable<bytes>>(true);
    if (kind == LpmKind::weft) return has_avx512() ? std::make_unique<OwnTable<bytes>>(false) : nullptr;
    if (kind == LpmKind::rte_avx512 && !has_avx512()) return nullptr;
    using Fib = std::conditional_t<bytes == 4, RteFib4, RteFib6>;
    auto fib = std::make_unique<Fib>(kind == LpmKind::rte_scalar, max_routes);
    if (!fib->usable()) return nullptr;
    return fib;
}

template std::unique_ptr<LpmTable<4>> make_table<4>(LpmKind, std::uint32_t);
template std::unique_ptr<LpmTable<16>> make_table<16>(LpmKind, std::uint32_t);

}  // namespace weft::perf
