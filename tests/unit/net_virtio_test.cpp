#include "weft/net/virtio_net.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "tests/support/offload_frames.hpp"

namespace weft {
namespace {

struct Accepted {
    const char* what;
    VirtioNetHeader header;  // flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
    std::uint32_t length;
    ChecksumState checksum;
    GsoType gso;
    bool ecn;
};

TEST(FromVirtio, Accepts) {
    const Accepted cases[] = {
        {"nothing said", {0, 0, 0, 0, 0, 0}, 60, ChecksumState::unknown, GsoType::none, false},
        {"data valid", {2, 0, 0, 0, 0, 0}, 60, ChecksumState::good, GsoType::none, false},
        {"offsets without the flag mean nothing",
         {0, 0, 0, 9, 9999, 9999},
         60,
         ChecksumState::unknown,
         GsoType::none,
         false},
        {"unfinished UDP", {1, 0, 0, 0, 34, 6}, 60, ChecksumState::unfinished, GsoType::none, false},
        {"unfinished wins over valid",
         {3, 0, 0, 0, 34, 16},
         60,
         ChecksumState::unfinished,
         GsoType::none,
         false},
        {"field ends with the frame",
         {1, 0, 0, 0, 34, 24},
         60,
         ChecksumState::unfinished,
         GsoType::none,
         false},
        {"receive coalescing information",
         {4, 0, 0, 0, 2, 0},
         60,
         ChecksumState::unknown,
         GsoType::none,
         false},
        {"tcp4", {1, 1, 54, 1448, 34, 16}, 9000, ChecksumState::unfinished, GsoType::tcp4, false},
        {"tcp4 with ECN", {1, 0x81, 54, 1448, 34, 16}, 9000, ChecksumState::unfinished, GsoType::tcp4, true},
        {"tcp6", {1, 4, 74, 1428, 54, 16}, 9000, ChecksumState::unfinished, GsoType::tcp6, false},
        {"udp", {1, 5, 42, 1200, 34, 6}, 9000, ChecksumState::unfinished, GsoType::udp, false},
        {"hdr_len is a hint",
         {1, 1, 65535, 1448, 34, 16},
         9000,
         ChecksumState::unfinished,
         GsoType::tcp4,
         false},
        {"one segment is no GSO",
         {1, 1, 54, 1448, 34, 16},
         1502,
         ChecksumState::unfinished,
         GsoType::none,
         false},
        {"one byte more is", {1, 1, 54, 1448, 34, 16}, 1503, ChecksumState::unfinished, GsoType::tcp4, false},
        {"GSO with a whole checksum",
         {2, 1, 54, 1448, 0, 0},
         9000,
         ChecksumState::good,
         GsoType::tcp4,
         false},
    };
    for (const auto& c : cases) {
        Metadata meta;
        std::memset(static_cast<void*>(&meta), 0xa5, sizeof meta);
        ASSERT_TRUE(from_virtio(c.header, c.length, meta)) << c.what;
        EXPECT_EQ(meta.checksum, c.checksum) << c.what;
        EXPECT_EQ(meta.gso_type, c.gso) << c.what;
        EXPECT_EQ(meta.gso_ecn, c.ecn) << c.what;
        if (c.checksum == ChecksumState::unfinished) {
            EXPECT_EQ(meta.checksum_start, c.header.csum_start) << c.what;
            EXPECT_EQ(meta.checksum_offset, c.header.csum_offset) << c.what;
        }
        if (c.gso != GsoType::none) {
            EXPECT_EQ(meta.gso_size, c.header.gso_size) << c.what;
        }
        EXPECT_EQ(static_cast<unsigned>(meta.tag_place), 0xa5u) << "wrote what is not its own: " << c.what;
        EXPECT_EQ(meta.mark, 0xa5a5a5a5u) << c.what;
    }
}

TEST(FromVirtio, RefusesContradictions) {
    const struct {
        const char* what;
        VirtioNetHeader header;
        std::uint32_t length;
    } cases[] = {
        {"start in the addresses", {1, 0, 0, 0, 13, 6}, 60},
        {"start behind the frame", {1, 0, 0, 0, 60, 0}, 60},
        {"field cut off", {1, 0, 0, 0, 34, 25}, 60},
        {"sum of offsets over 16 bits", {1, 0, 0, 0, 65535, 65535}, 9000},
        {"empty frame", {1, 0, 0, 0, 14, 0}, 0},
        {"no segment size", {1, 1, 54, 0, 34, 16}, 9000},
        {"ECN alone", {1, 0x80, 54, 1448, 34, 16}, 9000},
        {"UDP with ECN", {1, 0x85, 42, 1200, 34, 6}, 9000},
        {"UDP fragmentation", {1, 3, 42, 1200, 34, 6}, 9000},
        {"unknown type", {1, 2, 42, 1200, 34, 6}, 9000},
        {"unknown type 6", {1, 6, 42, 1200, 34, 6}, 9000},
        {"TCP with UDP's field", {1, 1, 54, 1448, 34, 6}, 9000},
        {"UDP with TCP's field", {1, 5, 42, 1200, 34, 16}, 9000},
        {"TCP header cut off", {1, 1, 54, 1448, 34, 16}, 53},
        {"GSO shorter than any header", {0, 1, 0, 1448, 0, 0}, 33},
        {"a sum that tags would move beyond 16 bits", {1, 0, 0, 0, 0xff01, 16}, 65557},
    };
    for (const auto& c : cases) {
        Metadata meta;
        EXPECT_FALSE(from_virtio(c.header, c.length, meta)) << c.what;
    }
}

class ToVirtio : public ::testing::Test {
  protected:
    static VirtioNetHeader header_of(const test::BuiltFrame& built, GsoType gso, bool ecn, TagPlace place) {
        auto p = test::make_packet(built.bytes, 9000);
        p->meta.checksum = ChecksumState::unfinished;
        p->meta.checksum_start = built.l4;
        p->meta.checksum_offset = built.checksum_offset;
        p->meta.gso_type = gso;
        p->meta.gso_ecn = ecn;
        p->meta.gso_size = 1000;
        p->meta.tag_place = place;
        return to_virtio(*p);
    }
    static void expect(const VirtioNetHeader& got, const VirtioNetHeader& want, const char* what) {
        EXPECT_EQ(got.flags, want.flags) << what;
        EXPECT_EQ(got.gso_type, want.gso_type) << what;
        EXPECT_EQ(got.hdr_len, want.hdr_len) << what;
        EXPECT_EQ(got.gso_size, want.gso_size) << what;
        EXPECT_EQ(got.csum_start, want.csum_start) << what;
        EXPECT_EQ(got.csum_offset, want.csum_offset) << what;
    }
};

TEST_F(ToVirtio, Unsegmented) {
    auto p = test::make_packet(test::Frame(60));
    expect(to_virtio(*p), {0, 0, 0, 0, 0, 0}, "unknown");
    p->meta.checksum = ChecksumState::good;
    expect(to_virtio(*p), {2, 0, 0, 0, 0, 0}, "good");
    const auto udp = test::build({.udp = true, .payload = 100});
    expect(header_of(udp, GsoType::none, false, TagPlace::none), {1, 0, 0, 0, 34, 6}, "unfinished");
    expect(header_of(udp, GsoType::none, false, TagPlace::stripped), {1, 0, 0, 0, 38, 6},
           "tag to be inserted");
}

TEST_F(ToVirtio, Gso) {
    const auto tcp4 = test::build({.payload = 3000, .tcp_options = 12});
    expect(header_of(tcp4, GsoType::tcp4, false, TagPlace::none), {1, 1, 66, 1000, 34, 16}, "tcp4");
    expect(header_of(tcp4, GsoType::tcp4, true, TagPlace::none), {1, 0x81, 66, 1000, 34, 16}, "ecn");
    expect(header_of(tcp4, GsoType::tcp4, false, TagPlace::stripped), {1, 1, 70, 1000, 38, 16}, "stripped");
    const auto tcp6 = test::build({.tags = {{0x8100, 7}}, .ipv6 = true, .payload = 3000});
    expect(header_of(tcp6, GsoType::tcp6, false, TagPlace::in_frame), {1, 4, 78, 1000, 58, 16},
           "tcp6, tagged");
    const auto udp = test::build({.udp = true, .payload = 3000});
    expect(header_of(udp, GsoType::udp, false, TagPlace::none), {1, 5, 42, 1000, 34, 6}, "udp");
}

TEST_F(ToVirtio, ReadsTheTcpHeaderAcrossSegments) {
    test::HeapPool pool;
    const auto built = test::build({.payload = 3000, .tcp_options = 20});
    const std::size_t sizes[] = {14, 20, 13};
    Packet* p = test::make_chain(pool.get(), built.bytes, sizes);
    p->meta.checksum = ChecksumState::unfinished;
    p->meta.checksum_start = built.l4;
    p->meta.checksum_offset = 16;
    p->meta.gso_type = GsoType::tcp4;
    p->meta.gso_ecn = 0;
    p->meta.gso_size = 1000;
    expect(to_virtio(*p), {1, 1, 74, 1000, 34, 16}, "chain");
    Packet::free(p);
}

TEST_F(ToVirtio, IsTheInverse) {
    const VirtioNetHeader headers[] = {{1, 1, 54, 1448, 34, 16}, {1, 0x84, 74, 1428, 54, 16},
                                       {1, 5, 42, 1200, 34, 6},  {1, 0, 0, 0, 34, 6},
                                       {2, 0, 0, 0, 0, 0},       {0, 0, 0, 0, 0, 0}};
    for (const auto& header : headers) {
        auto p = test::make_packet(test::Frame(9000, 0x50), 9000);
        ASSERT_TRUE(from_virtio(header, p->length(), p->meta));
        expect(to_virtio(*p), header, "round trip");
    }
}

}  // namespace
}  // namespace weft
