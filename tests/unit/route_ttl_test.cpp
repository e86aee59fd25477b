// RFC 1624: the incremental update of the header checksum where the TTL goes down by one.
#include "dataplane/route/ttl.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "weft/net/checksum.hpp"

namespace weft {
namespace {

Ipv4Header random_header(std::mt19937& random) {
    std::uint8_t bytes[sizeof(Ipv4Header)];
    for (auto& byte : bytes)
        byte = static_cast<std::uint8_t>(random());
    Ipv4Header ip;
    std::memcpy(static_cast<void*>(&ip), bytes, sizeof ip);
    ip.version_ihl = 0x45;
    return ip;
}

/// All ones, as a receiver sums it (RFC 1071 1 (3)).
bool is_right(const Ipv4Header& ip) {
    InternetSum sum;
    sum.add(&ip, sizeof ip);
    return sum.sum() == be16{0xffff};
}

TEST(DecreaseTtl, EveryTtlAndChecksumIsEquation3OfRfc1624) {
    std::mt19937 random(1);
    Ipv4Header ip = random_header(random);
    for (unsigned ttl = 1; ttl < 256; ++ttl)
        for (unsigned checksum = 0; checksum < 0x10000; ++checksum) {
            ip.ttl = static_cast<std::uint8_t>(ttl);
            ip.checksum = be16{static_cast<std::uint16_t>(checksum)};
            const be16 from{static_cast<std::uint16_t>(ttl << 8 | ip.protocol)},
                to{static_cast<std::uint16_t>((ttl - 1) << 8 | ip.protocol)};
            const be16 wanted = update_checksum(ip.checksum, from, to);
            decrease_ttl(ip);
            ASSERT_EQ(ip.checksum, wanted) << ttl << ' ' << checksum;
            ASSERT_EQ(ip.ttl, ttl - 1);
        }
}

TEST(DecreaseTtl, RightHeadersStayRight) {
    std::mt19937 random(2);
    for (unsigned i = 0; i < 200'000; ++i) {
        Ipv4Header ip = random_header(random);
        if (ip.ttl == 0) ip.ttl = 255;
        ip.checksum = ipv4_checksum(ip);
        ASSERT_TRUE(is_right(ip));
        decrease_ttl(ip);
        ASSERT_TRUE(is_right(ip));
        ASSERT_NE(ip.checksum, be16{0xffff});
        ASSERT_EQ(ip.checksum, ipv4_checksum(ip));
    }
}

/// A header with this checksum, made by its id.
Ipv4Header header_with(std::uint16_t checksum, std::uint8_t ttl, std::mt19937& random) {
    Ipv4Header ip = random_header(random);
    ip.ttl = ttl;
    ip.id = be16{0};
    ip.checksum = be16{0};
    InternetSum rest;
    rest.add(&ip, sizeof ip);
    InternetSum id{be16{static_cast<std::uint16_t>(~checksum)}};
    id.subtract(rest.sum());
    ip.id = id.sum();
    ip.checksum = be16{checksum};
    return ip;
}

// Both zeros of one's complement, and those that become one of them (RFC 1624 3: eqn. 2 of RFC 1141 fails
// here).
TEST(DecreaseTtl, ChecksumsAboutZero) {
    std::mt19937 random(3);
    for (const std::uint16_t checksum : {0x0000, 0xffff, 0xfeff, 0xfefe, 0xff00, 0x0100, 0x00ff, 0xfffe})
        for (unsigned ttl = 1; ttl < 256; ++ttl) {
            Ipv4Header ip = header_with(checksum, static_cast<std::uint8_t>(ttl), random);
            ASSERT_TRUE(is_right(ip)) << checksum;
            decrease_ttl(ip);
            ASSERT_TRUE(is_right(ip)) << checksum << ' ' << ttl;
            ASSERT_NE(ip.checksum, be16{0xffff});
        }
}

}  // namespace
}  // namespace weft
