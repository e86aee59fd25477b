// Devices of /dev/net/tun that weft makes for a program.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <cstring>

#include "control/kernel/ingress_drop.hpp"
#include "control/kernel/tap.hpp"
#include "tests/smoke/kernel_namespaces.hpp"

namespace weft::test {
namespace {

class ProgramDeviceTest : public KernelTest {
  protected:
    static TapSettings settings(const ProgramDevice& program) {
        TapSettings made;
        made.up = true;
        made.program = program;
        return made;
    }
    Result<KernelTap> open_tap(const std::string& name, const ProgramDevice& program) {
        return KernelTap::open(*netns_, *netlink_, name, socket_, settings(program));
    }
    /// The program's descriptor; empty if the kernel refuses it.
    Descriptor attach(const std::string& name, int flags) {
        auto attached = run_in(*netns_, [&]() -> Result<Descriptor> {
            Descriptor file{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
            ifreq request{};
            name.copy(request.ifr_name, IFNAMSIZ - 1);
            request.ifr_flags = static_cast<short>(flags | IFF_NO_PI);
            if (ioctl(file.get(), TUNSETIFF, &request) != 0) return refuse(std::strerror(errno));
            return file;
        });
        return attached ? std::move(*attached) : Descriptor{};
    }
    std::set<int> tables() {
        auto found = host_ingress_devices(*netns_, socket_);
        return found ? *found : std::set<int>{-1};
    }
};

TEST_F(ProgramDeviceTest, IsMarkedLastsAndIsNobodysYet) {
    auto tap = open_tap("t0", {.multi_queue = true, .user = 1000, .group = 7});
    ASSERT_TRUE(tap) << tap.error().message;
    const auto kernel = link("t0");
    EXPECT_EQ(kernel.alias, "weft:" + socket_);
    EXPECT_EQ(kernel.tun, (KernelTun{.tun = false, .multi_queue = true, .owner = 1000, .group = 7}));
    EXPECT_TRUE(kernel.up());
    EXPECT_FALSE(kernel.carrier) << "no program has it open";
    EXPECT_LT(tap->descriptor(), 0);
    EXPECT_EQ(tables(), std::set<int>{tap->index()});
    const Descriptor one = attach("t0", IFF_TAP | IFF_MULTI_QUEUE),
                     two = attach("t0", IFF_TAP | IFF_MULTI_QUEUE);
    EXPECT_TRUE(one);
    EXPECT_TRUE(two);
    EXPECT_TRUE(link("t0").carrier);
}

TEST_F(ProgramDeviceTest, GoesWithItsTableThoughAProgramHasItOpen) {
    auto tap = open_tap("t0", {.tun = true});
    ASSERT_TRUE(tap) << tap.error().message;
    EXPECT_TRUE(link("t0").tun->tun);
    const Descriptor program = attach("t0", IFF_TUN);
    ASSERT_TRUE(program);
    ASSERT_TRUE(tap->remove());
    EXPECT_FALSE(exists("t0"));
    EXPECT_EQ(tables(), std::set<int>{});
}

TEST_F(ProgramDeviceTest, IsAdoptedWhileAProgramHasItOpen) {
    crash_after([&] { return static_cast<bool>(open_tap("t0", {.user = 5})); });
    const int index = link("t0").index;
    const Descriptor program = attach("t0", IFF_TAP);
    ASSERT_TRUE(program);
    auto tap = open_tap("t0", {.user = 5});
    ASSERT_TRUE(tap) << tap.error().message;
    EXPECT_TRUE(tap->adopted());
    EXPECT_EQ(tap->index(), index);
    EXPECT_TRUE(link("t0").carrier);
    EXPECT_EQ(tables(), std::set<int>{index});
}

TEST_F(ProgramDeviceTest, OneOfAnotherNatureIsMadeAnew) {
    crash_after([&] { return static_cast<bool>(open_tap("t0", {})); });
    const Descriptor program = attach("t0", IFF_TAP);
    const int index = link("t0").index;
    {
        auto tun = open_tap("t0", {.tun = true});
        ASSERT_TRUE(tun) << tun.error().message;
        EXPECT_FALSE(tun->adopted());
        EXPECT_NE(tun->index(), index);
        EXPECT_EQ(tables(), std::set<int>{tun->index()});
    }
    auto own = KernelTap::open(*netns_, *netlink_, "t0", socket_, {});
    ASSERT_TRUE(own) << own.error().message;
    EXPECT_GE(own->descriptor(), 0);
    EXPECT_EQ(tables(), std::set<int>{});
}

TEST_F(ProgramDeviceTest, OneOfALiveDaemonIsRefused) {
    auto tap = open_tap("t0", {});
    ASSERT_TRUE(tap);
    auto second = open_tap("t0", {});
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().message.starts_with("t0 is the device of a port of another weftd that lives"))
        << second.error().message;
    EXPECT_FALSE(remove_leftover_taps(*netns_, *netlink_, socket_));
    EXPECT_TRUE(exists("t0"));
}

TEST_F(ProgramDeviceTest, LeftoversGoThoughAProgramHasThemOpenAndTablesWithoutDevice) {
    crash_after([&] { return open_tap("t0", {}) && open_tap("t1", {.tun = true}) && open_tap("t2", {}); });
    const Descriptor program = attach("t0", IFF_TAP);
    ASSERT_TRUE(program);
    must(host_->ip + "link del t2");
    auto kept = open_tap("t1", {.tun = true});
    ASSERT_TRUE(kept);
    auto removed = remove_leftover_taps(*netns_, *netlink_, socket_, {"t1"});
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(*removed, std::set<std::string>{"t0"});
    EXPECT_EQ(tables(), std::set<int>{kept->index()});
}

// What arrives at the device: what is for the host, of a bridge member link-local groups only.
TEST_F(ProgramDeviceTest, TheTableFollowsTheBridge) {
    auto tap = open_tap("t0", {});
    ASSERT_TRUE(tap);
    const auto rules = [&] { return shell(host_->exec("nft list ruleset")); };
    EXPECT_NE(rules().find("policy drop"), std::string::npos) << rules();
    EXPECT_NE(rules().find("fib daddr type"), std::string::npos) << rules();
    ASSERT_TRUE(tap->set_bridge_member(true));
    EXPECT_EQ(rules().find("fib daddr type"), std::string::npos) << rules();
    EXPECT_EQ(rules().find("arp"), std::string::npos) << rules();
    EXPECT_NE(rules().find("01:80:c2:00:00:00"), std::string::npos) << rules();
    ASSERT_TRUE(tap->set_bridge_member(false));
    EXPECT_NE(rules().find("fib daddr type"), std::string::npos) << rules();
}

}  // namespace
}  // namespace weft::test
