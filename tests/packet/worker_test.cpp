// Workers as threads: which queues they poll, how they sleep, and that a queue has one owner while it moves.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "control/publish/plans.hpp"
#include "dataplane/worker/worker.hpp"
#include "tests/packet/environment.hpp"

namespace weft::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Receives nothing; tells when it was asked, and whether two asked at once.
class SilentPort final : public Port {
  public:
    std::uint16_t receive(std::uint16_t queue, Packet*[], std::uint16_t, ReceiveLoss&) noexcept override {
        if (inside_.exchange(true)) ++overlaps;
        ++calls;
        if (slow)
            for (const auto end = Clock::now() + 20us; Clock::now() < end;) {
            }
        if (queue < descriptors.size()) {
            eventfd_t count;
            if (eventfd_read(descriptors[queue], &count) == 0) seen = Clock::now();
        }
        inside_ = false;
        return 0;
    }
    std::uint16_t transmit(std::uint16_t, Packet*[], std::uint16_t, TransmitLoss&) noexcept override {
        return 0;
    }
    [[nodiscard]] int wait_descriptor(std::uint16_t queue) const noexcept override {
        return queue < descriptors.size() ? descriptors[queue] : -1;
    }
    PortInfo info() override { return {}; }
    Result<> set_up(bool) override { return {}; }
    Result<> set_mtu(std::uint16_t) override { return {}; }
    Result<> set_mac(const MacAddress&) override { return {}; }
    std::vector<std::pair<std::string, std::uint64_t>> statistics() override { return {}; }

    std::vector<int> descriptors;  ///< by queue
    bool slow = false;
    std::atomic<unsigned> calls{0}, overlaps{0};
    std::atomic<Clock::time_point> seen{};

  private:
    std::atomic<bool> inside_{false};
};

class WorkerTest : public ::testing::Test {
  protected:
    void start(unsigned workers) {
        shared_.emplace(std::vector<unsigned>(workers), pool(), 4096, 1, 2);
        for (unsigned w = 0; w < workers; ++w)
            workers_.push_back(std::make_unique<Worker>(*shared_, w));
        for (auto& worker : workers_)
            threads_.emplace_back([&worker] { worker->run(); });
    }
    void TearDown() override {
        shared_->stop = true;
        for (auto* waker : shared_->wakers)
            waker->wake();
        for (auto& thread : threads_)
            thread.join();
    }
    [[nodiscard]] bool falls_asleep(unsigned worker) {
        const auto& sleeps = shared_->workers[worker]->sleeps;
        for (const auto end = Clock::now() + 5s; Clock::now() < end; std::this_thread::sleep_for(1ms))
            if (sleeps % 2 == 1) return true;
        return false;
    }

    SilentPort port_;  // outlives the workers
    std::optional<Shared> shared_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::thread> threads_;
};

TEST_F(WorkerTest, AQueueThatMovesIsNeverPolledByTwo) {
    port_.slow = true;
    start(2);
    shared_->poll_always = true;
    for (int turn = 0; turn < 300; ++turn) {
        std::vector<std::vector<ReceiveQueue>> queues(2);
        queues[static_cast<std::size_t>(turn % 2)] = {{&port_, 0, 1}};
        const auto before = port_.calls.load();
        replace_plans(*shared_, queues);
        for (const auto end = Clock::now() + 1s; port_.calls == before && Clock::now() < end;)
            std::this_thread::yield();
        ASSERT_NE(port_.calls, before) << "its new owner polls it";
    }
    EXPECT_EQ(port_.overlaps, 0u);
    replace_plans(*shared_, std::vector<std::vector<ReceiveQueue>>(2));
    const auto after = port_.calls.load();
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(port_.calls, after);
}

TEST_F(WorkerTest, ASleepingWorkerLetsGoOfADescriptorThatItNoLongerWaitsFor) {
    const auto former = signal(SIGPIPE, SIG_IGN);
    start(1);
    for (int turn = 0; turn < 100; ++turn) {
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        port_.descriptors = {ends[0]};
        replace_plans(*shared_, {{{&port_, 0, 1}}});
        ASSERT_TRUE(falls_asleep(0));
        replace_plans(*shared_, {{}});
        close(ends[0]);
        // poll(2) keeps the file open: as long as somebody waits for it, the pipe has a reader.
        EXPECT_EQ(write(ends[1], "x", 1), -1) << turn;
        EXPECT_EQ(errno, EPIPE);
        close(ends[1]);
    }
    signal(SIGPIPE, former);
}

TEST_F(WorkerTest, MoreDescriptorsThanItCanWaitForAreAllServedSoon) {
    constexpr unsigned queues = 300;
    std::vector<ReceiveQueue> all;
    for (unsigned q = 0; q < queues; ++q) {
        port_.descriptors.push_back(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        all.push_back({&port_, static_cast<std::uint16_t>(q), 1});
    }
    start(1);
    replace_plans(*shared_, {all});
    std::vector<Clock::duration> waits;
    for (int turn = 0; turn < 9; ++turn) {
        ASSERT_TRUE(falls_asleep(0));
        const auto begin = Clock::now();
        ASSERT_EQ(eventfd_write(port_.descriptors.back(), 1), 0);
        while (port_.seen.load() < begin && Clock::now() - begin < 1s)
            std::this_thread::sleep_for(100us);
        waits.push_back(port_.seen.load() - begin);
    }
    std::sort(waits.begin(), waits.end());
    EXPECT_LT(waits[4], 20ms);
    replace_plans(*shared_, {{}});
    for (const int descriptor : port_.descriptors)
        close(descriptor);
}

}  // namespace
}  // namespace weft::test
