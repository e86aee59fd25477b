// Ports that are chosen before anybody has entered them.
#include <gtest/gtest.h>

#include <set>

#include "dataplane/nat/choose.hpp"
#include "tests/unit/flow_packets.hpp"

namespace weft::test {
namespace {

/// Two workers that each begin a connection of one source at the same moment see nothing of each other; RFC
/// 4787 REQ-1 wants one mapping nevertheless, though the source's own port is another source's.
TEST(NatChoose, WorkersDrawOnePortForASource) {
    Tracker tracker(1000, 2);
    NatRandom random;
    hook::NatTarget range{};
    range.map_addresses = range.endpoint_independent = true;
    range.addresses = {to_address(be32{0x0a000009}), to_address(be32{0x0a000009})};
    const auto choose = [&](std::uint8_t host, std::uint8_t to, unsigned worker) {
        const Ends ends{host, to, 4000, 53};
        const Tracked begun = tracker.see(ip4(ends, 17, udp(ends)), 0, worker);
        const FlowMoment moment = tracker.moment(worker);
        const auto choice = choose_tuple(tracker.table().direction_of(begun.ref).tuple_now<Tuple4>(),
                                         {tracker, begun.ref, NatSide::source, range, moment, random});
        EXPECT_TRUE(choice.unique);
        tracker.set_reply(begun.ref, *inverted(choice.tuple, ip_protocol::udp));
        tracker.state_of(begun.ref).set(FlowStatus::src_nat_done | FlowStatus::endpoint_independent);
        return std::pair{begun.ref, choice.tuple.source_port.host()};
    };
    const auto holder = choose(1, 10, 0);
    EXPECT_EQ(holder.second, 4000);
    ASSERT_EQ(tracker.confirm(holder.first, tracker.moment(0)), Confirmed::done);
    std::set<std::uint16_t> drawn;
    for (std::uint8_t host = 2; host < 10; ++host) {
        const auto one = choose(host, 11, 0), two = choose(host, 12, 1);
        EXPECT_EQ(one.second, two.second);
        EXPECT_GE(one.second, 1024);
        drawn.insert(one.second);
        ASSERT_EQ(tracker.confirm(two.first, tracker.moment(1)), Confirmed::done);
        ASSERT_EQ(tracker.confirm(one.first, tracker.moment(0)), Confirmed::done);
    }
    EXPECT_EQ(drawn.size(), 8u) << "each source has its own";
}

}  // namespace
}  // namespace weft::test
