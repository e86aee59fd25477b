// Memory of connections that are not there yet.
#include "dataplane/flow/ahead.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>

namespace weft {
namespace {

/// The page of this entry is there.
bool is_there(const FlowPool& pool, std::uint32_t index) {
    constexpr std::uintptr_t page = 4096;
    const auto at = reinterpret_cast<std::uintptr_t>(&pool[index]) & ~(page - 1);
    unsigned char seen = 0;
    return mincore(reinterpret_cast<void*>(at), 1, &seen) == 0 && seen & 1;
}
bool comes(const FlowPool& pool, std::uint32_t index) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!is_there(pool, index) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return is_there(pool, index);
}

TEST(FlowAhead, MemoryIsThereBeforeConnectionsAreAndNoMoreThanThat) {
    constexpr std::uint32_t capacity = 600'000, ahead = FlowAhead::distance / sizeof(FlowEntry);
    FlowPool pool(capacity, 1);
    ASSERT_FALSE(is_there(pool, ahead / 2));
    const FlowAhead thread(pool);
    ASSERT_TRUE(comes(pool, ahead / 2)) << "needs Linux 5.14";
    ASSERT_TRUE(comes(pool, ahead - 1));
    const std::uint32_t used = 100'000;
    for (std::uint32_t i = 0; i < used; ++i)
        ASSERT_NE(pool.allocate(0), 0u);
    EXPECT_TRUE(comes(pool, used + ahead - 1));
    EXPECT_EQ(pool[used + ahead - 1].state.status, 0);
    EXPECT_FALSE(is_there(pool, capacity - 1));
}

TEST(FlowAhead, ASmallPoolIsTouchedToItsEnd) {
    FlowPool pool(1000, 2);
    const FlowAhead thread(pool);
    EXPECT_TRUE(comes(pool, pool.size() - 1));
}

}  // namespace
}  // namespace weft
