// Routes that change while packets are forwarded: none is lost, none goes another way than a route of that
// moment says. The writer is a thread of its own, as the mirror is; also under TSan.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/packet/route_batch_rig.hpp"

namespace weft::test {
namespace {

constexpr unsigned destinations = 32;

/// One destination a /24, so that each host route that comes and goes takes a group of the table with it, and
/// gives back one that another destination's route takes next.
IpPacket to_destination(unsigned i, bool v6) {
    IpPacket packet = packet_of(v6);
    packet.destination[2] = static_cast<std::uint8_t>(packet.destination[2] + i);
    return packet;
}
/// The member that destination i's host route leads to; all else leads to Tables::by_b.
constexpr unsigned member_of(unsigned i) {
    return 1 + i % 7;
}

/// Enters and takes out host routes at random.
template <unsigned bytes>
class Writer {
  public:
    Writer(std::shared_ptr<Lpm<bytes>> table, Quiescence& quiescence)
        : table_(std::move(table)), quiescence_(quiescence) {}

    void change() {
        const unsigned i = static_cast<unsigned>(random_() % destinations);
        const auto address = to_destination(i, bytes == 16).destination;
        typename Lpm<bytes>::Key key;
        std::copy(address.begin(), address.end(), key.begin());
        if (entered_[i])
            table_->remove(key, 8 * bytes, no_hop, 0);
        else
            while (!table_->add(key, 8 * bytes, Tables::members + member_of(i)))
                reclaim();
        entered_[i] = !entered_[i];
    }

  private:
    void reclaim() {
        quiescence_.synchronize();
        table_->reclaim();
    }
    std::shared_ptr<Lpm<bytes>> table_;
    Quiescence& quiescence_;
    std::mt19937 random_{bytes};
    std::array<bool, destinations> entered_{};
};

TEST(RouteUpdate, NoPacketIsLostOrGoesAWrongWay) {
    std::shared_ptr<Lpm4> v4 = std::make_shared<Lpm4>(destinations + 4);
    std::shared_ptr<Lpm6> v6 = std::make_shared<Lpm6>(13 * destinations + 64);
    RoutedRig rig({}, two_ports, [&](Tables& t) {
        ASSERT_TRUE(v4->add({}, 0, Tables::by_b));
        ASSERT_TRUE(v6->add({}, 0, Tables::by_b));
        t.routing->tables[0] = {.v4 = v4, .v6 = v6};
    });
    Quiescence& quiescence = rig.shared().quiescence;
    quiescence.online(0);
    std::atomic<bool> stop{false};
    std::atomic<unsigned> changes{0};
    std::thread control([&] {
        Writer<4> writer4(v4, quiescence);
        Writer<16> writer6(v6, quiescence);
        while (!stop.load(std::memory_order_relaxed)) {
            writer4.change();
            writer6.change();
            changes.fetch_add(2, std::memory_order_relaxed);
        }
    });
    std::size_t sent = 0, by_members = 0;
    for (unsigned round = 0; round < 100 || changes.load(std::memory_order_relaxed) < 20'000; ++round) {
        for (unsigned i = 0; i < batch_size; ++i)
            rig.offer("a", frame_of(to_destination(i / 2, i % 2)));
        rig.run();
        quiescence.quiescent(0);
        const auto out = rig.sent("b");
        sent += out.size();
        bool right = out.size() == batch_size;
        for (unsigned i = 0; i < batch_size && right; ++i) {
            Bytes wanted = forwarded(to_destination(i / 2, i % 2));
            const auto by = static_cast<std::uint8_t>(out[i][5] - wanted[5]);
            by_members += by != 0;
            wanted[5] = out[i][5];
            right = out[i] == wanted && (by == 0 || by == member_of(i / 2));
        }
        EXPECT_TRUE(right) << "round " << round << ", " << out.size() << " sent";
        if (!right) break;
    }
    stop = true;
    quiescence.offline(0);
    control.join();
    EXPECT_EQ(rig.all_drops(), 0u);
    EXPECT_GT(by_members, 0u) << "no change was seen";
    EXPECT_LT(by_members, sent);
}

}  // namespace
}  // namespace weft::test
