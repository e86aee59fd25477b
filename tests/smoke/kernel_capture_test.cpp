#include "control/kernel/capture.hpp"

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <fstream>

#include "control/kernel/sysctl.hpp"
#include "control/kernel/tap.hpp"
#include "tests/smoke/kernel_namespaces.hpp"

namespace weft::test {
namespace {

/// `eth0` in the host's namespace, its other end `far0` with 10.9.0.2 in another. The host answers
/// for 10.9.0.1, an address on its loopback, as Linux does on any device.
class DeviceCaptureTest : public KernelTest {
  protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        far_ = std::make_unique<TestNamespace>("far");
        must(host_->ip + "link add eth0 type veth peer name far0 netns " + far_->name);
        must(far_->ip + "link set far0 up");
        must(far_->ip + "addr add 10.9.0.2/24 dev far0");
        must(host_->ip + "addr add 10.9.0.1/32 dev lo");
    }
    void TearDown() override {
        far_.reset();
        KernelTest::TearDown();
    }
    Result<DeviceCapture> take(const std::string& device = "eth0") {
        return DeviceCapture::take(*netns_, *netlink_, device, socket_);
    }
    std::string disable_ipv6() {
        auto value = read_sysctl(*netns_, "net/ipv6/conf/eth0/disable_ipv6");
        return value ? *value : value.error().message;
    }
    std::string ruleset() { return shell(host_->exec("nft list ruleset")); }
    void expect_untouched(bool up) {
        EXPECT_EQ(link("eth0").up(), up);
        EXPECT_FALSE(link("eth0").flags & IFF_NOARP);
        EXPECT_EQ(disable_ipv6(), "0");
        EXPECT_EQ(ruleset(), "");
        EXPECT_FALSE(std::filesystem::exists(capture_state_path(socket_)));
    }
    bool ping() {
        int status = 0;
        shell(far_->exec("ping -c 1 -W 1 10.9.0.1"), &status);
        return status == 0;
    }
    std::unique_ptr<TestNamespace> far_;
};

TEST_F(DeviceCaptureTest, TheDeviceIsTakenAndGivenBack) {
    {
        auto capture = take();
        ASSERT_TRUE(capture) << capture.error().message;
        EXPECT_EQ(capture->index(), link("eth0").index);
        EXPECT_TRUE(link("eth0").up());
        EXPECT_TRUE(link("eth0").flags & IFF_NOARP);
        EXPECT_EQ(disable_ipv6(), "1");
        EXPECT_NE(ruleset().find("policy drop"), std::string::npos) << ruleset();
        EXPECT_TRUE(std::filesystem::exists(capture_state_path(socket_)));
    }
    expect_untouched(false);
}

TEST_F(DeviceCaptureTest, WhatWasSetBeforeStaysSo) {
    must(host_->ip + "link set eth0 up arp off");
    ASSERT_TRUE(write_sysctl(*netns_, "net/ipv6/conf/eth0/disable_ipv6", "1"));
    auto capture = take();
    ASSERT_TRUE(capture);
    ASSERT_TRUE(capture->release());
    EXPECT_TRUE(capture->release());
    EXPECT_TRUE(link("eth0").up());
    EXPECT_TRUE(link("eth0").flags & IFF_NOARP);
    EXPECT_EQ(disable_ipv6(), "1");
    EXPECT_EQ(ruleset(), "");
}

TEST_F(DeviceCaptureTest, TheKernelAnswersNothingButPacketSocketsSeeAll) {
    must(host_->ip + "link set eth0 up");
    must(host_->ip + "route add 10.9.0.2/32 dev eth0");
    ASSERT_TRUE(eventually([&] { return ping(); }));
    must(far_->ip + "neigh flush dev far0");
    auto capture = take();
    ASSERT_TRUE(capture) << capture.error().message;
    auto opened = run_in(*netns_, []() -> Result<int> {
        return socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, be16{ETH_P_ALL}.raw());
    });
    const Descriptor packets{*opened};
    EXPECT_FALSE(ping());
    int requests = 0;
    std::array<std::uint8_t, 2048> frame;
    for (ssize_t n; (n = recv(packets.get(), frame.data(), frame.size(), 0)) > 0;)
        requests += n >= 42 && frame[12] == 0x08 && frame[13] == 0x06 && frame[21] == 1;
    EXPECT_GT(requests, 0) << "ARP requests of the far end";
    ASSERT_TRUE(capture->release());
    EXPECT_TRUE(eventually([&] { return ping(); }));
}

TEST_F(DeviceCaptureTest, ADeviceThatIsInUseIsRefused) {
    must(host_->ip + "addr add 10.0.0.5/24 dev eth0");
    auto capture = take();
    ASSERT_FALSE(capture);
    EXPECT_EQ(capture.error().message, "eth0 has 10.0.0.5/24: move it to the port first");
    must(host_->ip + "addr flush dev eth0");
    must(host_->ip + "link set eth0 up");
    must(host_->ip + "addr add fd00::5/64 dev eth0 nodad");
    capture = take();
    ASSERT_FALSE(capture);
    EXPECT_EQ(capture.error().message, "eth0 has fd00::5/64: move it to the port first");
    must(host_->ip + "addr del fd00::5/64 dev eth0");
    must(host_->ip + "link add lan type bridge");
    must(host_->ip + "link set eth0 master lan");
    capture = take();
    ASSERT_FALSE(capture);
    EXPECT_EQ(capture.error().message,
              "eth0 is a member of lan: take it out first (ip link set eth0 nomaster)");
    must(host_->ip + "link set eth0 nomaster");
    capture = take("eth9");
    ASSERT_FALSE(capture);
    EXPECT_EQ(capture.error().message, "there is no device eth9 in the namespace weftd was started in");
    EXPECT_FALSE(take("lo"));
    expect_untouched(true);
    capture = take();
    EXPECT_TRUE(capture) << "a link-local address is no obstacle";
    auto again = take();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message, "eth0 is the device of a port already");
}

TEST_F(DeviceCaptureTest, ADeviceOfAnotherLiveDaemonIsRefusedAndLeftAlone) {
    const auto other = (folder_ / "other.sock").string();
    const auto held = fmt::format(
        "eth0 is the device of a port of another weftd that lives (process {}): remove that port first",
        getpid());
    {
        auto capture = take();
        ASSERT_TRUE(capture);
        auto second = DeviceCapture::take(*netns_, *netlink_, "eth0", other);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().message, held);
        EXPECT_FALSE(std::filesystem::exists(capture_state_path(other)));
        // One that was started on the same socket after its file was removed.
        auto undone = undo_leftover_captures(*netns_, *netlink_, socket_);
        ASSERT_TRUE(undone);
        EXPECT_TRUE(undone->empty());
        EXPECT_EQ(disable_ipv6(), "1");
        auto left = check_captures_are_left(*netns_, socket_);
        ASSERT_FALSE(left);
        EXPECT_NE(left.error().message.find(held), std::string::npos) << left.error().message;
        auto adopted = DeviceCapture::take(*netns_, *netlink_, "eth0", socket_, true);
        ASSERT_FALSE(adopted);
        EXPECT_EQ(adopted.error().message, held);
    }
    expect_untouched(false);
    EXPECT_TRUE(check_captures_are_left(*netns_, socket_));
    EXPECT_TRUE(DeviceCapture::take(*netns_, *netlink_, "eth0", other));
}

TEST_F(DeviceCaptureTest, AWeftTapIsRefused) {
    auto tap = KernelTap::open(*netns_, *netlink_, "br0", socket_, {});
    ASSERT_TRUE(tap);
    auto capture = take("br0");
    ASSERT_FALSE(capture);
    EXPECT_EQ(capture.error().message, "br0 is a TAP of weft and cannot be the device of a port");
}

TEST_F(DeviceCaptureTest, TheNextStartUndoesWhatACrashLeft) {
    crash_after([&] {
        new auto(take());
        return true;
    });
    EXPECT_EQ(disable_ipv6(), "1");
    EXPECT_NE(ruleset(), "");
    EXPECT_FALSE(take()) << "not before it is undone";
    auto undone = undo_leftover_captures(*netns_, *netlink_, socket_);
    ASSERT_TRUE(undone) << undone.error().message;
    EXPECT_EQ(*undone, std::vector<std::string>{"eth0"});
    expect_untouched(false);
    undone = undo_leftover_captures(*netns_, *netlink_, socket_);
    ASSERT_TRUE(undone);
    EXPECT_TRUE(undone->empty());
    EXPECT_TRUE(take());
}

TEST_F(DeviceCaptureTest, MtuAndMacOfBeforeArePutBackAfterACrash) {
    const auto before = link("eth0");
    crash_after([&] {
        auto* capture = new auto(take());
        if (!(*capture)->remember_mtu() || !netlink_->set_mtu(before.index, 1400)) return false;
        if (!(*capture)->remember_mac() || !netlink_->set_mac(before.index, *parse_mac("02:00:00:00:00:01")))
            return false;
        // Only the first value is what was there before.
        if (!(*capture)->remember_mtu() || !(*capture)->remember_mac()) return false;
        return bool(netlink_->set_mtu(before.index, 1300));
    });
    EXPECT_EQ(link("eth0").mtu, 1300U);
    auto undone = undo_leftover_captures(*netns_, *netlink_, socket_);
    ASSERT_TRUE(undone) << undone.error().message;
    EXPECT_EQ(link("eth0").mtu, before.mtu);
    EXPECT_EQ(to_string(link("eth0").mac), to_string(before.mac));
    expect_untouched(false);
}

TEST_F(DeviceCaptureTest, WhatACrashLeftIsAdopted) {
    const auto mtu = link("eth0").mtu;
    crash_after([&] {
        auto* capture = new auto(take());
        return (*capture)->remember_mtu() && netlink_->set_mtu((*capture)->index(), 1400);
    });
    {
        auto capture = DeviceCapture::take(*netns_, *netlink_, "eth0", socket_, true);
        ASSERT_TRUE(capture) << capture.error().message;
        EXPECT_EQ(link("eth0").mtu, mtu) << "what the dead one set is not what was there before";
        auto undone = undo_leftover_captures(*netns_, *netlink_, socket_, {capture->index()});
        ASSERT_TRUE(undone);
        EXPECT_TRUE(undone->empty());
        EXPECT_NE(ruleset().find("policy drop"), std::string::npos) << ruleset();
        EXPECT_EQ(disable_ipv6(), "1");
    }
    expect_untouched(false);
}

TEST_F(DeviceCaptureTest, WhatIsLeftTakenStaysTaken) {
    auto capture = take();
    ASSERT_TRUE(capture);
    capture->leave();
    ASSERT_TRUE(capture->release());
    EXPECT_TRUE(link("eth0").flags & IFF_NOARP);
    EXPECT_NE(ruleset(), "");
    auto undone = undo_leftover_captures(*netns_, *netlink_, socket_);
    ASSERT_TRUE(undone);
    EXPECT_EQ(*undone, std::vector<std::string>{"eth0"});
    expect_untouched(false);
}

TEST_F(DeviceCaptureTest, ARecordWithoutMtuAndMacIsRead) {
    std::ofstream(capture_state_path(socket_))
        << "captured eth0 " << link("eth0").index << ' ' << netns_->inode() << " 0 0 0\n";
    auto undone = undo_leftover_captures(*netns_, *netlink_, socket_);
    ASSERT_TRUE(undone) << undone.error().message;
    EXPECT_EQ(*undone, std::vector<std::string>{"eth0"});
    expect_untouched(false);
}

TEST_F(DeviceCaptureTest, AnotherNamespacesDeviceIsLeftAlone) {
    crash_after([&] {
        new auto(take());
        return true;
    });
    auto far = Netns::open(far_->name);
    auto netlink = Netlink::open(*far);
    auto undone = undo_leftover_captures(*far, *netlink, socket_);
    ASSERT_TRUE(undone);
    EXPECT_TRUE(undone->empty());
}

TEST_F(DeviceCaptureTest, ADeviceThatVanishedIsNoError) {
    auto capture = take();
    ASSERT_TRUE(capture);
    must(host_->ip + "link del eth0");
    auto released = capture->release();
    EXPECT_TRUE(released) << released.error().message;
    EXPECT_EQ(ruleset(), "");
    EXPECT_FALSE(std::filesystem::exists(capture_state_path(socket_)));
}

TEST_F(DeviceCaptureTest, ADeviceThatVanishedAfterACrashIsNoError) {
    crash_after([&] {
        new auto(take());
        return true;
    });
    must(host_->ip + "link del eth0");
    auto undone = undo_leftover_captures(*netns_, *netlink_, socket_);
    EXPECT_TRUE(undone) << undone.error().message;
    EXPECT_EQ(ruleset(), "");
    EXPECT_FALSE(std::filesystem::exists(capture_state_path(socket_)));
}

TEST_F(DeviceCaptureTest, SeveralDevicesShareATableUntilTheLastGoes) {
    must(host_->ip + "link add eth1 type veth peer name far1 netns " + far_->name);
    auto first = take("eth0");
    auto second = take("eth1");
    ASSERT_TRUE(first);
    ASSERT_TRUE(second);
    ASSERT_TRUE(first->release());
    EXPECT_EQ(ruleset().find("eth0"), std::string::npos);
    EXPECT_NE(ruleset().find("eth1"), std::string::npos);
    ASSERT_TRUE(second->release());
    expect_untouched(false);
}

TEST_F(DeviceCaptureTest, ASocketPathThatNftDoesNotTakeInANameWorks) {
    socket_ = folder_ / "a b\"{;}.sock";
    auto capture = take();
    ASSERT_TRUE(capture) << capture.error().message;
    ASSERT_TRUE(capture->release());
    expect_untouched(false);
}

}  // namespace
}  // namespace weft::test
