// The gate between control and a polling worker; and EAL's arguments.
#include "dataplane/port/gate.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "dataplane/dpdk/eal.hpp"

namespace weft::ports {
namespace {

TEST(PortGate, ClosedAtFirst) {
    Gate gate;
    EXPECT_FALSE(gate.enter());
    gate.open();
    EXPECT_TRUE(gate.enter());
    gate.leave();
    gate.close();
    EXPECT_FALSE(gate.enter());
}

TEST(PortGate, NobodyIsInsideOnceClosed) {
    Gate gate;
    std::atomic<bool> inside{false}, end{false};
    std::thread worker{[&] {
        while (!end) {
            if (!gate.enter()) continue;
            inside = true;
            inside = false;
            gate.leave();
        }
    }};
    for (int turn = 0; turn < 100; ++turn) {
        gate.open();
        gate.close();
        ASSERT_FALSE(inside);
        std::this_thread::yield();
        ASSERT_FALSE(inside);
    }
    end = true;
    worker.join();
}

bool has(const std::vector<std::string>& words, const std::string& first, const std::string& second) {
    const auto at = std::find(words.begin(), words.end(), first);
    return at != words.end() && at + 1 != words.end() && at[1] == second;
}

TEST(EalArguments, WorkersArePinnedAndControlHasItsOwn) {
    const auto words = eal_arguments({.worker_cpus = {2, 5}, .control_cpus = {0, 1}}, true);
    EXPECT_TRUE(has(words, "--lcores", "0@(0,1),1@2,2@5"));
    EXPECT_TRUE(has(words, "--main-lcore", "0"));
    EXPECT_TRUE(has(words, "--file-prefix", "weft-" + std::to_string(getpid())));
    EXPECT_TRUE(has(words, "-a", "0000:00:00.0"));
    EXPECT_EQ(std::count(words.begin(), words.end(), "--in-memory"), 1);
    EXPECT_EQ(std::count(words.begin(), words.end(), "--no-huge"), 0);
    EXPECT_TRUE(has(eal_arguments({.worker_cpus = {3}}, true), "--lcores", "0@(3),1@3"));
}

TEST(EalArguments, OrdinaryPagesExcludeInMemory) {
    const auto words = eal_arguments({.worker_cpus = {0}, .memory_mb = 64}, false);
    EXPECT_TRUE(has(words, "-m", "64"));
    EXPECT_EQ(std::count(words.begin(), words.end(), "--no-huge"), 1);
    EXPECT_EQ(std::count(words.begin(), words.end(), "--in-memory"), 0);
}

TEST(EalArguments, UsersOwnComeLastAndReplaceTheAllowList) {
    const auto words =
        eal_arguments({.worker_cpus = {0}, .extra = {"-a", "0000:3b:00.0", "--log-level", "*:debug"}}, true);
    EXPECT_EQ(words.back(), "*:debug");
    EXPECT_TRUE(has(words, "-a", "0000:3b:00.0"));
}

}  // namespace
}  // namespace weft::ports
