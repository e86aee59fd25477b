// Tuples and their inverses as net/netfilter/nf_conntrack_core.c and nf_conntrack_proto_icmp{,v6}.c make
// them.
#include <gtest/gtest.h>

#include <vector>

#include "dataplane/flow/parse.hpp"

namespace weft {
namespace {

constexpr Tuple4 from_a_to_b{be32{0x0a000001}, be32{0x0a000002}, be16{1024}, be16{80}};

Tuple4 icmp_tuple(std::uint8_t type, std::uint8_t code = 0) {
    return {be32{1}, be32{2}, be16{77}, icmp_type_and_code(type, code)};
}

TEST(FlowTuple, TheInverseSwapsAddressesAndPorts) {
    const auto back = inverted(from_a_to_b, ip_protocol::tcp);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, (Tuple4{be32{0x0a000002}, be32{0x0a000001}, be16{80}, be16{1024}}));
    EXPECT_EQ(*inverted(*back, ip_protocol::tcp), from_a_to_b);
}

TEST(FlowTuple, OnlyIcmpQueriesHaveAnInverse) {
    const std::pair<std::uint8_t, std::uint8_t> pairs[] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
    unsigned have = 0;
    for (unsigned type = 0; type < 256; ++type)
        have += inverted(icmp_tuple(static_cast<std::uint8_t>(type)), ip_protocol::icmp).has_value();
    EXPECT_EQ(have, 8U);
    for (const auto& [ask, answer] : pairs) {
        const Tuple4 wanted{be32{2}, be32{1}, be16{77}, icmp_type_and_code(answer, 5)};
        EXPECT_EQ(*inverted(icmp_tuple(ask, 5), ip_protocol::icmp), wanted);
        EXPECT_EQ(*inverted(wanted, ip_protocol::icmp), icmp_tuple(ask, 5));
    }
}

TEST(FlowTuple, Icmpv6EchoAndNodeInformationHaveAnInverse) {
    unsigned have = 0;
    for (unsigned type = 0; type < 256; ++type)
        have += inverted(icmp_tuple(static_cast<std::uint8_t>(type)), ip_protocol::icmpv6).has_value();
    EXPECT_EQ(have, 4U);
    EXPECT_EQ(icmp_type(*inverted(icmp_tuple(128), ip_protocol::icmpv6)), 129);
    EXPECT_EQ(icmp_type(*inverted(icmp_tuple(140), ip_protocol::icmpv6)), 139);
}

using Bytes = std::vector<std::uint8_t>;

Bytes ipv4(std::uint8_t protocol, Bytes payload, std::uint16_t fragment = 0) {
    const auto total = static_cast<std::uint8_t>(20 + payload.size());
    Bytes bytes{0x45,
                0,
                0,
                total,
                0,
                1,
                static_cast<std::uint8_t>(fragment >> 8),
                static_cast<std::uint8_t>(fragment),
                64,
                protocol,
                0,
                0,
                10,
                0,
                0,
                1,
                10,
                0,
                0,
                2};
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}
std::optional<Tuple4> parse4(const Bytes& bytes) {
    const auto& ip = *reinterpret_cast<const Ipv4Header*>(bytes.data());
    const auto l4 = find_l4(ip, static_cast<std::uint32_t>(bytes.size()));
    Tuple4 tuple;
    return l4 && read_tuple(ip, *l4, tuple) ? std::optional(tuple) : std::nullopt;
}
Bytes ipv6(std::uint8_t next, Bytes payload) {
    Bytes bytes{0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(payload.size()), next, 64};
    bytes.resize(40);
    bytes[8] = bytes[24] = 0xfd;
    bytes[23] = 1;
    bytes[39] = 2;
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}
std::optional<L4View> l4_of6(const Bytes& bytes) {
    return find_l4(*reinterpret_cast<const Ipv6Header*>(bytes.data()),
                   static_cast<std::uint32_t>(bytes.size()));
}

TEST(FlowParse, ProtocolsWithPorts) {
    for (const std::uint8_t protocol : {6, 17, 33, 132, 136}) {
        const auto tuple = parse4(ipv4(protocol, {4, 0, 0, 80}));
        ASSERT_TRUE(tuple) << unsigned{protocol};
        EXPECT_EQ(*tuple, from_a_to_b);
        EXPECT_FALSE(parse4(ipv4(protocol, {4, 0, 0})));
    }
}

TEST(FlowParse, IcmpQueryAndProtocolsWithoutPorts) {
    EXPECT_EQ(*parse4(ipv4(1, {8, 3, 0xab, 0xcd, 0x12, 0x34, 0, 1})),
              (Tuple4{be32{0x0a000001}, be32{0x0a000002}, be16{0x1234}, icmp_type_and_code(8, 3)}));
    EXPECT_FALSE(parse4(ipv4(1, {8, 0, 0, 0, 0, 1, 0})));
    EXPECT_EQ(*parse4(ipv4(47, {1, 2, 3, 4})),
              (Tuple4{be32{0x0a000001}, be32{0x0a000002}, be16{0}, be16{0}}));
}

TEST(FlowParse, ALaterFragmentOrALieAboutLengthHasNoTuple) {
    EXPECT_TRUE(parse4(ipv4(17, {4, 0, 0, 80}, 0x2000)));  // the first one of several
    EXPECT_FALSE(parse4(ipv4(17, {4, 0, 0, 80}, 0x0001)));
    auto bytes = ipv4(17, {4, 0, 0, 80});
    bytes[3] = 19;  // total length below the header's
    EXPECT_FALSE(parse4(bytes));
    bytes[3] = 22;  // says that only two bytes follow
    EXPECT_FALSE(parse4(bytes));
    bytes[0] = 0x4f;  // options beyond the end
    EXPECT_FALSE(parse4(bytes));
}

TEST(FlowParse, ExtensionHeadersAreSkippedAsTheKernelDoes) {
    const Bytes udp{4, 0, 0, 80, 0, 8, 0, 0};
    const auto chain = [&](std::initializer_list<Bytes> headers) {
        Bytes all;
        for (const auto& header : headers)
            all.insert(all.end(), header.begin(), header.end());
        all.insert(all.end(), udp.begin(), udp.end());
        return all;
    };
    const auto plain = l4_of6(ipv6(17, udp));
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->length, 8U);
    // hop-by-hop of 16 bytes, destination options of 8, authentication of 12
    const auto packet = ipv6(0, chain({{60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                                       {51, 0, 0, 0, 0, 0, 0, 0},
                                       {17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}));
    const auto behind = l4_of6(packet);
    ASSERT_TRUE(behind);
    EXPECT_EQ(behind->protocol, 17);
    EXPECT_EQ(behind->length, 8U);
    Tuple6 tuple;
    ASSERT_TRUE(read_tuple(*reinterpret_cast<const Ipv6Header*>(packet.data()), *behind, tuple));
    EXPECT_EQ(tuple.source_port, be16{1024});
    EXPECT_EQ(tuple.source[15], 1);
    EXPECT_TRUE(l4_of6(ipv6(44, chain({{17, 0, 0, 1, 0, 0, 0, 9}}))));   // first fragment
    EXPECT_FALSE(l4_of6(ipv6(44, chain({{17, 0, 0, 9, 0, 0, 0, 9}}))));  // later one
    EXPECT_FALSE(l4_of6(ipv6(59, udp)));
    EXPECT_FALSE(l4_of6(ipv6(0, {17, 200, 0, 0, 0, 0, 0, 0})));
}

}  // namespace
}  // namespace weft
