// What those who look on see: captures, traces and rehearsals, with one and two workers.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include "dataplane/observe/observer.hpp"
#include "dataplane/observe/rehearsal.hpp"
#include "tests/packet/environment.hpp"
#include "tests/packet/rig.hpp"
#include "tests/support/mbuf.hpp"

namespace weft::test {
namespace {

constexpr const char* two_ports =
    "port add a up type null\nport add b up type null\nport add c up type null\n"
    "ip link add br0 up type bridge vlan_filtering 1\n"
    "ip link set a master br0\nip link set b master br0\nip link set c master br0\n"
    "bridge vlan add dev b vid 1\n";  // tagged there

const MacAddress one{{2, 0, 0, 0, 0, 1}}, two{{2, 0, 0, 0, 0, 2}};

Bytes plain(const MacAddress& to, const MacAddress& from) {
    Bytes frame(60);
    std::memcpy(&frame[0], &to, 6);
    std::memcpy(&frame[6], &from, 6);
    frame[12] = 0x88, frame[13] = 0xb5;
    return frame;
}

struct Observe : testing::TestWithParam<RigOptions> {
    Rig rig{two_ports, GetParam()};

    void look(std::shared_ptr<Capture> capture, std::initializer_list<const char*> at,
              std::shared_ptr<Trace> trace = nullptr) {
        auto what = std::make_unique<Observation>();
        if (capture) {
            for (unsigned w = 0; w < GetParam().workers; ++w)
                capture->rings.push_back(std::make_unique<PacketRing>(64, true));
            std::vector<std::uint8_t> interfaces(64);
            for (const auto* name : at)
                interfaces[rig.index(name)] = 1;
            what->captures.push_back({capture, std::move(interfaces)});
        }
        what->trace = std::move(trace);
        for (unsigned w = 0; w < GetParam().workers; ++w)
            rig.shared().quiescence.offline(w);
        rig.shared().observation.replace(std::move(what), rig.shared().quiescence);
        for (unsigned w = 0; w < GetParam().workers; ++w)
            rig.shared().quiescence.online(w);
    }
    void look_away() { look(nullptr, {}); }

    /// What would become of a frame on an interface.
    std::shared_ptr<const Trace> rehearsed(const Bytes& frame, const char* on = "a") {
        rte_mbuf* m = rte_pktmbuf_alloc(pool());
        std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
                    frame.size());
        Packet* packet = Packet::from(m);
        packet->meta = {};
        return rehearse(*packet, rig.index(on),
                        {.topology = rig.shared().topology.get(),
                         .routing = rig.shared().routing.get(),
                         .hops = rig.shared().hops,
                         .fdb = rig.shared().fdb,
                         .pool = pool(),
                         .now_us = 1'000'000'000,
                         .kernel = GetParam().kernel});
    }

    struct Copy {
        CaptureNote note;
        Bytes bytes;
        TagPlace tag;
    };
    static std::vector<Copy> copies(Capture& capture) {
        std::vector<Copy> all;
        for (auto& ring : capture.rings)
            for (Packet* p = nullptr; ring->dequeue(&p, 1) == 1; Packet::free(p))
                all.push_back({read_note(*p), bytes_of(*p), p->meta.tag_place});
        return all;
    }
    void teach() {
        rig.send("a", plain(two, one));
        Bytes tagged = plain(one, two);
        tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x00, 0x01});
        rig.send("b", tagged);
        rig.all_sent();
    }
};

const std::uint8_t* bytes_at(const std::byte* bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes);
}

std::vector<std::string> told(const Trace& trace) {
    std::vector<std::string> steps;
    for (std::uint32_t i = 0; i < trace.steps(); ++i) {
        const TraceStep step = trace.step(i);
        if (step.kind == TraceStep::Kind::received) steps.emplace_back("received");
        if (step.kind == TraceStep::Kind::decided)
            steps.emplace_back(stage_names[static_cast<std::size_t>(step.stage)]);
        if (step.kind == TraceStep::Kind::sent) steps.emplace_back("sent");
        if (step.kind == TraceStep::Kind::dropped) steps.emplace_back(text_of(step.reason).word);
    }
    return steps;
}

/// What a packet did is what the picture of the stages says it may do.
void expect_in_graph(const Trace& trace) {
    for (std::uint32_t i = 0; i < trace.steps(); ++i) {
        const TraceStep step = trace.step(i);
        if (step.kind != TraceStep::Kind::decided || !step.verdict.is_stage()) continue;
        const auto& exits = stage_texts[static_cast<std::size_t>(step.stage)].exits;
        EXPECT_NE(std::find(exits.begin(), exits.end(), step.verdict.stage()), exits.end())
            << stage_names[static_cast<std::size_t>(step.stage)] << " to "
            << stage_names[static_cast<std::size_t>(step.verdict.stage())];
    }
}

TEST_P(Observe, EveryDecisionIsInTheGraph) {
    const MacAddress all{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, lldp{{1, 0x80, 0xc2, 0, 0, 0xe}};
    teach();
    auto trace = std::make_shared<Trace>(rig.index("a"), 9, 80);
    look(nullptr, {}, trace);
    for (const auto& to : {two, all, lldp, rig.mac("a"), rig.mac("br0")})
        rig.send("a", plain(to, one));
    rig.send("a", Frame().from(one).to(lldp).tag(0).tag(7).type(0x0800).payload(46));
    EXPECT_EQ(trace->packets(), 6u);
    expect_in_graph(*trace);
    look_away();
}

TEST_P(Observe, CopiesWhatPortsReceiveAndSend) {
    teach();
    auto capture = std::make_shared<Capture>();
    look(capture, {"a", "b"});
    const Bytes frame = plain(two, one);
    rig.send("a", frame);
    const auto seen = copies(*capture);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].note.seen, Seen::received);
    EXPECT_EQ(seen[0].note.interface, rig.index("a"));
    EXPECT_EQ(seen[0].note.length, 60u);
    EXPECT_EQ(seen[0].bytes, frame);
    EXPECT_EQ(seen[1].note.seen, Seen::sent);
    EXPECT_EQ(seen[1].note.interface, rig.index("b"));
    EXPECT_EQ(rig.sent("b").size(), 1u);
    look_away();
    rig.send("a", frame);
    EXPECT_TRUE(copies(*capture).empty());
}

TEST_P(Observe, FilterSeesTheTagWhereverItIs) {
    teach();
    auto capture = std::make_shared<Capture>();
    bpf_program program{};
    pcap_t* dead = pcap_open_dead(DLT_EN10MB, 65535);
    ASSERT_EQ(pcap_compile(dead, &program, "vlan 1", 1, PCAP_NETMASK_UNKNOWN), 0);
    capture->filter.assign(program.bf_insns, program.bf_insns + program.bf_len);
    pcap_freecode(&program);
    pcap_close(dead);
    look(capture, {"a", "b"});
    rig.send("a", plain(two, one));  // leaves b tagged, in the frame or stripped, as the rig's ports are
    const auto seen = copies(*capture);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].note.seen, Seen::sent);
    look_away();
}

TEST_P(Observe, EndsAfterSoManyAndCountsWhatItLoses) {
    teach();
    auto capture = std::make_shared<Capture>();
    capture->left = 3;
    look(capture, {"a"});
    for (int i = 0; i < 5; ++i)
        rig.send("a", plain(two, one));
    EXPECT_EQ(copies(*capture).size(), 3u);
    auto full = std::make_shared<Capture>();
    full->left = 64;
    look(full, {"a"});
    for (int i = 0; i < 70; ++i)
        rig.send("a", plain(two, one));
    EXPECT_EQ(full->lost.load(), 7u);  // 63 fit
    EXPECT_EQ(full->left.load(), 1);   // what was lost is still wanted
    EXPECT_EQ(copies(*full).size(), 63u);
    look_away();
}

TEST_P(Observe, CapturesDropsWithTheirReason) {
    auto capture = std::make_shared<Capture>();
    capture->drops = true;
    look(capture, {"a"});
    rig.send("a", plain(two, MacAddress{{1, 0, 0, 0, 0, 1}}));
    const auto seen = copies(*capture);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].note.seen, Seen::dropped);
    EXPECT_EQ(seen[0].note.reason, DropReason::bridge_bad_source);
    look_away();
}

TEST_P(Observe, TraceFollowsAPacketThroughItsStages) {
    teach();
    auto trace = std::make_shared<Trace>(rig.index("a"), 1, 77);
    look(nullptr, {}, trace);
    rig.send("a", plain(two, one));
    rig.send("a", plain(two, one));  // one too many
    EXPECT_EQ(trace->packets(), 1u);
    EXPECT_EQ(told(*trace),
              (std::vector<std::string>{"received", "ingress", "bridge_input", "egress", "sent"}));
    EXPECT_EQ(rig.sent("b").size(), 2u);
    look_away();
}

TEST_P(Observe, TraceFollowsEveryCopyOfAFlood) {
    auto trace = std::make_shared<Trace>(rig.index("a"), 1, 78);
    look(nullptr, {}, trace);
    rig.send("a", plain(two, one));
    const auto steps = told(*trace);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), "sent"), 2);
    look_away();
}

TEST_P(Observe, TraceTellsOfADrop) {
    auto trace = std::make_shared<Trace>(rig.index("a"), 1, 79);
    look(nullptr, {}, trace);
    rig.send("a", plain(two, MacAddress{{1, 0, 0, 0, 0, 1}}));
    EXPECT_EQ(told(*trace),
              (std::vector<std::string>{"received", "ingress", "bridge_input", "bridge/bad_source"}));
    look_away();
}

TEST_P(Observe, RehearsalChangesNothing) {
    teach();
    const auto before = rig.all_drops();
    const MacAddress stranger{{2, 0, 0, 0, 0, 9}}, nobody{{2, 0, 0, 0, 0, 8}};
    for (const auto& [to, sent] : {std::pair{two, 1}, {nobody, 2}}) {
        const auto trace = rehearsed(plain(to, stranger));
        const auto steps = told(*trace);
        EXPECT_EQ(std::count(steps.begin(), steps.end(), "sent"), sent);
    }
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.all_drops(), before);
    // The stranger was not learned: a frame to it still floods.
    rig.send("a", plain(stranger, one));
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

const std::string with_veth = std::string{two_ports} +
                              "ip link add v0 up type veth peer name v1 up\nip link set v0 master br0\n"
                              "ip link add br1 up type bridge\nip link set v1 master br1\n"
                              "port add d up type null\nip link set d master br1\n"
                              "ip link add d0 up type dummy\nip link set d0 master br1\n";

TEST_P(Observe, CopiesWhatVethEndsAndDummiesCarry) {
    rig.reconfigure(with_veth);
    auto capture = std::make_shared<Capture>();
    look(capture, {"v0", "v1", "d0"});
    rig.send("a", plain(two, one));
    std::map<IfIndex, Seen> seen;
    for (const auto& copy : copies(*capture)) {
        seen[copy.note.interface] = copy.note.seen;
        EXPECT_EQ(copy.note.length, 60u);
    }
    EXPECT_EQ(seen, (std::map<IfIndex, Seen>{{rig.index("v0"), Seen::sent},
                                             {rig.index("v1"), Seen::received},
                                             {rig.index("d0"), Seen::sent}}));
    look_away();
}

TEST_P(Observe, RehearsalGoesThroughAVethPair) {
    rig.reconfigure(with_veth);
    const auto trace = rehearsed(plain(two, one));
    std::set<IfIndex> sent;
    for (std::uint32_t i = 0; i < trace->steps(); ++i)
        if (trace->step(i).kind == TraceStep::Kind::sent) sent.insert(trace->step(i).oif);
    EXPECT_EQ(sent, (std::set<IfIndex>{rig.index("b"), rig.index("c"), rig.index("v0"), rig.index("d"),
                                       rig.index("d0")}));
    EXPECT_TRUE(rig.all_sent().empty());
}

/// `two` is a station behind d.
TEST_P(Observe, TraceBeginsOnAVethEnd) {
    rig.reconfigure(with_veth);
    rig.send("d", plain(one, two));
    auto trace = std::make_shared<Trace>(rig.index("v1"), 1, 81);
    look(nullptr, {}, trace);
    const Bytes frame = plain(two, one);
    for (int i = 0; i < 2; ++i)
        rig.send("a", frame);  // one too many
    EXPECT_EQ(trace->packets(), 1u);
    EXPECT_EQ(told(*trace), (std::vector<std::string>{"received", "bridge_input", "egress", "sent"}));
    EXPECT_EQ(trace->step(0).iif, rig.index("v1"));
    EXPECT_EQ(Bytes(bytes_at(trace->head(0).bytes.data()), bytes_at(trace->head(0).bytes.data()) + 60),
              frame);
    expect_in_graph(*trace);
    look_away();
    EXPECT_EQ(rig.sent("d").size(), 2u);
}

TEST_P(Observe, TraceOfAVethEndLeavesTheBatchPathAlone) {
    rig.reconfigure(with_veth);
    teach();
    look(nullptr, {}, std::make_shared<Trace>(rig.index("v1"), 1, 82));
    const auto& stages = rig.shared().workers[0]->stages;  // a's
    const auto count = [&](StageId stage) { return stages[static_cast<std::size_t>(stage)].packets.get(); };
    const auto batched = count(StageId::bridge_batch), others = count(StageId::ingress);
    rig.send("a", plain(two, one));
    EXPECT_EQ(count(StageId::bridge_batch), batched + 1);
    EXPECT_EQ(count(StageId::ingress), others);
    look_away();
}

// A second pair makes a loop: the frame comes by v1 until its hops end it.
TEST_P(Observe, TraceTakesUpAFrameOnce) {
    rig.reconfigure(with_veth +
                    "ip link add w0 up type veth peer name w1 up\nip link set w0 master br0\n"
                    "ip link set w1 master br1\n");
    auto trace = std::make_shared<Trace>(rig.index("v1"), 9, 83);
    look(nullptr, {}, trace);
    rig.send("a", plain(two, one));
    EXPECT_EQ(trace->packets(), 1u);
    const auto steps = told(*trace);
    EXPECT_GT(std::count(steps.begin(), steps.end(), "bridge_input"), 2);
    look_away();
}

const std::string with_sub_interfaces =
    std::string{two_ports} +
    "port add d up type null\nip link add link d name d.8 up type vlan id 8\n"
    "ip link add br1 up type bridge\nip link set d.8 master br1\n"
    "port add e up type null\nip link set e master br1\n"
    "ip link add v0 up type veth peer name v1 up\n"
    "ip link set v0 master br1\n"
    "ip link add link v1 name v1.9 type vlan id 9\n";

TEST_P(Observe, TraceBeginsOnASubInterface) {
    rig.reconfigure(with_sub_interfaces);
    rig.send("e", plain(one, two));
    auto trace = std::make_shared<Trace>(rig.index("d.8"), 9, 84);
    look(nullptr, {}, trace);
    const Bytes frame = plain(two, one);
    Bytes tagged = frame;
    tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x00, 0x08});
    rig.send("d", frame);  // d's own
    EXPECT_EQ(trace->packets(), 0u);
    rig.send("d", tagged);
    EXPECT_EQ(trace->packets(), 1u);
    EXPECT_EQ(told(*trace), (std::vector<std::string>{"received", "bridge_input", "egress", "sent"}));
    EXPECT_EQ(trace->step(0).length, 60u);
    EXPECT_EQ(Bytes(bytes_at(trace->head(0).bytes.data()), bytes_at(trace->head(0).bytes.data()) + 60),
              frame);
    EXPECT_EQ(rig.sent("e"), (std::vector<Bytes>{frame}));
    look_away();
}

TEST_P(Observe, RehearsalBeginsOnAVethEndOrASubInterface) {
    rig.reconfigure(with_sub_interfaces);
    rig.send("e", plain(one, two));
    rig.all_sent();
    const auto before = rig.all_drops();
    const std::vector<std::string> forwarded{"received", "bridge_input", "egress", "sent"};
    for (const char* on : {"d.8", "v0"})
        EXPECT_EQ(told(*rehearsed(plain(two, one), on)), forwarded) << on;
    EXPECT_EQ(told(*rehearsed(plain(two, one), "v1.9")),
              (std::vector<std::string>{"received", "ingress/interface_down"}));
    EXPECT_EQ(told(*rehearsed(Bytes(9), "v0")), (std::vector<std::string>{"received", "ingress/runt"}));
    Bytes tagged = plain(two, one);
    tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x00, 0x09});
    EXPECT_EQ(told(*rehearsed(tagged, "v1")),
              (std::vector<std::string>{"received", "ingress/interface_down"}));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.all_drops(), before);
}

INSTANTIATE_TEST_SUITE_P(Rigs, Observe, every_rig, name_of);

}  // namespace
}  // namespace weft::test
