// What is measured of the FDB and, on the same keys in the same random order, of rte_hash.
//
// Items are packets or entries. The FDB has the capacity that is configured, 1 M. rte_hash is made for just
// the entries it gets, with CRC32c as the hash, a comparison of 8 bytes, and the flags that a switch of
// several workers needs: several writers that add (MULTI_WRITER_ADD), readers that hold no lock
// (RW_CONCURRENCY_LF). Its 64 bits of data are port and last-seen. Wherever it offers bulk calls, which
// prefetch, they are used.
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>

namespace weft::perf {

/// TSC clocks of this thread's CPU time an item, so that other programs on the CPU count as little as can be.
class Clocks {
  public:
    void start() { from_ = now(); }
    void stop(std::size_t items) {
        seconds_ += now() - from_;
        items_ += items;
    }
    [[nodiscard]] std::size_t items() const { return items_; }
    [[nodiscard]] double seconds() const { return seconds_; }
    [[nodiscard]] double per_item() const {
        return seconds_ * static_cast<double>(rte_get_tsc_hz()) /
               static_cast<double>(std::max<std::size_t>(items_, 1));
    }

  private:
    static double now() {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }
    double from_ = 0, seconds_ = 0;
    std::size_t items_ = 0;
};

/// One round of some 65,536 items (tables of 1 M that are filled or walked: of 1 M); owns its table.
using Round = std::function<void(Clocks&)>;
/// Makes the table with so many entries. Throws std::runtime_error if there is no memory for it.
using MakeRound = Round (*)(std::size_t entries);

/// One row: the same work done by both. The FDB's alone where rte_hash has nothing like it.
struct FdbRow {
    const char* what;
    const char* fdb_name;
    MakeRound fdb;
    const char* hash_name;
    MakeRound hash;
};
extern const FdbRow fdb_rows[];
extern const std::size_t fdb_row_count;
constexpr std::size_t fdb_sizes[] = {1'000, 100'000, 1'000'000};

/// Makes each side of each row a Google benchmark.
void register_fdb_benchmarks();
/// Prints the table of perf/RESULTS.md: all rows, the two sides in turns.
void print_fdb_table(unsigned rounds, const char* only);

}  // namespace weft::perf
