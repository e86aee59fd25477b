#include "weft/net/checksum.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/heap_pool.hpp"
#include "tests/support/offload_frames.hpp"

namespace weft {
namespace {

using test::Frame;

Frame random_bytes(std::size_t n, unsigned seed) {
    std::mt19937 random{seed};
    Frame bytes(n);
    for (auto& byte : bytes)
        byte = static_cast<std::uint8_t>(random());
    return bytes;
}

TEST(InternetSum, Rfc1071Example) {
    const Frame bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    InternetSum sum;
    sum.add(bytes.data(), bytes.size());
    EXPECT_EQ(sum.sum().host(), 0xddf2);
    EXPECT_EQ(sum.checksum().host(), 0x220d);
}

TEST(InternetSum, EveryLengthAgreesWithTheNaiveSum) {
    const Frame bytes = random_bytes(300, 1);
    for (std::size_t n = 0; n <= bytes.size(); ++n) {
        InternetSum sum;
        sum.add(bytes.data(), n);
        ASSERT_EQ(sum.sum().host(), test::naive_sum(bytes, 0, n)) << n;
    }
}

TEST(InternetSum, AllOnesDoNotOverflow) {
    const Frame bytes(65535, 0xff);
    InternetSum sum;
    for (int i = 0; i < 64; ++i)
        sum.add(bytes.data(), bytes.size() - 1);
    EXPECT_EQ(sum.sum().host(), 0xffff);
    sum.add(bytes.data(), 1);
    EXPECT_EQ(sum.sum().host(), 0xff00);
}

TEST(InternetSum, PiecesOfOddLengthsMakeTheSameSum) {
    const Frame bytes = random_bytes(257, 2);
    const auto whole = test::naive_sum(bytes, 0, bytes.size());
    for (std::size_t a = 0; a <= bytes.size(); a += 3)
        for (std::size_t b = a; b <= bytes.size(); b += 7) {
            InternetSum sum;
            sum.add(bytes.data(), a);
            sum.add(bytes.data() + a, b - a);
            sum.add(bytes.data() + b, bytes.size() - b);
            ASSERT_EQ(sum.sum().host(), whole) << a << ' ' << b;
        }
}

TEST(InternetSum, ChainFromAnOffset) {
    test::HeapPool pool;
    const Frame bytes = random_bytes(200, 3);
    const std::size_t sizes[] = {17, 0, 1, 60, 33};
    Packet* p = test::make_chain(pool.get(), bytes, sizes);
    ASSERT_EQ(p->nb_segs, 6);
    for (std::uint32_t offset = 0; offset <= 200; ++offset)
        for (const std::uint32_t length : {0u, 1u, 18u, 77u, 200u}) {
            InternetSum sum;
            add_chain(sum, p, offset, length);
            ASSERT_EQ(sum.sum().host(),
                      test::naive_sum(bytes, offset, std::min<std::size_t>(offset + length, 200)))
                << offset << ' ' << length;
        }
    Packet::free(p);
    EXPECT_EQ(pool.live(), 0u);
}

TEST(InternetSum, SubtractUndoesAdd) {
    InternetSum sum{be16{0x1234}};
    sum.add(be32{0xdeadbeef});
    sum.subtract(be32{0xdeadbeef});
    EXPECT_EQ(sum.sum(), be16{0x1234});
}

TEST(PseudoHeader, AgreesWithTheBuilder) {
    for (const bool udp : {false, true})
        for (const bool ipv6 : {false, true}) {
            const auto built = test::build({.ipv6 = ipv6, .udp = udp, .payload = 99});
            const std::uint8_t protocol = udp ? ip_protocol::udp : ip_protocol::tcp;
            const auto length = static_cast<std::uint32_t>(built.bytes.size() - built.l4);
            const void* at = built.bytes.data() + built.l3;
            const InternetSum sum =
                ipv6 ? pseudo_header(*static_cast<const Ipv6Header*>(at), protocol, length)
                     : pseudo_header(*static_cast<const Ipv4Header*>(at), protocol, length);
            EXPECT_EQ(sum.sum().host(), test::get16(built.bytes, built.l4 + built.checksum_offset))
                << udp << ipv6;
        }
}

TEST(Ipv4Checksum, WithAndWithoutOptions) {
    for (const std::size_t options : {0u, 4u, 40u}) {
        const auto built = test::build({.payload = 5, .ip_options = options});
        const auto& ip = *reinterpret_cast<const Ipv4Header*>(built.bytes.data() + built.l3);
        EXPECT_EQ(ipv4_checksum(ip), ip.checksum) << options;
    }
}

TEST(UpdateChecksum, Rfc1624Example) {
    // Section 4: the header's sum without the word is 0xcd7a; 0x5555 becomes 0x3285.
    EXPECT_EQ(update_checksum(be16{0xdd2f}, be16{0x5555}, be16{0x3285}), be16{0x0000});
}

TEST(UpdateChecksum, AgreesWithSummingAnew) {
    Frame bytes = random_bytes(64, 4);
    for (std::size_t at = 0; at < 60; at += 2) {
        InternetSum before;
        before.add(bytes.data(), bytes.size());
        const be16 from16{static_cast<std::uint16_t>(test::get16(bytes, at))};
        const be32 from32{test::get32(bytes, at)};
        Frame one = bytes;
        one[at] ^= 0x5a;
        InternetSum after;
        after.add(one.data(), one.size());
        EXPECT_EQ(update_checksum(before.checksum(), from16,
                                  be16{static_cast<std::uint16_t>(test::get16(one, at))}),
                  after.checksum());
        one[at + 3] ^= 0xff;
        InternetSum both;
        both.add(one.data(), one.size());
        EXPECT_EQ(update_checksum(before.checksum(), from32, be32{test::get32(one, at)}), both.checksum());
    }
}

}  // namespace
}  // namespace weft
