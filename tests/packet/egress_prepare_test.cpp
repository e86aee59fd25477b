// The last step before a port: nothing that the port can do, everything that it cannot, and never in bytes
// that somebody else sees.
#include "dataplane/egress/prepare.hpp"

#include <gtest/gtest.h>

#include "dataplane/egress/tag.hpp"
#include "tests/packet/environment.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "tests/support/offload_frames.hpp"
#include "weft/port.hpp"

namespace weft {
namespace {

using test::Frame;
using Sizes = std::vector<std::size_t>;

constexpr std::uint8_t everything = 0x7f;

class Prepare : public ::testing::Test {
  protected:
    unsigned run(Packet* p, std::uint8_t port, rte_mempool* pool = test::pool()) {
        count_ = prepare_for_port(p, port, pool, out_, max_segments, why_);
        return count_;
    }
    Frame only() {
        EXPECT_EQ(count_, 1u);
        return test::bytes_of(*out_[0]);
    }
    void TearDown() override {
        for (unsigned i = 0; i < count_; ++i)
            Packet::free(out_[i]);
    }
    void release() {
        TearDown();
        count_ = 0;
    }
    static Packet* unfinished(const test::BuiltFrame& built, const Sizes& sizes = {}) {
        Packet* p = test::make_chain(test::pool(), built.bytes, sizes);
        p->meta.checksum = ChecksumState::unfinished;
        p->meta.checksum_start = built.l4;
        p->meta.checksum_offset = built.checksum_offset;
        return p;
    }
    static Packet* clone(Packet* p) {
        Packet* c = Packet::from(rte_pktmbuf_clone(p, test::pool()));
        c->meta = p->meta;
        return c;
    }
    static void strip(Packet* p) {
        p->meta.tag_place = TagPlace::stripped;
        p->meta.vlan_tpid = 0x88a8;
        p->meta.vlan_tci = 0x2007;
    }
    Packet* out_[max_segments];
    unsigned count_ = 0;
    DropReason why_{};
};

// What the frame becomes when the tag of strip() stands in it.
Frame with_tag(Frame f) {
    f.insert(f.begin() + 12, {0x88, 0xa8, 0x20, 0x07});
    return f;
}

TEST_F(Prepare, LeavesAnOrdinaryFrameAlone) {
    for (const auto state : {ChecksumState::unknown, ChecksumState::good})
        for (const auto place : {TagPlace::none, TagPlace::in_frame}) {
            Packet* p = test::make_chain(test::pool(), Frame(60, 1));
            p->meta.checksum = state;
            p->meta.tag_place = place;
            EXPECT_EQ(detail::wants_of(*p), 0u);
            ASSERT_EQ(run(p, 0), 1u);
            EXPECT_EQ(out_[0], p);
            EXPECT_EQ(only(), Frame(60, 1));
            release();
        }
}

TEST_F(Prepare, LeavesToThePortWhatItCanDo) {
    const auto built = test::build({.payload = 5000});
    Packet* p = unfinished(built);
    p->meta.gso_type = GsoType::tcp4;
    p->meta.gso_size = 1400;
    strip(p);
    ASSERT_GT(p->nb_segs, 1);
    ASSERT_EQ(run(p, everything), 1u);
    EXPECT_EQ(out_[0], p);
    EXPECT_EQ(only(), built.bytes);
    EXPECT_EQ(p->meta.checksum, ChecksumState::unfinished);
    EXPECT_EQ(p->meta.tag_place, TagPlace::stripped);
    EXPECT_EQ(p->meta.gso_type, GsoType::tcp4);
}

// What from_virtio() would refuse: the frame was long enough with the tag that it had.
TEST_F(Prepare, DropsAGsoFrameThatIsShorterThanItsHeaders) {
    Packet* p = test::make_chain(test::pool(), Frame(33, 1));
    p->meta.tag_place = TagPlace::none;
    p->meta.checksum = ChecksumState::good;
    p->meta.gso_type = GsoType::tcp4;
    p->meta.gso_size = 1;
    ASSERT_EQ(run(p, everything), 0u);
    EXPECT_EQ(why_, DropReason::egress_bad_offload);
    EXPECT_EQ(test::bytes_of(*p), Frame(33, 1));
    Packet::free(p);
}

// RFC 3168 6.1.2: CWR is set in the first segment only; virtio 1.1 5.1.6.4 and Linux's NETIF_F_TSO_ECN name
// who can see to that.
TEST_F(Prepare, SegmentsCwrForAPortThatWouldRepeatIt) {
    constexpr std::uint8_t cwr = 0x80;
    const auto built = test::build({.payload = 5000, .tcp_flags = 0x10u | cwr});
    for (const bool able : {true, false})
        for (const bool ecn : {true, false}) {
            Packet* p = unfinished(built);
            p->meta.gso_type = GsoType::tcp4;
            p->meta.gso_size = 1400;
            p->meta.gso_ecn = ecn;
            ASSERT_EQ(run(p, able ? everything : everything & ~Offload::tcp_ecn), able || !ecn ? 1u : 4u);
            for (unsigned i = 0; i < count_; ++i)
                EXPECT_EQ(test::bytes_of(*out_[i])[built.l4 + 13u] & cwr, i == 0 ? cwr : 0);
            release();
        }
}

TEST_F(Prepare, InsertsTheTagAndFinishesTheSum) {
    const auto built = test::build({.udp = true, .payload = 100});
    for (const std::uint8_t port : {0, int{Offload::multi_segment}})
        for (const Sizes& sizes : {Sizes{}, Sizes{14}, Sizes{5, 5, 30}, Sizes{41, 60}}) {
            Packet* p = unfinished(built, sizes);
            strip(p);
            ASSERT_EQ(run(p, port), 1u);
            const Frame f = only();
            EXPECT_EQ(test::fault_of(f), "");
            Frame expected = with_tag(built.bytes);
            test::put16(expected, built.l4 + 10u, test::get16(f, built.l4 + 10u));
            EXPECT_EQ(f, expected);
            EXPECT_EQ(out_[0]->meta.checksum, ChecksumState::good);
            EXPECT_EQ(out_[0]->meta.tag_place, TagPlace::in_frame);
            if (!port) {
                EXPECT_EQ(out_[0]->nb_segs, 1);
            }
            release();
        }
}

TEST_F(Prepare, OnlyTheTag) {
    Packet* p = unfinished(test::build({.payload = 10}));
    strip(p);
    const auto start = p->meta.checksum_start;
    ASSERT_EQ(run(p, everything & ~Offload::vlan_insert), 1u);
    EXPECT_EQ(out_[0], p);
    EXPECT_EQ(only(), with_tag(test::build({.payload = 10}).bytes));
    EXPECT_EQ(p->meta.checksum, ChecksumState::unfinished);
    EXPECT_EQ(p->meta.checksum_start, start + 4);
}

TEST_F(Prepare, SharedPacketsAreEditedInAHeadOfTheirOwn) {
    const auto built = test::build({.payload = 600});
    for (const Sizes& sizes : {Sizes{}, Sizes{14}, Sizes{40, 100}})
        for (const std::uint8_t port : {0, int{Offload::multi_segment}})
            for (const bool original_first : {true, false}) {
                Packet* p = unfinished(built, sizes);
                strip(p);
                Packet* c = clone(p);
                Packet* first = original_first ? p : c;
                Packet* second = original_first ? c : p;
                ASSERT_EQ(run(first, port), 1u);
                EXPECT_EQ(test::fault_of(only()), "");
                EXPECT_TRUE(port || out_[0]->nb_segs == 1) << "the port takes no chain";
                EXPECT_EQ(test::bytes_of(*second), built.bytes);
                release();
                ASSERT_EQ(run(second, port), 1u);
                EXPECT_EQ(test::fault_of(only()), "");
                EXPECT_TRUE(port || out_[0]->nb_segs == 1) << "the port takes no chain";
                EXPECT_EQ(only().size(), built.bytes.size() + 4);
                release();
            }
}

TEST_F(Prepare, ACloneThatNeedsNothingIsSentAsItIs) {
    Packet* p = test::make_chain(test::pool(), Frame(100, 3));
    Packet* c = clone(p);
    ASSERT_EQ(run(c, 0), 1u);
    EXPECT_EQ(out_[0], c);
    Packet::free(p);
}

TEST_F(Prepare, JoinsChainsForPortsThatTakeNone) {
    Frame frame(1500);
    for (std::size_t i = 0; i < frame.size(); ++i)
        frame[i] = static_cast<std::uint8_t>(i);
    Packet* p = test::make_chain(test::pool(), frame, Sizes{18, 700});
    p->meta.mark = 9;
    ASSERT_EQ(run(p, 0), 1u);
    EXPECT_EQ(out_[0], p) << "the first segment has room";
    EXPECT_EQ(only(), frame);
    EXPECT_EQ(p->nb_segs, 1);
    release();

    p = test::make_chain(test::pool(), frame, Sizes{18, 700});
    p->meta.mark = 9;
    Packet* c = clone(p);
    c->meta.mark = 10;
    ASSERT_EQ(run(c, 0), 1u);
    EXPECT_NE(out_[0], c);
    EXPECT_EQ(only(), frame);
    EXPECT_EQ(out_[0]->nb_segs, 1);
    EXPECT_EQ(out_[0]->meta.mark, 10u);
    EXPECT_EQ(test::bytes_of(*p), frame);
    Packet::free(p);
}

TEST_F(Prepare, AJumboFrameDoesNotFitAPortWithoutChains) {
    Packet* p = test::make_chain(test::pool(), Frame(5000, 7));
    EXPECT_EQ(run(p, everything & ~Offload::multi_segment), 0u);
    EXPECT_EQ(why_, DropReason::egress_too_big);
    EXPECT_EQ(test::bytes_of(*p), Frame(5000, 7));
    Packet::free(p);
}

TEST_F(Prepare, SegmentsAndTagsEverySegment) {
    for (const bool udp : {false, true})
        for (const bool ipv6 : {false, true}) {
            const auto built = test::build({.ipv6 = ipv6, .udp = udp, .payload = 4000});
            // Without its own GSO bit, without checksums, and with GSO but no chains: each time in software.
            const std::uint8_t own = udp ? Offload::udp_gso : ipv6 ? Offload::tcp6_gso : Offload::tcp4_gso;
            const int lacking[] = {everything, own, Offload::checksum, Offload::multi_segment};
            for (const int lacks : lacking) {
                Packet* p = unfinished(built);
                p->meta.gso_type = udp ? GsoType::udp : ipv6 ? GsoType::tcp6 : GsoType::tcp4;
                p->meta.gso_size = 1400;
                strip(p);
                const auto port = static_cast<std::uint8_t>(everything & ~(lacks | Offload::vlan_insert));
                ASSERT_EQ(run(p, port), 3u) << lacks;
                for (unsigned i = 0; i < 3; ++i) {
                    Packet& s = *out_[i];
                    EXPECT_EQ(s.meta.tag_place, TagPlace::in_frame);
                    EXPECT_EQ(s.meta.checksum_start, built.l4 + 4);
                    const Frame f = test::bytes_of(s);
                    EXPECT_EQ(test::get16(f, 12), 0x88a8u);
                    EXPECT_EQ(test::get16(f, 14), 0x2007u);
                    if (!(port & Offload::checksum)) {
                        EXPECT_EQ(test::fault_of(f), "");
                    }
                    if (!(port & Offload::multi_segment)) {
                        EXPECT_EQ(s.nb_segs, 1);
                    }
                }
                release();
            }
        }
}

TEST_F(Prepare, AShortGsoFrameInAChainIsJoinedForAPortThatSegments) {
    Packet* p = unfinished(test::build({.payload = 1000}), Sizes{60});
    p->meta.gso_type = GsoType::tcp4;
    p->meta.gso_size = 300;
    ASSERT_EQ(run(p, everything & ~Offload::multi_segment), 1u);
    EXPECT_EQ(out_[0]->nb_segs, 1);
    EXPECT_EQ(out_[0]->meta.gso_type, GsoType::tcp4);
    EXPECT_EQ(out_[0]->meta.checksum, ChecksumState::unfinished);
}

TEST_F(Prepare, WhatIsRefusedIsUnchanged) {
    const auto built = test::build({.payload = 100});
    Packet* p = unfinished(built);
    strip(p);
    p->meta.checksum_start = 13;
    EXPECT_EQ(run(p, 0), 0u);
    EXPECT_EQ(why_, DropReason::egress_bad_offload);
    EXPECT_EQ(p->meta.tag_place, TagPlace::stripped);
    EXPECT_EQ(test::bytes_of(*p), built.bytes);
    Packet::free(p);

    test::HeapPool empty;
    empty.set_limit(0);
    p = unfinished(built);
    strip(p);
    Packet* c = clone(p);
    EXPECT_EQ(run(c, 0, empty.get()), 0u);
    EXPECT_EQ(why_, DropReason::egress_no_mbuf);
    EXPECT_EQ(test::bytes_of(*c), built.bytes);
    EXPECT_EQ(c->meta.tag_place, TagPlace::stripped);
    EXPECT_EQ(c->meta.checksum, ChecksumState::unfinished);
    Packet::free(c);
    Packet::free(p);

    p = test::make_chain(test::pool(), Frame(13, 1));
    strip(p);
    EXPECT_EQ(run(p, 0), 0u);
    EXPECT_EQ(why_, DropReason::egress_bad_offload);
    Packet::free(p);

    Frame far(6000, 1);
    p = test::make_chain(test::pool(), far);
    p->meta.checksum = ChecksumState::unfinished;
    p->meta.checksum_start = 4000;
    p->meta.checksum_offset = 0;
    c = clone(p);
    EXPECT_EQ(run(c, Offload::multi_segment), 0u) << "a field behind any header, in shared bytes";
    EXPECT_EQ(why_, DropReason::egress_bad_offload);
    Packet::free(c);
    ASSERT_EQ(run(p, Offload::multi_segment), 1u) << "in bytes of its own it can be written";
    EXPECT_EQ(test::get16(only(), 4000), ~test::naive_sum(far, 4000, 6000) & 0xffff);
}

}  // namespace
}  // namespace weft
