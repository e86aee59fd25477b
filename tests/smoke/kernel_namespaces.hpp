// Namespaces, programs and waiting, for tests against the real kernel.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "control/kernel/netlink.hpp"
#include "control/kernel/netns.hpp"

namespace weft::test {

/// Runs a shell command; what it printed, both streams. `status` is its exit status.
inline std::string shell(const std::string& command, int* status = nullptr) {
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    std::string output;
    std::array<char, 4096> block;
    while (const auto n = fread(block.data(), 1, block.size(), pipe))
        output.append(block.data(), n);
    const int ended = pclose(pipe);
    if (status) *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    return output;
}

/// A command that must succeed.
inline void must(const std::string& command) {
    int status = 0;
    const auto output = shell(command, &status);
    ASSERT_EQ(status, 0) << command << "\n" << output;
}

/// A named namespace for the life of this object.
class TestNamespace {
  public:
    explicit TestNamespace(const std::string& suffix)
        : name("wk-" + std::to_string(getpid()) + "-" + suffix), ip("ip -n " + name + " ") {
        must("ip netns add " + name);
        must(ip + "link set lo up");
    }
    ~TestNamespace() { shell("ip netns del " + name); }
    TestNamespace(const TestNamespace&) = delete;
    TestNamespace& operator=(const TestNamespace&) = delete;

    [[nodiscard]] std::string exec(const std::string& command) const {
        return "ip netns exec " + name + " " + command;
    }

    const std::string name;
    const std::string ip;  ///< "ip -n NAME "
};

/// Whether the condition came true within the time.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

/// Runs `work` in a child process that then ends without any clean-up, as if killed.
inline void crash_after(const std::function<bool()>& work) {
    const pid_t child = fork();
    if (child == 0) _exit(work() ? 0 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child could not do its work";
}

/// Root, a namespace `host` with a netlink socket, and a folder for the daemon's socket.
class KernelTest : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "not root: namespaces and TAPs cannot be made";
        host_ = std::make_unique<TestNamespace>("host");
        if (HasFatalFailure()) return;
        auto opened = Netns::open(host_->name);
        ASSERT_TRUE(opened) << opened.error().message;
        netns_ = std::make_unique<Netns>(std::move(*opened));
        auto netlink = Netlink::open(*netns_);
        ASSERT_TRUE(netlink) << netlink.error().message;
        netlink_ = std::make_unique<Netlink>(std::move(*netlink));
        folder_ = std::filesystem::temp_directory_path() / host_->name;
        std::filesystem::create_directory(folder_);
        socket_ = folder_ / "weft.sock";
    }
    void TearDown() override {
        netlink_.reset();
        netns_.reset();
        host_.reset();
        if (!folder_.empty()) std::filesystem::remove_all(folder_);
    }
    [[nodiscard]] KernelLink link(const std::string& name) {
        auto found = netlink_->link(name);
        return found && *found ? **found : KernelLink{};
    }
    [[nodiscard]] std::vector<KernelAddress> addresses(int index = 0) {
        auto all = netlink_->addresses(index);
        return all ? std::move(*all) : std::vector<KernelAddress>{};
    }
    [[nodiscard]] bool exists(const std::string& name) { return link(name).index != 0; }

    std::unique_ptr<TestNamespace> host_;
    std::unique_ptr<Netns> netns_;
    std::unique_ptr<Netlink> netlink_;
    std::filesystem::path folder_;
    std::string socket_;
};

}  // namespace weft::test
