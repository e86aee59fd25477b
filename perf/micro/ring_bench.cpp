// PacketRing against rte_ring, bursts of 32, in its forms for one giver and for many. "one_thread": what the
// instructions cost, the ring in the cache. "two_threads": a giver and a taker, each on a CPU of its own; an
// item is a packet taken.
#include <benchmark/benchmark.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>

#include "weft/ring.hpp"

namespace {

using namespace weft;

constexpr unsigned size = 1024;
constexpr unsigned burst = 32;
constexpr unsigned rounds = 256;      ///< bursts an iteration of "threads"
constexpr unsigned iterations = 200;  ///< of "threads": some 2 M packets

class DpdkRing {
  public:
    explicit DpdkRing(unsigned places, bool single_giver)
        : ring_(static_cast<rte_ring*>(
                    std::aligned_alloc(64, static_cast<std::size_t>(rte_ring_get_memsize(places)))),
                std::free) {
        rte_ring_init(ring_.get(), "bench", places, (single_giver ? RING_F_SP_ENQ : 0u) | RING_F_SC_DEQ);
    }
    unsigned enqueue(Packet* const packets[], unsigned n) noexcept {
        return rte_ring_enqueue_burst(ring_.get(), reinterpret_cast<void* const*>(packets), n, nullptr);
    }
    unsigned dequeue(Packet* packets[], unsigned n) noexcept {
        return rte_ring_dequeue_burst(ring_.get(), reinterpret_cast<void**>(packets), n, nullptr);
    }

  private:
    std::unique_ptr<rte_ring, void (*)(void*)> ring_;
};

std::array<Packet*, burst> some_packets() {
    static Packet one;
    std::array<Packet*, burst> packets;
    packets.fill(&one);
    return packets;
}

template <class Ring>
void ring_one_thread(benchmark::State& state) {
    Ring ring(size, state.range(0) == 1);
    auto packets = some_packets();
    for ([[maybe_unused]] auto round : state) {
        benchmark::DoNotOptimize(ring.enqueue(packets.data(), burst));
        benchmark::DoNotOptimize(ring.dequeue(packets.data(), burst));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * burst));
}

template <class Ring>
void ring_two_threads(benchmark::State& state) {
    static std::unique_ptr<Ring> ring;
    const bool taker = state.thread_index() == 0;
    if (taker) ring = std::make_unique<Ring>(size, state.range(0) == 1);
    auto packets = some_packets();
    for ([[maybe_unused]] auto round : state)
        for (unsigned done = 0; done < rounds * burst;) {
            const unsigned most = std::min(burst, rounds * burst - done);
            const unsigned n =
                taker ? ring->dequeue(packets.data(), most) : ring->enqueue(packets.data(), most);
            if (n == 0) rte_pause();
            done += n;
        }
    if (taker) state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * rounds * burst));
}

BENCHMARK(ring_one_thread<PacketRing>)->Arg(1)->Arg(2)->ArgName("givers");
BENCHMARK(ring_one_thread<DpdkRing>)->Arg(1)->Arg(2)->ArgName("givers");
BENCHMARK(ring_two_threads<PacketRing>)
    ->Arg(1)
    ->Arg(2)
    ->ArgName("givers")
    ->Threads(2)
    ->Iterations(iterations)
    ->UseRealTime();
BENCHMARK(ring_two_threads<DpdkRing>)
    ->Arg(1)
    ->Arg(2)
    ->ArgName("givers")
    ->Threads(2)
    ->Iterations(iterations)
    ->UseRealTime();

}  // namespace
