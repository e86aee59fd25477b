// SCTP and GRE as nf_conntrack_proto_sctp.c and nf_conntrack_proto_gre.c of Linux 6.18 track them.
#include "dataplane/flow/sctp.hpp"

#include <gtest/gtest.h>

#include "dataplane/flow/gre.hpp"
#include "tests/unit/flow_packets.hpp"
#include "weft/net/sctp.hpp"

namespace weft {

void PrintTo(SctpState state, std::ostream* out) {
    *out << (static_cast<unsigned>(state) < sctp_state_count ? sctp_state_names[static_cast<unsigned>(state)]
                                                             : "INVALID");
}

namespace {

using namespace test;
using S = SctpState;

constexpr Ends peers{1, 2, 5000, 3868};
constexpr std::uint32_t tag_a = 0xaaaa0001, tag_b = 0xbbbb0002;

Bytes chunk(std::uint8_t type, std::uint8_t flags = 0, const Bytes& value = {}) {
    Bytes bytes{type, flags};
    put16(bytes, static_cast<std::uint32_t>(4 + value.size()));
    bytes.insert(bytes.end(), value.begin(), value.end());
    bytes.resize((bytes.size() + 3) / 4 * 4);
    return bytes;
}
/// INIT and INIT ACK: the tag that the sender wants to see.
Bytes opening(std::uint8_t type, std::uint32_t tag) {
    Bytes value;
    put32(value, tag);
    value.resize(16);
    return chunk(type, 0, value);
}
Bytes packet(Ends ends, std::uint32_t tag, const std::vector<Bytes>& chunks) {
    Bytes bytes;
    put16(bytes, ends.source_port);
    put16(bytes, ends.destination_port);
    put32(bytes, tag);
    put32(bytes, 0);
    for (const auto& one : chunks)
        bytes.insert(bytes.end(), one.begin(), one.end());
    return ip4(ends, 132, bytes);
}

struct Association : Tracker {
    FlowRef ref = 0;
    /// From the one that began, carrying the other's tag; and back.
    Tracked forth(std::uint32_t tag, const std::vector<Bytes>& chunks) {
        const auto seen = pass(packet(peers, tag, chunks));
        if (seen.kind == Tracked::tracked) ref = seen.ref & ~1U;
        return seen;
    }
    Tracked back(std::uint32_t tag, const std::vector<Bytes>& chunks) {
        return pass(packet(peers.back(), tag, chunks));
    }
    [[nodiscard]] SctpState is() const { return state_of(ref).sctp.state(); }
    void open() {
        ASSERT_EQ(forth(0, {opening(sctp_chunk::init, tag_a)}).kind, Tracked::tracked);
        ASSERT_EQ(back(tag_a, {opening(sctp_chunk::init_ack, tag_b)}).kind, Tracked::tracked);
        ASSERT_EQ(forth(tag_b, {chunk(sctp_chunk::cookie_echo)}).kind, Tracked::tracked);
        ASSERT_EQ(back(tag_a, {chunk(sctp_chunk::cookie_ack)}).kind, Tracked::tracked);
    }
};

TEST(FlowSctp, OpensAndShutsDown) {
    Association a;
    EXPECT_EQ(a.forth(0, {opening(sctp_chunk::init, tag_a)}).info, CtInfo::fresh);
    EXPECT_EQ(a.is(), S::closed);
    EXPECT_EQ(a.left(a.ref), 10);
    EXPECT_EQ(a.back(tag_a, {opening(sctp_chunk::init_ack, tag_b)}).info, CtInfo::established_reply);
    EXPECT_EQ(a.is(), S::cookie_wait);
    EXPECT_EQ(a.left(a.ref), 3);
    a.forth(tag_b, {chunk(sctp_chunk::cookie_echo), chunk(sctp_chunk::data)});
    EXPECT_EQ(a.is(), S::cookie_echoed);
    EXPECT_FALSE(a.state_of(a.ref).has(FlowStatus::assured));
    a.back(tag_a, {chunk(sctp_chunk::cookie_ack)});
    EXPECT_EQ(a.is(), S::established);
    EXPECT_EQ(a.left(a.ref), 210);
    EXPECT_TRUE(a.state_of(a.ref).has(FlowStatus::assured));
    a.forth(tag_b, {chunk(sctp_chunk::shutdown)});
    EXPECT_EQ(a.is(), S::shutdown_sent);
    a.back(tag_a, {chunk(sctp_chunk::shutdown_ack)});
    EXPECT_EQ(a.is(), S::shutdown_ack_sent);
    a.forth(tag_b, {chunk(sctp_chunk::shutdown_complete)});
    EXPECT_EQ(a.is(), S::closed);
    EXPECT_EQ(a.left(a.ref), 10);
    EXPECT_EQ(a.all().size(), 1U);
    EXPECT_EQ(a.all()[0].sctp_state, S::closed);
}

/// RFC 9260 8.5: a packet with a wrong tag changes nothing.
TEST(FlowSctp, WrongTagsAreInvalid) {
    Association a;
    a.open();
    EXPECT_EQ(a.forth(tag_a, {chunk(sctp_chunk::data)}).kind, Tracked::invalid);
    EXPECT_EQ(a.back(tag_b, {chunk(sctp_chunk::abort)}).kind, Tracked::invalid);
    EXPECT_EQ(a.is(), S::established);
    EXPECT_EQ(a.back(tag_b, {chunk(sctp_chunk::abort, 1)}).kind, Tracked::tracked) << "the T flag reflects";
    EXPECT_EQ(a.is(), S::closed);
}

/// RFC 9260 8.4: what begins nothing.
TEST(FlowSctp, OutOfTheBlue) {
    for (const auto type : {sctp_chunk::abort, sctp_chunk::shutdown_complete, sctp_chunk::cookie_ack,
                            sctp_chunk::data, std::uint8_t{3}}) {
        Association a;
        EXPECT_EQ(a.forth(tag_b, {chunk(type)}).kind, Tracked::invalid) << unsigned{type};
        EXPECT_EQ(a.count(), 0U);
    }
    Association a;
    EXPECT_EQ(a.forth(tag_b, {opening(sctp_chunk::init, tag_a)}).kind, Tracked::invalid) << "INIT has tag 0";
    EXPECT_EQ(a.forth(0, {chunk(sctp_chunk::init)}).kind, Tracked::invalid) << "INIT cut off";
    EXPECT_EQ(a.forth(0, {}).kind, Tracked::invalid) << "no chunk";
    EXPECT_EQ(a.forth(0, {opening(sctp_chunk::init, tag_a), chunk(sctp_chunk::data)}).kind, Tracked::invalid)
        << "INIT is alone (RFC 9260 6.10)";
    EXPECT_EQ(a.forth(0, {{sctp_chunk::heartbeat, 0, 0, 0}}).kind, Tracked::invalid) << "a length of 0";
}

/// A second path begins with HEARTBEAT.
TEST(FlowSctp, HeartbeatsOpenAnotherPath) {
    Association a;
    a.forth(tag_b, {chunk(sctp_chunk::heartbeat)});
    EXPECT_EQ(a.is(), S::heartbeat_sent);
    EXPECT_EQ(a.left(a.ref), 30);
    a.back(tag_a, {chunk(sctp_chunk::heartbeat_ack)});
    EXPECT_EQ(a.is(), S::established);
    EXPECT_EQ(a.left(a.ref), 210);
    EXPECT_EQ(a.forth(tag_b, {chunk(sctp_chunk::data)}).kind, Tracked::tracked);
    EXPECT_EQ(a.back(tag_b, {chunk(sctp_chunk::data)}).kind, Tracked::invalid);
}

TEST(FlowSctp, RepeatedInitsDoNotKeepItAlive) {
    Association a;
    a.forth(0, {opening(sctp_chunk::init, tag_a)});
    a.wait(4);
    EXPECT_EQ(a.forth(0, {opening(sctp_chunk::init, tag_a)}).kind, Tracked::tracked);
    EXPECT_EQ(a.left(a.ref), 6);
}

/// RFC 3720 B.4, the checksum of 32 bytes of zeros; RFC 9260 appendix A.
TEST(FlowSctp, ChecksumIsCrc32c) {
    Crc32c crc;
    const Bytes zeros(32);
    crc.add(zeros.data(), 31);
    crc.add(zeros.data(), 1);
    EXPECT_EQ(crc.checksum(), (std::array<std::uint8_t, 4>{0xaa, 0x36, 0x91, 0x8a}));
}

const Bytes plain_gre{0, 0, 8, 0}, pptp{0x30, 0x81, 0x88, 0x0b, 0, 0, 0x12, 0x34};

TEST(FlowGre, IsAssuredByThePacketAfterAnAnswer) {
    Tracker tracker;
    const auto ref = tracker.pass(ip4({1, 2}, 47, plain_gre)).ref;
    EXPECT_EQ(tracker.left(ref), 30);
    EXPECT_EQ(tracker.pass(ip4({2, 1}, 47, plain_gre)).ref, ref | 1);
    EXPECT_EQ(tracker.left(ref), 30);
    tracker.pass(ip4({1, 2}, 47, plain_gre));
    EXPECT_EQ(tracker.left(ref), 180);
    EXPECT_TRUE(tracker.state_of(ref).has(FlowStatus::assured));
}

/// gre_pkt_to_tuple, without a key map.
TEST(FlowGre, PptpHasTheCallAsDestinationKey) {
    Tracker tracker;
    const auto plain = tracker.pass(ip4({1, 2}, 47, plain_gre)), call = tracker.pass(ip4({1, 2}, 47, pptp));
    EXPECT_NE(plain.ref, call.ref);
    const auto view = *tracker.view(call.ref >> 1, tracker.now);
    EXPECT_EQ(view.tuple4[0].source_port.host(), 0);
    EXPECT_EQ(view.tuple4[0].destination_port.host(), 0x1234);
    EXPECT_EQ(view.tuple4[1].source_port.host(), 0x1234);
    EXPECT_EQ(tracker.pass(ip4({2, 1}, 47, pptp)).info, CtInfo::fresh) << "no answer: as Linux without pptp";
    Bytes other = pptp;
    other[2] = 8;
    EXPECT_EQ(tracker.pass(ip4({1, 2}, 47, other)).kind, Tracked::invalid) << "version 1 carries PPP";
}

TEST(FlowGre, KeepsTheTimeoutsOfItsBeginning) {
    Tracker tracker;
    const auto ref = tracker.pass(ip4({1, 2}, 47, plain_gre)).ref;
    tracker.config.gre_timeout = 500;
    tracker.pass(ip4({1, 2}, 47, plain_gre));
    EXPECT_EQ(tracker.left(ref), 30);
}

}  // namespace
}  // namespace weft
