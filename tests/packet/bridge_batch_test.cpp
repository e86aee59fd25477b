// The batch path of pure bridging: that it takes what it may, that it changes tags as the stages do, and that
// frames keep their order where some of a burst leave it.
#include <gtest/gtest.h>

#include "tests/packet/rig.hpp"

namespace weft::test {
namespace {

const std::string plain_switch = R"(
port add a up type null
port add b up type null
ip link add br0 up type bridge
ip link set a master br0
ip link set b master br0
)";

const std::string vlan_switch = R"(
port add a up type null
port add b up type null
ip link add br0 up type bridge vlan_filtering 1 vlan_default_pvid 0
ip link set a master br0
ip link set b master br0
)";

struct Seen {
    std::uint64_t batch, ingress;
    friend bool operator==(const Seen&, const Seen&) = default;
};
/// Packets that each of the two ways of a burst took since the start.
Seen seen(Rig& rig) {
    Seen all{};
    for (const auto& worker : rig.shared().workers) {
        all.batch += worker->stages[static_cast<std::size_t>(StageId::bridge_batch)].packets.get();
        all.ingress += worker->stages[static_cast<std::size_t>(StageId::ingress)].packets.get();
    }
    return all;
}

/// Has a frame teach the switch its source.
void teach(Rig& rig, const std::string& port, const Bytes& frame) {
    rig.send(port, frame);
    rig.all_sent();
    rig.punted("br0");
}

class BridgeBatchTest : public testing::TestWithParam<RigOptions> {};
INSTANTIATE_TEST_SUITE_P(Workers, BridgeBatchTest, every_rig, name_of);

TEST_P(BridgeBatchTest, KnownToKnownStaysOnThePath) {
    Rig rig(plain_switch, GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    teach(rig, "a", Frame().from(host_a).to(host_b));
    const Seen before = seen(rig);
    const Bytes one = Frame().from(host_a).to(host_b).payload(100),
                two = Frame().from(host_a).to(host_b).tag(7);
    rig.offer("a", one);
    rig.offer("a", two);
    rig.run();
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {one, two}}}));
    EXPECT_EQ(seen(rig), (Seen{before.batch + 2, before.ingress}));
    const auto& received = rig.counters("a").received;
    EXPECT_EQ(received.packets.get(), 3u);
    EXPECT_EQ(received.bytes.get(), 60u + one.size() + two.size());
}

TEST_P(BridgeBatchTest, CountsWhatItSends) {
    Rig rig(plain_switch, GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    rig.send("a", Frame().from(host_a).to(host_b).payload(100));
    EXPECT_EQ(rig.sent_by("b"), std::pair(std::uint64_t{1}, std::uint64_t{114}));
}

TEST_P(BridgeBatchTest, LearnsAndMovesSources) {
    Rig rig(plain_switch, GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    const Seen before = seen(rig);
    rig.send("a", Frame().from(host_a).to(host_b));  // new source, known destination
    rig.send("b", Frame().from(host_b).to(host_a));
    EXPECT_EQ(seen(rig).ingress, before.ingress);
    EXPECT_EQ(rig.all_sent(),
              (Out{{"a", {Frame().from(host_b).to(host_a)}}, {"b", {Frame().from(host_a).to(host_b)}}}));
    rig.send("b", Frame().from(host_a).to("02:00:00:00:00:0c"));  // a moved to b
    rig.all_sent();
    rig.send("b", Frame().from(host_b).to(host_a));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_same_port), 1u);
}

TEST_P(BridgeBatchTest, DropsHaveTheirReasons) {
    Rig rig(plain_switch + "bridge link set dev a isolated on\nbridge link set dev b isolated on\n",
            GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.drops(DropReason::bridge_isolated), 1u);
    rig.send("a", Frame().from("01:00:5e:00:00:01").to(host_b));
    EXPECT_EQ(rig.drops(DropReason::bridge_bad_source), 1u);
    rig.send("a", Frame().from(host_a).to(host_b).payload(1501));
    EXPECT_EQ(rig.drops(DropReason::ingress_oversize), 1u);
    rig.send("a", Bytes(13, 0x22));
    EXPECT_EQ(rig.drops(DropReason::ingress_runt), 1u);
    EXPECT_TRUE(rig.all_sent().empty());
}

// br_handle_frame_finish: without BR_LEARNING the source is not looked at, but must be a station's.
TEST_P(BridgeBatchTest, PortsThatDoNotLearnStayOnThePath) {
    Rig rig(plain_switch + "bridge link set dev a learning off\n", GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    const Seen before = seen(rig);
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {Frame().from(host_a).to(host_b)}}}));
    EXPECT_EQ(seen(rig), (Seen{before.batch + 1, before.ingress}));
    EXPECT_EQ(rig.shared().fdb.learned_in(0), 1u) << "b's";
    rig.send("a", Frame().from("01:00:5e:00:00:01").to(host_b));
    EXPECT_EQ(rig.drops(DropReason::bridge_bad_source), 1u);
    EXPECT_TRUE(rig.all_sent().empty());
}

// is_skb_forwardable: a GSO frame may be longer than the MTU, as its segments are not.
TEST_P(BridgeBatchTest, GsoFramesStayOnThePath) {
    Rig rig(plain_switch, GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    const Seen before = seen(rig);
    Metadata meta{};
    meta.checksum = ChecksumState::good;
    meta.gso_type = GsoType::tcp4;
    meta.gso_size = 1448;
    rig.send("a", Frame().from(host_a).to(host_b).payload(1501), meta);
    EXPECT_EQ(seen(rig), (Seen{before.batch + 1, before.ingress}));
    EXPECT_EQ(rig.drops(DropReason::ingress_oversize), 0u);
    meta.gso_type = GsoType::none;
    rig.send("a", Frame().from(host_a).to(host_b).payload(1501), meta);
    EXPECT_EQ(rig.drops(DropReason::ingress_oversize), 1u);
}

// IEEE 802.1Q 6.9.1: a priority tag names no VLAN, so all of these are of the port's own, and 6.5.3 keeps
// their order. The second is not for the batch path.
TEST_P(BridgeBatchTest, PriorityTagsKeepTheOrder) {
    Rig rig(vlan_switch +
                "bridge vlan add dev a vid 10 pvid untagged\nbridge vlan add dev b vid 10 pvid untagged\n",
            GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    teach(rig, "a", Frame().from(host_a).to(host_b));
    std::vector<Bytes> wanted;
    for (std::uint8_t n = 0; n < 5; ++n) {
        const Frame frame = Frame().from(host_a).to(host_b).payload(46, n);
        wanted.push_back(frame);
        rig.offer("a", n == 1 ? Frame(frame).tag(0) : frame);
    }
    rig.run();
    EXPECT_EQ(rig.all_sent(), (Out{{"b", wanted}}));
}

TEST_P(BridgeBatchTest, FramesOfAllDestinationsKeepTheirOrder) {
    Rig rig(plain_switch, GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    teach(rig, "a", Frame().from(host_a).to(host_b));
    const char* const destinations[] = {"ff:ff:ff:ff:ff:ff", host_b, "02:00:00:00:00:77",
                                        "01:00:5e:00:00:01", host_b, host_b,
                                        "ff:ff:ff:ff:ff:ff", host_b};
    std::vector<Bytes> wanted;
    for (std::uint8_t n = 0; const char* to : destinations) {
        wanted.push_back(Frame().from(host_a).to(to).payload(46, n++));
        rig.offer("a", wanted.back());
    }
    rig.run();
    EXPECT_EQ(rig.all_sent(), (Out{{"b", wanted}}));
}

// What left the path first may be what teaches where the next one goes: here that its station moved.
TEST_P(BridgeBatchTest, DecidesByWhatTheFramesBeforeTaught) {
    Rig rig(plain_switch, GetParam());
    teach(rig, "b", Frame().from(host_b).to(host_a));
    teach(rig, "a", Frame().from(host_a).to(host_b));
    rig.offer("a", Frame().from(host_b).to("ff:ff:ff:ff:ff:ff"));
    rig.offer("a", Frame().from(host_a).to(host_b));
    rig.run();
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {Frame().from(host_b).to("ff:ff:ff:ff:ff:ff")}}}));
    EXPECT_EQ(rig.drops(DropReason::bridge_same_port), 1u);
}

struct TagCase {
    const char* name;
    const char* in;   ///< a's membership
    const char* out;  ///< b's
    int tag_in;       ///< VID in the frame as sent, 0: none
    bool stripped;    ///< … by the device
    int tag_out;
};
void PrintTo(const TagCase& c, std::ostream* to) {
    *to << c.name;
}

class BridgeBatchTags : public testing::TestWithParam<std::tuple<TagCase, std::uint8_t>> {};

TEST_P(BridgeBatchTags, LeaveAsTheEgressPortWants) {
    const TagCase& c = std::get<0>(GetParam());
    Rig rig(vlan_switch + "bridge vlan add dev a " + c.in + "\nbridge vlan add dev b " + c.out + "\n",
            {.offloads = std::get<1>(GetParam())});
    const bool b_untagged = std::string(c.out).find("untagged") != std::string::npos;
    const Frame answer = Frame().from(host_b).to(host_a);
    teach(rig, "b", b_untagged ? answer : Frame(answer).tag(10));
    const auto offer = [&](std::uint8_t n) {
        Frame frame = Frame().from(host_a).to(host_b).payload(1500, n);
        Metadata meta{};
        if (c.stripped) {
            meta.tag_place = TagPlace::stripped;
            meta.vlan_tpid = ether_type::vlan;
            meta.vlan_tci = 5 << 13 | 10;
        } else if (c.tag_in) {
            frame.tag(static_cast<std::uint16_t>(c.tag_in), 5);
        }
        rig.offer("a", frame, meta);
    };
    offer(0);
    rig.run();
    rig.all_sent();
    const Seen before = seen(rig);
    std::vector<Bytes> wanted;
    for (std::uint8_t n = 1; n < 4; ++n) {
        offer(n);
        Frame frame = Frame().from(host_a).to(host_b).payload(1500, n);
        if (c.tag_out) frame.tag(static_cast<std::uint16_t>(c.tag_out), c.tag_in ? 5 : 0);
        wanted.push_back(frame);
    }
    rig.run();
    EXPECT_EQ(rig.all_sent(), (Out{{"b", wanted}}));
    EXPECT_EQ(seen(rig).ingress, before.ingress);
    EXPECT_EQ(rig.all_drops(), 0u);
}

constexpr TagCase tag_cases[] = {
    {"AccessToAccess", "vid 10 pvid untagged", "vid 10 pvid untagged", 0, false, 0},
    {"AccessToTrunk", "vid 10 pvid untagged", "vid 10", 0, false, 10},
    {"TrunkToAccess", "vid 10", "vid 10 pvid untagged", 10, false, 0},
    {"TrunkToTrunk", "vid 10", "vid 10", 10, false, 10},
    {"StrippedToAccess", "vid 10", "vid 10 pvid untagged", 10, true, 0},
    {"StrippedToTrunk", "vid 10", "vid 10", 10, true, 10},
};
INSTANTIATE_TEST_SUITE_P(Tags, BridgeBatchTags,
                         testing::Combine(testing::ValuesIn(tag_cases),
                                          testing::Values(std::uint8_t{0}, Offload::vlan_insert)),
                         [](const auto& info) {
                             return std::string(std::get<0>(info.param).name) +
                                    (std::get<1>(info.param) ? "Insert" : "");
                         });

// Linux's bridge floods every group frame while it does not snoop, whatever its table says, and keeps
// link-local ones (br_handle_frame, br_handle_frame_finish).
TEST_P(BridgeBatchTest, EntriesOfGroupAddressesDecideNothing) {
    Rig rig(plain_switch + R"(
port add c up type null
ip link set c master br0
bridge fdb add 01:80:c2:00:00:0e dev b master static
bridge fdb add 01:00:5e:00:00:05 dev b master static
)",
            GetParam());
    teach(rig, "a", Frame().from(host_a).to(host_b));
    rig.send("a", Frame().from(host_a).to("01:80:c2:00:00:0e"));
    EXPECT_EQ(rig.all_sent(), Out{});
    EXPECT_EQ(rig.punted("a").size(), 1u);
    rig.send("a", Frame().from(host_a).to("01:00:5e:00:00:05"));
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

// A stage whose vector fills itself while it is run to make room: copies of a flood leave by sub-interfaces.
TEST_P(BridgeBatchTest, FloodsOfWholeBurstsLeaveBySubInterfaces) {
    Rig rig(R"(
port add a up type null
port add b up type null
ip link add br0 up type bridge
ip link set a master br0
ip link add link b name b.1 up type vlan id 1
ip link add link b name b.2 up type vlan id 2
ip link add link b name b.3 up type vlan id 3
ip link set b.1 master br0
ip link set b.2 master br0
ip link set b.3 master br0
)",
            GetParam());
    for (int burst = 0; burst < 3; ++burst) {
        for (unsigned i = 0; i < batch_size; ++i)
            rig.offer("a", Frame().from(host_a).to("ff:ff:ff:ff:ff:ff"));
        rig.run();
        EXPECT_EQ(rig.sent("b").size(), 3u * batch_size);
    }
}

}  // namespace
}  // namespace weft::test
