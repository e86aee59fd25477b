// A reader while the table changes, also under TSan: what covers an address all the time is never missed, and
// no hop appears that no route of that moment leads to.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/lpm_reference.hpp"
#include "weft/publish.hpp"

namespace weft::test {
namespace {

/// Addresses of {10, 1, *, …} have a /16 always, with hop 1 or 2. Longer prefixes come and go; each has its
/// length and third byte in its hop, and that is taken out of use, counted in `live`, only after a quiescent
/// round: so a group that was used again too early gives itself away by the third byte of another address.
template <unsigned bytes>
struct Churn {
    static constexpr unsigned longest = 8 * bytes;
    static constexpr unsigned lengths[] = {24, 25, 28, 32, 40, 48, 52, 64, 127, 128};
    static constexpr unsigned length_count = bytes == 4 ? 4 : 10;
    Lpm<bytes> lpm{512};
    Quiescence quiescence{1};
    std::atomic<std::uint32_t> live[8 * (4 * longest + 5)] = {};
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> looked_up{0}, wrong{0}, missed{0};

    static LpmKey<bytes> address(std::mt19937& random) {
        auto key = crowded_address<bytes>(random);
        key[0] = 10;
        key[1] = 1;
        return key;
    }

    static HopIndex hop_of(const LpmKey<bytes>& prefix, unsigned length, unsigned which) {
        return 8 * (4 * length + which) + (length < 24 ? 7 : third_byte(prefix));
    }
    /// 0 to 4, as crowded_address() chooses.
    static unsigned third_byte(const LpmKey<bytes>& key) {
        return key[2] == 0xff ? 4 : key[2] >= 0x7f ? key[2] - 0x7dU : key[2];
    }
    void judge(const LpmKey<bytes>& address, HopIndex hop) {
        if (hop == no_hop) {
            ++missed;
        } else if (hop > 2) {
            const bool known = hop < std::size(live) && live[hop].load(std::memory_order_relaxed) != 0;
            if (!known || (hop % 8 != 7 && hop % 8 != third_byte(address))) ++wrong;
        }
    }

    void read() {
        std::mt19937 random(7);
        quiescence.online(0);
        std::vector<LpmKey<bytes>> pool(64 * batch_size);
        for (auto& key : pool)
            key = address(random);
        for (unsigned round = 0; !stop.load(std::memory_order_relaxed); ++round) {
            const LpmKey<bytes>* const keys = &pool[round % 64 * batch_size];
            HopIndex hops[batch_size];
            for (unsigned i = 0; i < batch_size; ++i)
                judge(keys[i], lpm.find(keys[i]));
            lpm.find(keys, hops, batch_size);
            for (unsigned i = 0; i < batch_size; ++i)
                judge(keys[i], hops[i]);
            looked_up.fetch_add(2 * batch_size, std::memory_order_relaxed);
            quiescence.quiescent(0);
        }
        quiescence.offline(0);
    }

    void write(unsigned updates) {
        std::mt19937 random(3);
        ReferenceLpm<bytes> reference;
        reference.add({10, 1}, 16, 1);
        std::vector<HopIndex> leaving;
        const auto settle = [&] {
            quiescence.synchronize();
            lpm.reclaim();
            for (const HopIndex hop : leaving)
                live[hop].fetch_sub(1, std::memory_order_relaxed);
            leaving.clear();
        };
        for (unsigned n = 0; n < updates; ++n) {
            if (n % 64 == 0) settle();
            const auto prefix = address(random);
            if (random() % 256 == 0) {
                const HopIndex hop = 1 + random() % 2;
                ASSERT_TRUE(lpm.add(prefix, 16, hop));
                reference.add(prefix, 16, hop);
                continue;
            }
            // short ones are rare: they write all the groups
            const unsigned length =
                random() % 128 == 0 ? 17 + random() % 4 : lengths[random() % length_count];
            const auto old = reference.covering(prefix, length + 1);
            const bool known = old.length == length;
            if (known) leaving.push_back(old.hop);
            if (known && random() % 2) {
                const auto covering = reference.covering(prefix, length);
                lpm.remove(prefix, length, covering.hop, covering.length);
                reference.remove(prefix, length);
            } else {
                const HopIndex hop = hop_of(prefix, length, random() % 4);
                live[hop].fetch_add(1, std::memory_order_relaxed);
                if (!lpm.add(prefix, length, hop)) {
                    live[hop].fetch_sub(1, std::memory_order_relaxed);
                    if (known) leaving.pop_back();
                    prune(reference, leaving);
                    settle();
                    continue;
                }
                reference.add(prefix, length, hop);
            }
        }
    }

    /// Takes every second route out.
    void prune(ReferenceLpm<bytes>& reference, std::vector<HopIndex>& leaving) {
        const auto routes = reference.routes();
        bool out = false;
        for (const auto& [prefix, hop] : routes) {
            if (prefix.first <= 16 || (out = !out)) continue;
            const auto covering = reference.covering(prefix.second, prefix.first);
            lpm.remove(prefix.second, prefix.first, covering.hop, covering.length);
            reference.remove(prefix.second, prefix.first);
            leaving.push_back(hop);
        }
    }
};

#if defined(__SANITIZE_THREAD__)
constexpr bool slow = true;  // TSan: a word costs a hundred times as much
#else
constexpr bool slow = false;
#endif

template <unsigned bytes>
void run_churn() {
    constexpr unsigned updates = bytes == 4 ? 120'000 : slow ? 10'000 : 50'000;
    const auto churn = std::make_unique<Churn<bytes>>();
    ASSERT_TRUE(churn->lpm.add({10, 1}, 16, 1));
    std::thread reader([&] { churn->read(); });
    churn->write(updates);
    churn->stop = true;
    reader.join();
    EXPECT_EQ(churn->missed, 0u);
    EXPECT_EQ(churn->wrong, 0u);
    EXPECT_GT(churn->looked_up, 10'000u);
}

TEST(LpmThreads, Ipv4ReaderIsNeverMisled) {
    run_churn<4>();
}
TEST(LpmThreads, Ipv6ReaderIsNeverMisled) {
    run_churn<16>();
}

// Huge pages take the place of ordinary ones, of the table and of the groups, while somebody reads them.
TEST(LpmThreads, ReadersSeeNoPageChange) {
    for (int round = 0; round < (slow ? 1 : 5); ++round) {
        Lpm<4> lpm(4096);
        std::vector<LpmKey<4>> there;
        for (unsigned region = 0; region < 32; ++region) {
            there.push_back({static_cast<std::uint8_t>(region << 3), 1, 1, 1});
            ASSERT_TRUE(lpm.add(there.back(), 32, 1 + region));
        }
        std::atomic<bool> stop{false};
        std::atomic<std::uint64_t> wrong{0}, rounds{0};
        std::thread reader([&] {
            while (!stop.load(std::memory_order_relaxed)) {
                for (unsigned region = 0; region < 32; ++region)
                    wrong += lpm.find(there[region]) != 1 + region;
                ++rounds;
            }
        });
        while (rounds.load() == 0)
            std::this_thread::yield();
        for (unsigned n = 0; n < 4000; ++n)
            ASSERT_TRUE(lpm.add({static_cast<std::uint8_t>(n << 3), static_cast<std::uint8_t>(n >> 4), 9, 9},
                                30, 77));
        stop = true;
        reader.join();
        EXPECT_EQ(wrong, 0u);
    }
}

}  // namespace
}  // namespace weft::test
