// Which checksums a frame that came by AF_XDP has left unfinished: told by their value, without a socket.
#include <gtest/gtest.h>

#include "dataplane/port/ethdev_offload.hpp"
#include "tests/packet/environment.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "tests/support/offload_frames.hpp"

namespace weft::test {
namespace {

/// The state after recognition.
Metadata recognized(const Frame& frame) {
    Packet* p = make_chain(pool(), frame);
    ports::find_left_unfinished(*p);
    EXPECT_EQ(bytes_of(*p), frame) << "nothing is written to the frame";
    const Metadata meta = p->meta;
    Packet::free(p);
    return meta;
}

Frame finished(const BuiltFrame& built) {
    Frame f = built.bytes;
    put16(f, built.l4 + built.checksum_offset, ~naive_sum(f, built.l4, f.size()) & 0xffff);
    return f;
}

std::vector<FrameSpec> specs() {
    std::vector<FrameSpec> all;
    for (const bool ipv6 : {false, true})
        for (const bool udp : {false, true})
            for (const unsigned tags : {0, 1, 2})
                for (const std::size_t payload : {0, 1, 100, 1400}) {
                    FrameSpec spec{.ipv6 = ipv6, .udp = udp, .payload = payload};
                    for (unsigned t = 0; t < tags; ++t)
                        spec.tags.emplace_back(t ? 0x8100 : 0x88a8, 5 + t);
                    all.push_back(spec);
                }
    all.push_back({.payload = 10, .ip_options = 8, .tcp_options = 12});
    return all;
}

TEST(PortAfXdp, TheSumOfThePseudoHeaderAloneIsUnfinished) {
    for (const auto& spec : specs()) {
        const auto built = build(spec);
        const Metadata meta = recognized(built.bytes);
        EXPECT_EQ(meta.checksum, ChecksumState::unfinished);
        EXPECT_EQ(meta.checksum_start, built.l4);
        EXPECT_EQ(meta.checksum_offset, built.checksum_offset);
    }
}

TEST(PortAfXdp, AFinishedOneIsNot) {
    for (const auto& spec : specs()) {
        const auto built = build(spec);
        EXPECT_EQ(recognized(finished(built)).checksum, ChecksumState::unknown);
    }
}

TEST(PortAfXdp, PaddingDoesNotMatter) {
    Frame padded = build({.udp = true, .payload = 1}).bytes;
    padded.resize(60);
    EXPECT_EQ(recognized(padded).checksum, ChecksumState::unfinished);
}

// RFC 768: zero says that there is no checksum.
TEST(PortAfXdp, NoChecksumStaysNone) {
    const auto built = build({.udp = true, .payload = 20});
    Frame f = built.bytes;
    put16(f, built.l4 + 6u, 0);
    EXPECT_EQ(recognized(f).checksum, ChecksumState::unknown);
}

// A fragment's sum goes over the whole datagram: nobody finishes it here.
TEST(PortAfXdp, FragmentsAreLeftAlone) {
    const auto built = build({.udp = true, .payload = 100});
    for (const unsigned field : {0x2000u, 0x0010u}) {
        Frame f = built.bytes;
        put16(f, built.l3 + 6u, field);
        EXPECT_EQ(recognized(f).checksum, ChecksumState::unknown) << field;
    }
}

TEST(PortAfXdp, WhatEndsBeforeItsHeadersIsLeftAlone) {
    for (const auto& spec : specs()) {
        const auto built = build(spec);
        const std::size_t headers = built.l4 + (spec.udp ? 8u : 20u);
        for (std::size_t n = 1; n < headers; ++n) {
            const Frame cut(built.bytes.begin(), built.bytes.begin() + static_cast<std::ptrdiff_t>(n));
            EXPECT_EQ(recognized(cut).checksum, ChecksumState::unknown) << n;
        }
    }
}

TEST(PortAfXdp, OtherProtocolsAreLeftAlone) {
    const auto built = build({.payload = 40});
    for (const std::uint8_t protocol : {1, 47, 50, 132}) {
        Frame f = built.bytes;
        f[built.l3 + 9u] = protocol;
        EXPECT_EQ(recognized(f).checksum, ChecksumState::unknown) << int{protocol};
    }
    EXPECT_EQ(recognized(Frame(60, 0xff)).checksum, ChecksumState::unknown);
}

}  // namespace
}  // namespace weft::test
