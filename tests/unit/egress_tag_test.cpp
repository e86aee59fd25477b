#include "dataplane/egress/tag.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"

namespace weft {
namespace {

using Frame = std::vector<std::uint8_t>;

const Frame untagged{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0xaa, 0xbb, 0xcc};
const Frame tagged{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x81, 0x00, 0x20, 0x07, 0x08, 0x00, 0xaa, 0xbb, 0xcc};
const Frame stacked{2,    0,    0,    0,    0,    9,    2,    0,    0,    0,    0,    1,   0x88,
                    0xa8, 0x00, 0x64, 0x81, 0x00, 0x20, 0x07, 0x08, 0x00, 0xaa, 0xbb, 0xcc};

test::HeapPacket packet(const Frame& frame, TagPlace place, std::uint16_t tpid = 0, std::uint16_t tci = 0) {
    auto p = test::make_packet(frame);
    p->meta.tag_place = place;
    p->meta.vlan_tpid = tpid;
    p->meta.vlan_tci = tci;
    p->meta.checksum = ChecksumState::unfinished;
    p->meta.checksum_start = 100;
    p->meta.l3_offset = 80;
    p->meta.l4_offset = 100;
    return p;
}

void expect(const Packet& p, const Frame& frame, TagPlace place, unsigned tpid, unsigned tci, int moved) {
    EXPECT_EQ(test::bytes_of(p), frame);
    EXPECT_EQ(p.pkt_len, frame.size());
    EXPECT_EQ(p.meta.tag_place, place);
    if (place != TagPlace::none) {
        EXPECT_EQ(p.meta.vlan_tpid, tpid);
        EXPECT_EQ(p.meta.vlan_tci, tci);
    }
    EXPECT_EQ(p.meta.checksum_start, 100 + moved);
    EXPECT_EQ(p.meta.l3_offset, 80 + moved);
    EXPECT_EQ(p.meta.l4_offset, 100 + moved);
}

TEST(Tag, PushIntoAnUntaggedFrame) {
    auto p = packet(untagged, TagPlace::none);
    ASSERT_TRUE(push_in_frame(*p, 0x8100, 0x2007));
    expect(*p, tagged, TagPlace::in_frame, 0x8100, 0x2007, 4);
}

TEST(Tag, PushOutsideATagInTheFrame) {
    auto p = packet(tagged, TagPlace::in_frame, 0x8100, 0x2007);
    ASSERT_TRUE(push_in_frame(*p, 0x88a8, 100));
    expect(*p, stacked, TagPlace::in_frame, 0x88a8, 100, 4);
}

TEST(Tag, PushOutsideAStrippedTag) {
    auto p = packet(untagged, TagPlace::stripped, 0x8100, 0x2007);
    ASSERT_TRUE(push_in_frame(*p, 0x88a8, 100));
    expect(*p, stacked, TagPlace::in_frame, 0x88a8, 100, 8);
}

TEST(Tag, PopBaresTheInnerTag) {
    auto p = packet(stacked, TagPlace::in_frame, 0x88a8, 100);
    ASSERT_TRUE(pop_from_frame(*p));
    expect(*p, tagged, TagPlace::in_frame, 0x8100, 0x2007, -4);
    ASSERT_TRUE(pop_from_frame(*p));
    expect(*p, untagged, TagPlace::none, 0, 0, -8);
    EXPECT_FALSE(pop_from_frame(*p));
    expect(*p, untagged, TagPlace::none, 0, 0, -8);
}

TEST(Tag, PopLeavesATagThatTheFrameEndsIn) {
    const Frame cut(stacked.begin(), stacked.begin() + 20);
    auto p = packet(cut, TagPlace::in_frame, 0x88a8, 100);
    ASSERT_TRUE(pop_from_frame(*p));
    expect(*p, Frame(tagged.begin(), tagged.begin() + 16), TagPlace::none, 0, 0, -4);
}

TEST(Tag, StripAndInsertAreInverse) {
    auto p = packet(stacked, TagPlace::in_frame, 0x88a8, 100);
    ASSERT_TRUE(make_stripped(*p));
    expect(*p, tagged, TagPlace::stripped, 0x88a8, 100, -4);
    ASSERT_TRUE(make_stripped(*p));
    expect(*p, tagged, TagPlace::stripped, 0x88a8, 100, -4);
    ASSERT_TRUE(insert_stripped(*p));
    expect(*p, stacked, TagPlace::in_frame, 0x88a8, 100, 0);
    ASSERT_TRUE(insert_stripped(*p));
    expect(*p, stacked, TagPlace::in_frame, 0x88a8, 100, 0);
}

TEST(Tag, PopTagWhereverItIs) {
    auto stripped = packet(untagged, TagPlace::stripped, 0x8100, 7);
    ASSERT_TRUE(pop_tag(*stripped));
    expect(*stripped, untagged, TagPlace::none, 0, 0, 0);
    auto outer_stripped = packet(tagged, TagPlace::stripped, 0x88a8, 100);
    ASSERT_TRUE(pop_tag(*outer_stripped));
    expect(*outer_stripped, tagged, TagPlace::in_frame, 0x8100, 0x2007, 0);
    ASSERT_TRUE(pop_tag(*outer_stripped));
    expect(*outer_stripped, untagged, TagPlace::none, 0, 0, -4);
    EXPECT_FALSE(pop_tag(*outer_stripped));
}

TEST(Tag, RefusedWithoutHeadroom) {
    auto p = packet(untagged, TagPlace::stripped, 0x8100, 0x2007);
    p->data_off = 4;
    std::memcpy(p->data(), untagged.data(), untagged.size());
    EXPECT_FALSE(push_in_frame(*p, 0x88a8, 100));
    expect(*p, untagged, TagPlace::stripped, 0x8100, 0x2007, 0);
    EXPECT_TRUE(insert_stripped(*p));
    EXPECT_EQ(p->data_off, 0);
    expect(*p, tagged, TagPlace::in_frame, 0x8100, 0x2007, 4);
    EXPECT_FALSE(push_in_frame(*p, 0x88a8, 100));
    expect(*p, tagged, TagPlace::in_frame, 0x8100, 0x2007, 4);
}

TEST(Tag, RefusedIfTheFirstSegmentIsShortOrShared) {
    test::HeapPool pool;
    for (const std::size_t head : {1u, 12u, 13u}) {
        const std::size_t sizes[] = {head};
        Packet* p = test::make_chain(pool.get(), tagged, sizes);
        p->meta.tag_place = TagPlace::in_frame;
        EXPECT_FALSE(push_in_frame(*p, 0x8100, 1));
        EXPECT_FALSE(pop_from_frame(*p));
        EXPECT_FALSE(make_stripped(*p));
        EXPECT_EQ(test::bytes_of(*p), tagged);
        Packet::free(p);
    }
    Packet* p = test::make_chain(pool.get(), tagged);
    p->meta.tag_place = TagPlace::in_frame;
    Packet* clone = Packet::from(rte_pktmbuf_clone(p, pool.get()));
    clone->meta = p->meta;
    for (Packet* each : {p, clone}) {
        EXPECT_FALSE(writable(*each));
        EXPECT_FALSE(push_in_frame(*each, 0x8100, 1));
        EXPECT_FALSE(pop_from_frame(*each));
        EXPECT_FALSE(make_stripped(*each));
        each->meta.tag_place = TagPlace::stripped;
        EXPECT_FALSE(insert_stripped(*each));
        EXPECT_EQ(test::bytes_of(*each), tagged);
    }
    Packet::free(clone);
    EXPECT_TRUE(writable(*p));
    Packet::free(p);
    EXPECT_EQ(pool.live(), 0u);
}

class WritableHead : public ::testing::Test {
  protected:
    WritableHead() {
        for (std::size_t i = 0; i < frame.size(); ++i)
            frame[i] = static_cast<std::uint8_t>(i * 7);
    }
    ~WritableHead() override { EXPECT_EQ(pool.live(), 0u); }
    Packet* clone(Packet* p) {
        Packet* c = Packet::from(rte_pktmbuf_clone(p, pool.get()));
        c->meta = p->meta;
        return c;
    }
    test::HeapPool pool;
    Frame frame = Frame(500);
};

TEST_F(WritableHead, IsThePacketItselfIfNobodySharesIt) {
    const std::size_t sizes[] = {60};
    Packet* p = test::make_chain(pool.get(), frame, sizes);
    EXPECT_EQ(make_writable_head(p, pool.get(), 60), p);
    Packet::free(p);
}

TEST_F(WritableHead, SharesTheRestAndLeavesTheOthersAlone) {
    const std::size_t splits[][2] = {{500, 0}, {60, 100}, {18, 1}, {10, 8}, {1, 1}};
    for (const auto& sizes : splits) {
        Packet* p = test::make_chain(pool.get(), frame, sizes);
        p->meta.mark = 77;
        Packet* first = clone(p);
        Packet* second = clone(p);
        for (Packet** each : {&first, &p}) {
            Packet* headed = make_writable_head(*each, pool.get(), 18);
            ASSERT_TRUE(headed);
            EXPECT_NE(headed, *each);
            *each = headed;
            EXPECT_TRUE(writable(*headed));
            EXPECT_EQ(headed->head_length(), 18);
            EXPECT_EQ(headed->length(), 500u);
            EXPECT_EQ(headed->meta.mark, 77u);
            EXPECT_EQ(test::bytes_of(*headed), frame);
            unsigned segments = 0;
            for (const rte_mbuf* m = headed; m; m = m->next)
                ++segments;
            EXPECT_EQ(headed->nb_segs, segments);
            ASSERT_TRUE(push_in_frame(*headed, 0x8100, 0x0fff));
            std::memset(headed->data(), 0xee, 12);
        }
        EXPECT_EQ(test::bytes_of(*second), frame);
        Packet::free(first);
        EXPECT_EQ(test::bytes_of(*second), frame);
        Packet::free(p);
        EXPECT_EQ(test::bytes_of(*second), frame);
        Packet::free(second);
    }
}

TEST_F(WritableHead, PullsUpHeadersThatLieInSeveralSegments) {
    const std::size_t sizes[] = {10, 10, 10};
    Packet* p = test::make_chain(pool.get(), frame, sizes);
    Packet* headed = make_writable_head(p, pool.get(), 25);
    ASSERT_TRUE(headed);
    EXPECT_EQ(headed->head_length(), 25);
    EXPECT_EQ(headed->nb_segs, 3);
    EXPECT_EQ(test::bytes_of(*headed), frame);
    Packet::free(headed);
}

TEST_F(WritableHead, CopiesAShortPacketWhole) {
    Packet* p = test::make_chain(pool.get(), Frame(40, 1));
    Packet* other = clone(p);
    p = make_writable_head(p, pool.get(), 64);
    ASSERT_TRUE(p);
    EXPECT_EQ(p->nb_segs, 1);
    EXPECT_EQ(p->head_length(), 40);
    Packet::free(p);
    Packet::free(other);
}

TEST_F(WritableHead, MakesHeadroom) {
    Packet* p = test::make_chain(pool.get(), frame);
    std::memmove(static_cast<std::byte*>(p->buf_addr) + 7, p->data(), frame.size());
    p->data_off = 7;
    p = make_writable_head(p, pool.get(), 14);
    ASSERT_TRUE(p);
    EXPECT_GE(p->data_off, 8);
    EXPECT_EQ(test::bytes_of(*p), frame);
    Packet::free(p);
}

TEST_F(WritableHead, ChangesNothingIfThePoolIsEmptyOrTooSmall) {
    Packet* p = test::make_chain(pool.get(), frame);
    Packet* other = clone(p);
    pool.set_limit(pool.live());
    EXPECT_EQ(make_writable_head(p, pool.get(), 18), nullptr);
    EXPECT_EQ(test::bytes_of(*p), frame);
    test::HeapPool small{RTE_PKTMBUF_HEADROOM + 64};
    EXPECT_EQ(make_writable_head(p, small.get(), 65), nullptr);
    EXPECT_EQ(small.live(), 0u);
    EXPECT_EQ(test::bytes_of(*p), frame);
    Packet::free(p);
    Packet::free(other);
}

}  // namespace
}  // namespace weft
