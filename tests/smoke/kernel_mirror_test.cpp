// The mirror against the real kernel: what `ip` does in a namespace is what workers find.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <new>
#include <set>

#include "control/kernel/route_message.hpp"
#include "control/kernel/tap.hpp"
#include "control/route/dump_pace.hpp"
#include "control/route/mirror.hpp"
#include "tests/smoke/kernel_namespaces.hpp"
#include "tests/support/netlink_bytes.hpp"

namespace weft::test {
namespace {

class KernelMirrorTest : public KernelTest {
  protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        for (const std::string name : {"lan", "wan"}) {
            TapSettings settings;
            settings.up = settings.carrier = true;
            auto tap = KernelTap::open(*netns_, *netlink_, name, socket_, settings);
            ASSERT_TRUE(tap) << tap.error().message;
            taps_.push_back(std::move(*tap));
        }
        must(host_->ip + "addr add 10.0.0.1/24 dev lan");
        must(host_->ip + "addr add 192.0.2.1/24 dev wan");
        start();
    }
    void TearDown() override {
        mirror_.reset();
        taps_.clear();
        KernelTest::TearDown();
    }
    void start(std::size_t buffer = 64u << 20) {
        mirror_.reset();
        RouteMirror::Wiring wiring{.routes = {.hops = hops_,
                                              .routing = routing_,
                                              .quiescence = quiescence_,
                                              .log =
                                                  [this](const std::string& line) {
                                                      std::fprintf(stderr, "%s\n", line.c_str());
                                                      const std::lock_guard lock(told_mutex_);
                                                      said_.push_back(line);
                                                  },
                                              .on_neighbour =
                                                  [this](const NextHop& to, NeighbourState state) {
                                                      if (no_memory_.exchange(false)) throw std::bad_alloc();
                                                      const std::lock_guard lock(told_mutex_);
                                                      told_.emplace_back(to, state);
                                                  }},
                                   .wanted =
                                       [this] {
                                           const std::lock_guard lock(told_mutex_);
                                           return std::exchange(wanted_, {});
                                       },
                                   .cpus = {},
                                   .buffer = buffer};
        auto mirror = RouteMirror::start(*netns_, std::move(wiring));
        ASSERT_TRUE(mirror) << mirror.error().message;
        mirror_ = std::move(*mirror);
        mirror_->set({.interfaces = {{taps_[0].index(), 1}, {taps_[1].index(), 2}}});
        ASSERT_TRUE(mirror_->wait_until_in_step(60000));
    }
    const Hop& look(const std::string& address) {
        const auto& table = routing_.get().tables[0];
        const auto bytes = ip(address.c_str()).bytes;
        if (address.find(':') != std::string::npos) return hops_[table.v6 ? table.v6->find(bytes) : no_hop];
        return hops_[table.v4 ? table.v4->find({bytes[0], bytes[1], bytes[2], bytes[3]}) : no_hop];
    }
    bool becomes(const std::string& address, HopKind kind, IfIndex interface = no_interface) {
        return eventually([&] {
            const Hop& hop = look(address);
            return hop.kind == kind && (interface == no_interface || hop.interface == interface);
        });
    }
    /// Runs `ip -batch` on a file of lines.
    void batch(const std::string& lines, const std::string& options = "") {
        const auto file = folder_ / "batch";
        std::ofstream(file) << lines;
        must(host_->ip + options + " -batch " + file.string());
    }

    void ask(const NextHop& to) {
        {
            const std::lock_guard lock(told_mutex_);
            wanted_.push_back(to);
        }
        mirror_->ask();
    }
    bool was_told(const NextHop& to, NeighbourState state,
                  std::chrono::milliseconds limit = std::chrono::seconds(5)) {
        return eventually(
            [&] {
                const std::lock_guard lock(told_mutex_);
                return std::find(told_.begin(), told_.end(), std::pair(to, state)) != told_.end();
            },
            limit);
    }

    bool was_said(const std::string& words) {
        return eventually([&] {
            const std::lock_guard lock(told_mutex_);
            return std::any_of(said_.begin(), said_.end(), [&](const std::string& line) {
                return line.find(words) != std::string::npos;
            });
        });
    }

    std::atomic<bool> no_memory_{false};  ///< the next allocation fails
    std::vector<std::string> said_;
    std::mutex told_mutex_;
    std::vector<NextHop> wanted_;
    std::vector<std::pair<NextHop, NeighbourState>> told_;
    HopTable hops_;
    Published<Routing> routing_;
    Quiescence quiescence_{1};
    std::vector<KernelTap> taps_;
    std::unique_ptr<RouteMirror> mirror_;
};

TEST_F(KernelMirrorTest, FollowsWhatTheAdministratorDoes) {
    EXPECT_EQ(look("10.0.0.1").kind, HopKind::local);
    EXPECT_EQ(look("10.0.0.255").kind, HopKind::broadcast);
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::connected);
    EXPECT_EQ(look("127.1.2.3").kind, HopKind::local);
    must(host_->ip + "route add default via 192.0.2.9");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
    must(host_->ip + "route add 8.8.0.0/16 nexthop via 10.0.0.2 nexthop via 192.0.2.3 weight 3");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::group));
    must(host_->ip + "route replace 8.8.0.0/16 via 10.0.0.2");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 1));
    must(host_->ip + "route add prohibit 8.8.8.0/24");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::prohibit));
    must(host_->ip + "route del prohibit 8.8.8.0/24");
    must(host_->ip + "route del 8.8.0.0/16");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
    must(host_->ip + "-6 addr add fd00::1/64 dev lan nodad");
    must(host_->ip + "-6 route add default via fd00::2");
    EXPECT_TRUE(becomes("2001:db8::1", HopKind::neighbour, 1));
    EXPECT_TRUE(becomes("fd00::1", HopKind::local));
    must(host_->ip + "-6 route append 2001:db8::/32 via fd00::3");
    must(host_->ip + "-6 route append 2001:db8::/32 via fd00::4");
    EXPECT_TRUE(becomes("2001:db8::1", HopKind::group));
    must(host_->ip + "-6 route del 2001:db8::/32 via fd00::4");
    EXPECT_TRUE(becomes("2001:db8::1", HopKind::neighbour));
}

TEST_F(KernelMirrorTest, RoutesThatDifferInMetricsAloneAreTwo) {
    must(host_->ip + "route add 8.0.0.0/8 via 192.0.2.9 initcwnd 10");
    must(host_->ip + "route append 8.0.0.0/8 via 192.0.2.9 initcwnd 20");
    must(host_->ip + "route append 8.0.0.0/8 via 192.0.2.9 initcwnd 20 realms 5");
    must(host_->ip + "route append 8.0.0.0/8 via 192.0.2.9 initcwnd 20 congctl reno");
    must(host_->ip + "route append 8.0.0.0/8 via 192.0.2.9 dev wan onlink initcwnd 20");
    for (const std::string gone :
         {"initcwnd 10", "initcwnd 20", "initcwnd 20 realms 5", "initcwnd 20 congctl reno"}) {
        must(host_->ip + "route del 8.0.0.0/8 via 192.0.2.9 " + gone);
        ASSERT_TRUE(mirror_->wait_until_in_step(5000));
        EXPECT_EQ(look("8.8.8.8").kind, HopKind::neighbour) << gone;
    }
    must(host_->ip + "route del 8.0.0.0/8");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::none));
}

// net/ipv4/fib_semantics.c, fib_sync_down_dev: no RTM_DELROUTE is sent.
TEST_F(KernelMirrorTest, RoutesThatTheKernelForgetsWithoutAWordGo) {
    must(host_->ip + "route add 8.0.0.0/8 via 192.0.2.9");
    must(host_->ip + "route add 9.0.0.0/8 nexthop via 10.0.0.2 nexthop via 192.0.2.9");
    ASSERT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
    ASSERT_TRUE(becomes("9.9.9.9", HopKind::group));
    must(host_->ip + "link set wan down");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::none));
    EXPECT_TRUE(eventually([&] {
        const Hop& group = look("9.9.9.9");
        if (group.kind != HopKind::group) return false;
        for (std::uint32_t i = 0; i < 1u << group.bucket_bits; ++i)
            if (hops_[hops_.bucket(group.first_bucket + i)].interface != 1) return false;
        return true;
    })) << "the next hop that is left takes all";
    must(host_->ip + "link set wan up");
    EXPECT_TRUE(becomes("192.0.2.77", HopKind::connected, 2));
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::none)) << "as in the kernel, it does not come back";
}

TEST_F(KernelMirrorTest, AFlappingDeviceHasFewDumpsAndIsThenRight) {
    must(host_->ip + "route add 8.0.0.0/8 via 192.0.2.9");
    ASSERT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
    std::string lines;
    for (int i = 0; i < 200; ++i)
        lines += "link set wan down\nlink set wan up\n";
    const auto before = mirror_->counts().dumps;
    const auto began = std::chrono::steady_clock::now();
    batch(lines + "route add 9.0.0.0/8 via 192.0.2.9\nlink set wan down\n");
    EXPECT_TRUE(becomes("9.9.9.9", HopKind::none));
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::none));
    ASSERT_TRUE(eventually([&] {
        return mirror_->with([](const Routes& r) { return r.tables4().ribs().at(RT_TABLE_MAIN).size(); }) ==
               1;
    })) << "but for the network of lan the kernel has none";
    const auto rounds = (std::chrono::steady_clock::now() - began) / DumpPace::least + 2;
    EXPECT_LE(mirror_->counts().dumps - before, 4 * static_cast<std::uint64_t>(rounds));
}

TEST_F(KernelMirrorTest, ALostCarrierTakesNextHopObjectsAlong) {
    must(host_->ip + "nexthop add id 1 via 192.0.2.9 dev wan");
    must(host_->ip + "nexthop add id 2 via 10.0.0.9 dev lan");
    must(host_->ip + "nexthop add id 3 group 1/2");
    must(host_->ip + "route add 8.0.0.0/8 nhid 3");
    must(host_->ip + "route add 9.0.0.0/8 nhid 1");
    must(host_->ip + "route add 9.0.0.0/8 via 10.0.0.9 metric 100");
    ASSERT_TRUE(becomes("8.8.8.8", HopKind::group));
    ASSERT_TRUE(becomes("9.9.9.9", HopKind::neighbour, 2));
    ASSERT_TRUE(taps_[1].set_carrier(false));
    EXPECT_TRUE(becomes("9.9.9.9", HopKind::neighbour, 1));
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 1));
    ASSERT_TRUE(taps_[1].set_carrier(true));
    ASSERT_TRUE(mirror_->wait_until_in_step(5000));
    EXPECT_TRUE(becomes("9.9.9.9", HopKind::neighbour, 1)) << "as in the kernel, it does not come back";
}

TEST_F(KernelMirrorTest, ALinkWithoutCarrierIsIgnoredWhereItIsToBe) {
    must(host_->ip + "route add 8.0.0.0/8 via 192.0.2.9");
    must(host_->ip + "route add 8.0.0.0/8 via 10.0.0.9 metric 100");
    ASSERT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
    ASSERT_TRUE(taps_[1].set_carrier(false));
    ASSERT_TRUE(mirror_->wait_until_in_step(5000));
    EXPECT_EQ(look("8.8.8.8").interface, 2);
    const auto set = [&](const std::string& of, char to) {
        must(host_->exec("sysctl -wq net.ipv4.conf." + of + ".ignore_routes_with_linkdown=") + to);
    };
    set("all", '1');
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 1));
    start();
    EXPECT_EQ(look("8.8.8.8").interface, 1) << "also what is set before";
    set("wan", '1');
    set("all", '0');
    ASSERT_TRUE(taps_[1].set_carrier(true));
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
    ASSERT_TRUE(taps_[1].set_carrier(false));
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 1));
    set("wan", '0');
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
}

TEST_F(KernelMirrorTest, AnIpv6RouteEndsWithItsLifetime) {
    must(host_->ip + "-6 addr add fd00::1/64 dev lan nodad");
    must(host_->ip + "-6 route add 2001:db8::/32 via fd00::2");
    must(host_->ip + "-6 route add 2001:db8::/48 via fd00::3 expires 1");
    const auto gateway = [&] { return look("2001:db8::1").gateway; };
    ASSERT_TRUE(eventually([&] { return gateway() == ip("fd00::3"); }));
    EXPECT_TRUE(eventually([&] { return gateway() == ip("fd00::2"); }, std::chrono::seconds(3)));
}

TEST_F(KernelMirrorTest, RoutesOfADeviceGoWithItsLastAddress) {
    must(host_->ip + "addr add 198.51.100.1/24 dev wan");
    must(host_->ip + "route add 8.0.0.0/8 via 192.0.2.9");
    must(host_->ip + "route add 8.0.0.0/8 via 10.0.0.9 metric 100");
    must(host_->ip + "route add 9.0.0.0/8 nexthop via 10.0.0.2 nexthop via 192.0.2.9");
    ASSERT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 2));
    must(host_->ip + "addr del 192.0.2.1/24 dev wan");
    ASSERT_TRUE(mirror_->wait_until_in_step(5000));
    EXPECT_EQ(look("8.8.8.8").interface, 2) << "it has another address";
    must(host_->ip + "addr flush dev wan");
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 1));
    const auto has_both = [&] {
        const Hop& group = look("9.9.9.9");
        std::set<IfIndex> interfaces;
        if (group.kind == HopKind::group)
            for (std::uint32_t i = 0; i < 1u << group.bucket_bits; ++i)
                interfaces.insert(hops_[hops_.bucket(group.first_bucket + i)].interface);
        return interfaces.size() == 2;
    };
    EXPECT_TRUE(eventually([&] { return !has_both(); }));
    must(host_->ip + "addr add 192.0.2.1/24 dev wan");
    EXPECT_TRUE(eventually(has_both)) << "the next hop lives again";
}

TEST_F(KernelMirrorTest, NextHopObjectsAndTheirEnd) {
    must(host_->ip + "nexthop add id 1 via 192.0.2.9 dev wan");
    must(host_->ip + "nexthop add id 2 via 10.0.0.9 dev lan");
    must(host_->ip + "nexthop add id 3 group 1/2,3");
    must(host_->ip + "route add 8.0.0.0/8 nhid 3");
    must(host_->ip + "route add 9.0.0.0/8 nhid 1");
    ASSERT_TRUE(becomes("8.8.8.8", HopKind::group));
    ASSERT_TRUE(becomes("9.9.9.9", HopKind::neighbour, 2));
    must(host_->ip + "nexthop replace id 1 via 192.0.2.10 dev wan");
    EXPECT_TRUE(eventually([&] { return look("9.9.9.9").gateway == ip("192.0.2.10"); }));
    must(host_->ip + "nexthop del id 1");
    EXPECT_TRUE(becomes("9.9.9.9", HopKind::none));
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 1));
}

TEST_F(KernelMirrorTest, NeighboursBecomeHostEntriesAndAreAskedFor) {
    must(host_->ip + "neigh add 10.0.0.7 lladdr 02:00:00:00:00:77 dev lan");
    EXPECT_TRUE(becomes("10.0.0.7", HopKind::neighbour, 1));
    EXPECT_EQ(Hop::state_of(look("10.0.0.7").neighbour.load()), NeighbourState::resolved);
    must(host_->ip + "neigh replace 10.0.0.7 lladdr 02:00:00:00:00:78 dev lan");
    const auto word = Hop::pack(*parse_mac("02:00:00:00:00:78"), NeighbourState::resolved);
    EXPECT_TRUE(eventually([&] { return look("10.0.0.7").neighbour.load() == word; }));
    must(host_->ip + "neigh del 10.0.0.7 dev lan");
    EXPECT_TRUE(becomes("10.0.0.7", HopKind::connected, 1));
    const NextHop to{1, false, taps_[0].index(), ip("10.0.0.99")};
    ask(to);
    EXPECT_TRUE(eventually([&] { return shell(host_->ip + "neigh").find("10.0.0.99") != std::string::npos; }))
        << "the kernel asks";
    EXPECT_TRUE(eventually(
        [&] {
            const Hop& hop = look("10.0.0.99");
            return hop.kind == HopKind::neighbour &&
                   Hop::state_of(hop.neighbour.load()) == NeighbourState::failed;
        },
        std::chrono::seconds(8)));
    EXPECT_TRUE(was_told(to, NeighbourState::failed));
    // Known by the time it is asked for: told at once.
    must(host_->ip + "neigh add 10.0.0.8 lladdr 02:00:00:00:00:88 dev lan");
    ASSERT_TRUE(becomes("10.0.0.8", HopKind::neighbour, 1));
    {
        const std::lock_guard lock(told_mutex_);
        told_.clear();
    }
    const NextHop known{1, false, taps_[0].index(), ip("10.0.0.8")};
    ask(known);
    EXPECT_TRUE(was_told(known, NeighbourState::resolved));
}

// keepalived's use_vmac: a neighbour of the macvlan is one of its own, asked for with its MAC address.
TEST_F(KernelMirrorTest, NeighboursOfAMacvlanAreResolvedThere) {
    must(host_->ip + "link add link lan name vrrp address 00:00:5e:00:01:07 up type macvlan mode private");
    must(host_->ip + "addr add 10.7.0.1/24 dev vrrp");
    ASSERT_TRUE(becomes("10.7.0.9", HopKind::connected, 1));
    EXPECT_TRUE(
        eventually([&] { return routing_.get().interface(1).accepts(*parse_mac("00:00:5e:00:01:07")); }));
    const NextHop to{1, false, look("10.7.0.9").device, ip("10.7.0.9")};
    EXPECT_NE(to.device, taps_[0].index());
    ask(to);
    EXPECT_TRUE(eventually([&] {
        return shell(host_->ip + "neigh show dev vrrp").find("10.7.0.9") != std::string::npos;
    })) << shell(host_->ip + "neigh");
    must(host_->ip + "neigh replace 10.7.0.9 lladdr 02:00:00:00:00:99 dev vrrp");
    EXPECT_TRUE(was_told(to, NeighbourState::resolved));
    EXPECT_EQ(look("10.7.0.9").own.load(), parse_mac("00:00:5e:00:01:07")->raw());
    EXPECT_EQ(look("10.7.0.9").neighbour.load(),
              Hop::pack(*parse_mac("02:00:00:00:00:99"), NeighbourState::resolved));
}

TEST_F(KernelMirrorTest, RenamedInterfacesAndRules) {
    must(host_->ip + "rule add iif lan lookup 100 pref 1000");
    must(host_->ip + "route add default via 192.0.2.9 table 100");
    ASSERT_TRUE(eventually([&] { return routing_.get().rules4.size() == 4; }));
    EXPECT_EQ(routing_.get().rules4[1].iif, 1);
    must(host_->ip + "link set lan name lan9");
    EXPECT_TRUE(eventually([&] { return routing_.get().rules4.size() == 3; })) << "no interface is lan now";
    EXPECT_TRUE(becomes("10.0.0.7", HopKind::connected, 1));
    must(host_->ip + "rule del pref 1000");
    EXPECT_TRUE(eventually([&] { return routing_.get().rules4.empty(); }));
}

TEST_F(KernelMirrorTest, LostNotificationsAreMadeUpForByADump) {
    start(1);  // the kernel's least
    std::string lines;
    for (int i = 0; i < 3000; ++i)
        lines += "route add 11." + std::to_string(i / 250) + "." + std::to_string(i % 250) +
                 ".0/24 via 10.0.0.2\n";
    mirror_->with([&](const Routes&) { batch(lines); });  // nobody reads the socket meanwhile
    EXPECT_TRUE(eventually([&] { return look("11.11.249.1").kind == HopKind::neighbour; }));
    ASSERT_TRUE(mirror_->wait_until_in_step(20000));
    EXPECT_EQ(mirror_->with([](const Routes& r) { return r.tables4().ribs().at(RT_TABLE_MAIN).size(); }),
              3000u + 2);
    EXPECT_GT(mirror_->counts().overflows, 0u);
}

TEST_F(KernelMirrorTest, LostRemovalsAreMadeUpForByADump) {
    start(1);
    std::string lines;
    for (int i = 0; i < 3000; ++i)
        lines += "route add 11." + std::to_string(i / 250) + "." + std::to_string(i % 250) +
                 ".0/24 via 10.0.0.2\n";
    for (int i = 0; i < 250; ++i)
        lines += "neigh add 10.0.0." + std::to_string(3 + i) + " lladdr 02:00:00:00:00:77 dev lan\n";
    batch(lines + "nexthop add id 7 via 10.0.0.3 dev lan\nroute add 12.0.0.0/8 nhid 7\n");
    ASSERT_TRUE(mirror_->wait_until_in_step(20000));
    ASSERT_TRUE(becomes("11.11.249.1", HopKind::neighbour, 1));
    ASSERT_TRUE(becomes("10.0.0.252", HopKind::neighbour, 1));
    ASSERT_TRUE(becomes("12.0.0.1", HopKind::neighbour, 1));
    const auto before = mirror_->counts().overflows;
    mirror_->with([&](const Routes&) {
        batch(
            "route flush root 11.0.0.0/8\nneigh flush dev lan nud permanent\nnexthop del id 7\n"
            "route add 11.1.1.0/24 via 10.0.0.2\n");
    });
    ASSERT_TRUE(mirror_->wait_until_in_step(30000));
    EXPECT_TRUE(becomes("11.11.249.1", HopKind::none));
    EXPECT_TRUE(becomes("10.0.0.252", HopKind::connected, 1));
    EXPECT_TRUE(becomes("12.0.0.1", HopKind::none));
    EXPECT_TRUE(becomes("11.1.1.1", HopKind::neighbour, 1));
    EXPECT_EQ(mirror_->with([](const Routes& r) { return r.tables4().ribs().at(RT_TABLE_MAIN).size(); }), 3u);
    EXPECT_GT(mirror_->counts().overflows, before);
}

TEST_F(KernelMirrorTest, AFailingAllocationIsSaidAndMadeUpFor) {
    no_memory_ = true;
    must(host_->ip + "neigh add 10.0.0.7 lladdr 02:00:00:00:00:77 dev lan");
    must(host_->ip + "route add 8.0.0.0/8 via 10.0.0.7");
    EXPECT_TRUE(was_said("no memory for the kernel's routes"));
    EXPECT_TRUE(becomes("8.8.8.8", HopKind::neighbour, 1));
    EXPECT_TRUE(eventually(
        [&] { return Hop::state_of(look("8.8.8.8").neighbour.load()) == NeighbourState::resolved; }));
}

// net/ipv4/arp.c, arp_netdev_event and arp_constructor.
TEST_F(KernelMirrorTest, ArpOff) {
    must(host_->ip + "route add 8.0.0.0/8 via 10.0.0.9");
    must(host_->ip + "neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev lan");
    const auto word = [](const std::string& mac) {
        return Hop::pack(*parse_mac(mac.c_str()), NeighbourState::resolved);
    };
    EXPECT_TRUE(eventually([&] { return look("8.8.8.8").neighbour.load() == word("02:00:00:00:00:99"); }));
    must(host_->ip + "link set lan arp off");  // forgets its neighbours
    EXPECT_TRUE(eventually([&] {
        return look("8.8.8.8").neighbour.load() == look("8.8.8.8").own.load() + (word("00:00:00:00:00:00"));
    }));
    EXPECT_TRUE(becomes("10.0.0.7", HopKind::no_address, 1));
    // What the kernel itself says of such a neighbour once it sends there.
    shell(host_->exec("ping -c 1 -W 1 10.0.0.7"));
    const auto shown = shell(host_->ip + "neigh show 10.0.0.7 dev lan nud all");
    EXPECT_NE(shown.find("lladdr " + to_string(MacAddress::from_raw(look("8.8.8.8").own.load()))),
              std::string::npos)
        << shown;
    EXPECT_NE(shown.find("NOARP"), std::string::npos) << shown;
    EXPECT_TRUE(eventually(
        [&] { return Hop::state_of(look("10.0.0.7").neighbour.load()) == NeighbourState::resolved; }));
    must(host_->ip + "link set lan arp on");
    EXPECT_TRUE(becomes("10.0.0.7", HopKind::connected, 1));
    EXPECT_TRUE(eventually([&] { return look("8.8.8.8").neighbour.load() == 0; }));
}

TEST_F(KernelMirrorTest, FiftyThousandRoutes) {
    const char* asked = std::getenv("WEFT_ROUTES");  // the long suite asks for a million
    const int count = asked ? std::atoi(asked) : 50000, count6 = count / 5;
    must(host_->ip + "-6 addr add fd00::1/64 dev lan nodad");
    // The end of duplicate address detection adds routes of the kernel's own.
    ASSERT_TRUE(eventually([&] { return shell(host_->ip + "-6 addr show tentative").empty(); }));
    std::string lines, lines6;
    for (int i = 0; i < count; ++i)
        lines += "route add " + std::to_string(20 + i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
                 std::to_string(i % 256) + ".0/24 via 10.0.0." + std::to_string(2 + i % 7) + "\n";
    for (int i = 0; i < count6; ++i) {
        char prefix[64];
        std::snprintf(prefix, sizeof prefix, "2a%02x:%x::/48", i / 65536, i % 65536);
        lines6 += std::string("route add ") + prefix + " via fd00::" + std::to_string(2 + i % 7) + "\n";
    }
    batch(lines);
    batch(lines6, "-6");
    ASSERT_TRUE(mirror_->wait_until_in_step(60000));
    const auto followed = mirror_->with([](const Routes& r) { return r.size(); });
    EXPECT_GE(followed.routes4, static_cast<std::size_t>(count));
    EXPECT_GE(followed.routes6, static_cast<std::size_t>(count6));
    const auto begin = std::chrono::steady_clock::now();
    start();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const auto size = mirror_->with([](const Routes& r) { return r.size(); });
    std::printf(
        "%zu IPv4 and %zu IPv6 routes read in %.2f s; %.1f bytes a route without the look-up tables\n",
        size.routes4, size.routes6, took.count(),
        static_cast<double>(size.memory) / static_cast<double>(size.routes4 + size.routes6));
    EXPECT_EQ(size.routes4, followed.routes4);
    EXPECT_EQ(size.routes6, followed.routes6);
    EXPECT_LT(took.count(), 10);
    EXPECT_EQ(look("20.0.5.1").gateway, ip("10.0.0.7"));
}

}  // namespace
}  // namespace weft::test
