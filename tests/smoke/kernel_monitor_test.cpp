#include "control/kernel/monitor.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <vector>

#include "control/kernel/tap.hpp"
#include "tests/smoke/kernel_namespaces.hpp"

namespace weft::test {
namespace {

class KernelMonitorTest : public KernelTest {
  protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        TapSettings settings;
        settings.up = settings.carrier = true;
        auto tap = KernelTap::open(*netns_, *netlink_, "br0", socket_, settings);
        ASSERT_TRUE(tap) << tap.error().message;
        tap_.emplace(std::move(*tap));
        KernelMonitor::Callbacks callbacks;
        callbacks.link = [this](const KernelLink& link) {
            if (link.name == "br0") last_ = link;
        };
        callbacks.link_gone = [this](const KernelLink& link) { gone_.push_back(link.name); };
        callbacks.address = [this](const KernelAddress& address, bool added) {
            addresses_.push_back((added ? "+" : "-") + address.address);
        };
        callbacks.resync = [this] { ++resyncs_; };
        auto monitor = KernelMonitor::open(*netns_, std::move(callbacks));
        ASSERT_TRUE(monitor) << monitor.error().message;
        monitor_.emplace(std::move(*monitor));
    }
    void TearDown() override {
        monitor_.reset();
        tap_.reset();
        KernelTest::TearDown();
    }
    bool until(const std::function<bool()>& condition) {
        return eventually([&] {
            pollfd ready{monitor_->descriptor(), POLLIN, 0};
            if (poll(&ready, 1, 0) > 0) monitor_->on_readable();
            return condition();
        });
    }
    std::optional<KernelTap> tap_;
    std::optional<KernelMonitor> monitor_;
    KernelLink last_;
    std::vector<std::string> gone_, addresses_;
    int resyncs_ = 0;
};

TEST_F(KernelMonitorTest, TellsOfWhatTheAdministratorDoesToATap) {
    must(host_->ip + "link set br0 down");
    EXPECT_TRUE(until([&] { return last_.index == tap_->index() && !last_.up(); }));
    EXPECT_EQ(last_.alias, tap_alias(socket_));
    must(host_->ip + "link set br0 up");
    EXPECT_TRUE(until([&] { return last_.up(); }));
    must(host_->ip + "link set br0 mtu 1400");
    EXPECT_TRUE(until([&] { return last_.mtu == 1400; }));
    must(host_->ip + "link set br0 address 02:00:00:00:00:99");
    EXPECT_TRUE(until([&] { return to_string(last_.mac) == "02:00:00:00:00:99"; }));
    ASSERT_TRUE(tap_->set_carrier(false));
    EXPECT_TRUE(until([&] { return !last_.carrier; }));
    must(host_->ip + "link del br0");
    EXPECT_TRUE(until([&] { return !gone_.empty() && gone_.front() == "br0"; }));
    EXPECT_EQ(resyncs_, 0);
}

TEST_F(KernelMonitorTest, TellsOfAddresses) {
    must(host_->ip + "addr add 10.3.0.1/24 dev br0");
    must(host_->ip + "addr del 10.3.0.1/24 dev br0");
    EXPECT_TRUE(until([&] {
        const auto seen = [&](const char* text) {
            return std::find(addresses_.begin(), addresses_.end(), text) != addresses_.end();
        };
        return seen("+10.3.0.1/24") && seen("-10.3.0.1/24");
    }));
}

TEST_F(KernelMonitorTest, ABridgePortThatLeavesIsNotADeviceThatEnds) {
    must(host_->ip + "link add lan type bridge");
    must(host_->ip + "link set br0 master lan");
    must(host_->ip + "link set br0 nomaster");
    must(host_->ip + "link set br0 mtu 1300");
    EXPECT_TRUE(until([&] { return last_.mtu == 1300; }));
    EXPECT_TRUE(gone_.empty());
}

TEST_F(KernelMonitorTest, LostNotificationsAreSaid) {
    const int least = 1;
    setsockopt(monitor_->descriptor(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    for (std::uint32_t mtu = 1300; mtu < 1400; ++mtu)
        ASSERT_TRUE(tap_->set_mtu(mtu));
    EXPECT_TRUE(until([&] { return resyncs_ > 0; }));
    ASSERT_TRUE(tap_->set_mtu(1450));
    EXPECT_TRUE(until([&] { return last_.mtu == 1450; })) << "it goes on afterwards";
}

}  // namespace
}  // namespace weft::test
