#include "dataplane/egress/finish.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "tests/support/offload_frames.hpp"

namespace weft {
namespace {

void leave_unfinished(Packet& p, const test::BuiltFrame& built) {
    p.meta.checksum = ChecksumState::unfinished;
    p.meta.checksum_start = built.l4;
    p.meta.checksum_offset = built.checksum_offset;
}

TEST(FinishChecksum, TcpAndUdpOverBothFamilies) {
    for (const bool udp : {false, true})
        for (const bool ipv6 : {false, true})
            for (const std::size_t payload : {0u, 1u, 18u, 1401u}) {
                const auto built = test::build(
                    {.tags = {{0x88a8, 5}, {0x8100, 6}}, .ipv6 = ipv6, .udp = udp, .payload = payload});
                auto p = test::make_packet(built.bytes);
                leave_unfinished(*p, built);
                ASSERT_TRUE(finish_checksum(*p));
                EXPECT_EQ(test::fault_of(test::bytes_of(*p)), "") << udp << ipv6 << payload;
                EXPECT_EQ(p->meta.checksum, ChecksumState::good);
            }
}

TEST(FinishChecksum, AnySplitIntoThreeSegments) {
    test::HeapPool pool;
    const auto built = test::build({.udp = true, .payload = 31});
    for (std::size_t a = 1; a < built.bytes.size(); ++a)
        for (std::size_t b = 1; b < 20; ++b) {
            const std::size_t sizes[] = {a, b};
            Packet* p = test::make_chain(pool.get(), built.bytes, sizes);
            leave_unfinished(*p, built);
            ASSERT_TRUE(finish_checksum(*p));
            ASSERT_EQ(test::fault_of(test::bytes_of(*p)), "") << a << ' ' << b;
            Packet::free(p);
        }
    EXPECT_EQ(pool.live(), 0u);
}

TEST(FinishChecksum, ZeroIsStoredAsAllOnes) {
    auto built = test::build({.udp = true, .payload = 2});
    // The word that makes the whole sum 0xffff, so that its complement is zero.
    test::put16(built.bytes, built.payload, 0);
    test::put16(built.bytes, built.payload,
                0xffff - test::naive_sum(built.bytes, built.l4, built.bytes.size()));
    auto p = test::make_packet(built.bytes);
    leave_unfinished(*p, built);
    ASSERT_TRUE(finish_checksum(*p));
    EXPECT_EQ(test::get16(test::bytes_of(*p), built.l4 + 6u), 0xffffu);
}

TEST(FinishChecksum, GoldenBytes) {
    const auto built = test::build({.udp = true, .payload = 4});
    auto p = test::make_packet(built.bytes);
    leave_unfinished(*p, built);
    ASSERT_TRUE(finish_checksum(*p));
    // Payload 00 01 02 03. c000+0201+c633+6409+0011+000c, +1234+0050+000c, +0001+0203 = 200ee, folded 00f0.
    EXPECT_EQ(test::get16(test::bytes_of(*p), built.l4 + 6u), 0xff0fu);
}

TEST(FinishChecksum, TouchesNothingUnlessUnfinished) {
    const auto built = test::build({.payload = 40});
    auto p = test::make_packet(built.bytes);
    for (const auto state : {ChecksumState::good, ChecksumState::unknown}) {
        p->meta.checksum = state;
        EXPECT_TRUE(finish_checksum(*p));
        EXPECT_EQ(test::bytes_of(*p), built.bytes);
        EXPECT_EQ(p->meta.checksum, state);
    }
}

TEST(FinishChecksum, RefusesOffsetsOutsideTheFrame) {
    const auto built = test::build({.payload = 40});
    const auto size = static_cast<unsigned>(built.bytes.size());
    const std::pair<unsigned, unsigned> offsets[] = {{13, 6},         {0, 0},          {size, 0},
                                                     {34, size - 34}, {34, size - 35}, {65535, 65535}};
    for (const auto& [start, offset] : offsets) {
        auto p = test::make_packet(built.bytes);
        p->meta.checksum = ChecksumState::unfinished;
        p->meta.checksum_start = static_cast<std::uint16_t>(start);
        p->meta.checksum_offset = static_cast<std::uint16_t>(offset);
        EXPECT_FALSE(finish_checksum(*p)) << start << ' ' << offset;
        EXPECT_EQ(test::bytes_of(*p), built.bytes);
        EXPECT_EQ(p->meta.checksum, ChecksumState::unfinished);
    }
}

}  // namespace
}  // namespace weft
