// Segmentation: every segment is taken apart by code that shares nothing with the segmenter
// (offload_frames.hpp), and for one frame of each type the bytes are those that Linux 6.18 made of it (TAP
// with virtio header, bridge, TAP without offload).
#include "dataplane/egress/segment.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "dataplane/egress/finish.hpp"
#include "tests/packet/environment.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "tests/support/offload_frames.hpp"
#include "weft/net/ip.hpp"
#include "weft/port.hpp"

namespace weft {
namespace {

using test::Frame;
using Sizes = std::vector<std::size_t>;

constexpr std::uint8_t software = 0;

GsoType type_of(const test::FrameSpec& spec) {
    return spec.udp ? GsoType::udp : spec.ipv6 ? GsoType::tcp6 : GsoType::tcp4;
}

Packet* gso_packet(const test::FrameSpec& spec, std::uint16_t gso_size, const Sizes& sizes = {}) {
    const auto built = test::build(spec);
    Packet* p = test::make_chain(test::pool(), built.bytes, sizes);
    p->meta.checksum = ChecksumState::unfinished;
    p->meta.checksum_start = built.l4;
    p->meta.checksum_offset = built.checksum_offset;
    p->meta.gso_type = type_of(spec);
    p->meta.gso_ecn = 0;
    p->meta.gso_size = gso_size;
    p->meta.mark = 4711;
    return p;
}

std::vector<Frame> bytes_and_free(Packet* out[], unsigned n) {
    std::vector<Frame> frames;
    for (unsigned i = 0; i < n; ++i) {
        frames.push_back(test::bytes_of(*out[i]));
        Packet::free(out[i]);
    }
    return frames;
}

Frame from_hex(std::string_view text) {
    Frame bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string{text.substr(i, 2)}, nullptr, 16)));
    return bytes;
}

// Everything that RFCs and Linux ask of the segments of `spec`.
void check_segments(const test::FrameSpec& spec, std::uint16_t gso_size, Packet* const out[], unsigned n,
                    std::uint8_t offloads) {
    const auto built = test::build(spec);
    ASSERT_EQ(n, spec.payload ? (spec.payload + gso_size - 1) / gso_size : 1);
    Frame payload;
    for (unsigned i = 0; i < n; ++i) {
        Packet& p = *out[i];
        unsigned segments = 0;
        std::size_t length = 0;
        for (const rte_mbuf* m = &p; m; m = m->next) {
            ++segments;
            length += m->data_len;
        }
        ASSERT_EQ(p.nb_segs, segments);
        ASSERT_EQ(p.pkt_len, length);
        if (!(offloads & Offload::multi_segment)) {
            ASSERT_EQ(segments, 1u);
        }
        ASSERT_EQ(p.meta.gso_type, GsoType::none);
        ASSERT_EQ(p.meta.mark, 4711u);
        ASSERT_EQ(p.meta.checksum,
                  offloads & Offload::checksum ? ChecksumState::unfinished : ChecksumState::good);
        // A sum left to the port is right if finishing it makes it right.
        ASSERT_TRUE(finish_checksum(p));

        const Frame f = test::bytes_of(p);
        ASSERT_EQ(test::fault_of(f), "") << "segment " << i;
        ASSERT_TRUE(std::equal(f.begin(), f.begin() + built.l3, built.bytes.begin())) << "addresses or tags";
        ASSERT_GE(f.size(), built.payload);
        ASSERT_LE(f.size() - built.payload, gso_size);
        if (!spec.ipv6) {
            ASSERT_EQ(test::get16(f, built.l3 + 4u), (spec.ip_id + i) & 0xffff);
            ASSERT_EQ(test::get16(f, built.l3 + 6u), 0x4000u);
        }
        if (!spec.udp) {
            ASSERT_EQ(test::get32(f, built.l4 + 4u),
                      spec.sequence + static_cast<std::uint32_t>(payload.size()));
            unsigned flags = spec.tcp_flags;
            if (i + 1 < n) flags &= ~0x09u;
            if (i) flags &= ~0x80u;
            ASSERT_EQ(f[built.l4 + 13u], flags) << "segment " << i;
            ASSERT_TRUE(std::equal(f.begin() + built.l4 + 20, f.begin() + built.payload,
                                   built.bytes.begin() + built.l4 + 20))
                << "TCP options";
        }
        payload.insert(payload.end(), f.begin() + built.payload, f.end());
    }
    EXPECT_TRUE(
        std::equal(payload.begin(), payload.end(), built.bytes.begin() + built.payload, built.bytes.end()));
}

TEST(Segment, EveryTypeTagSplitAndPort) {
    const std::vector<std::pair<unsigned, unsigned>> tag_stacks[] = {
        {}, {{0x8100, 0x2007}}, {{0x88a8, 100}, {0x8100, 0x2007}}};
    const Sizes splits[] = {{}, {14}, {18, 17, 1, 1}, {54}, {60, 1, 2, 1500, 3}, {1, 1, 1, 1, 1, 1, 1, 1}};
    const std::pair<std::size_t, std::uint16_t> lengths[] = {
        {4344, 1448}, {4345, 1448}, {1449, 1448}, {100, 1}};
    const std::uint8_t ports[] = {software, Offload::checksum, Offload::multi_segment,
                                  Offload::multi_segment | Offload::checksum};
    unsigned cases = 0;
    for (const bool udp : {false, true})
        for (const bool ipv6 : {false, true})
            for (const auto& tags : tag_stacks)
                for (const auto& split : splits)
                    for (const auto& [payload, gso_size] : lengths)
                        for (const std::uint8_t port : ports) {
                            const test::FrameSpec spec{.tags = tags,
                                                       .ipv6 = ipv6,
                                                       .udp = udp,
                                                       .payload = payload,
                                                       .ip_options = ipv6 ? 0u : 8u,
                                                       .tcp_options = udp ? 0u : 12u,
                                                       .extensions = ipv6 ? 2u : 0u,
                                                       .tcp_flags = 0x99};
                            Packet* out[max_segments];
                            DropReason why{};
                            const unsigned n = segment(*gso_packet(spec, gso_size, split), port, test::pool(),
                                                       out, max_segments, why);
                            check_segments(spec, gso_size, out, n, port);
                            bytes_and_free(out, n);
                            if (::testing::Test::HasFatalFailure())
                                FAIL() << "udp " << udp << " ipv6 " << ipv6 << " tags " << tags.size()
                                       << " split " << split.size() << " payload " << payload << " port "
                                       << int{port};
                            ++cases;
                        }
    EXPECT_EQ(cases, 2u * 2 * 3 * 6 * 4 * 4);
}

TEST(Segment, SixtyFourKilobytes) {
    const test::FrameSpec spec{.payload = 65483, .tcp_options = 12};
    for (const std::uint8_t port : {std::uint8_t{software}, std::uint8_t{Offload::multi_segment}}) {
        Packet* out[max_segments];
        DropReason why{};
        const unsigned n = segment(*gso_packet(spec, 1448), port, test::pool(), out, max_segments, why);
        check_segments(spec, 1448, out, n, port);
        bytes_and_free(out, n);
    }
}

TEST(Segment, PayloadIsSharedWhereThePortTakesChains) {
    const test::FrameSpec spec{.payload = 4000};
    Packet* p = gso_packet(spec, 1000);
    const auto* first = p->data();
    Packet* out[max_segments];
    DropReason why{};
    ASSERT_EQ(segment(*p, Offload::multi_segment, test::pool(), out, max_segments, why), 4u);
    EXPECT_EQ(out[0]->nb_segs, 2);
    EXPECT_EQ(rte_pktmbuf_mtod(out[0]->next, const std::byte*), first + 54);
    EXPECT_EQ(out[0]->head_length(), 54);
    bytes_and_free(out, 4);
}

// The kernel's own segments of build({...}) with the same virtio header.
TEST(Segment, GoldenBytesOfLinux) {
    const struct {
        const char* what;
        test::FrameSpec spec;
        std::vector<std::string_view> segments;
    } cases[] = {
        {"tcp4",
         {.payload = 10, .tcp_options = 4, .tcp_flags = 0x99},
         {"020000000009020000000001080045020030fffe40003d065189c0000201c633640912340050ffffff00112233446090"
          "2000391d00000101010100010203",
          "020000000009020000000001080045020030ffff40003d065188c0000201c633640912340050ffffff04112233446010"
          "2000319100000101010104050607",
          "02000000000902000000000108004502002e000040003d06518ac0000201c633640912340050ffffff08112233446019"
          "200033890000010101010809"}},
        {"tcp6",
         {.ipv6 = true, .payload = 10, .extensions = 1, .tcp_flags = 0x99},
         {"02000000000902000000000186dd6123456700203c3d20010db800000000000000000000000120010db8000000000000"
          "000000000009060001040000000012340050ffffff001122334450902000dbe5000000010203",
          "02000000000902000000000186dd6123456700203c3d20010db800000000000000000000000120010db8000000000000"
          "000000000009060001040000000012340050ffffff041122334450102000d459000004050607",
          "02000000000902000000000186dd61234567001e3c3d20010db800000000000000000000000120010db8000000000000"
          "000000000009060001040000000012340050ffffff081122334450192000d65100000809"}},
        {"udp4",
         {.udp = true, .payload = 10},
         {"020000000009020000000001080045020020fffe40003d11518ec0000201c633640912340050000cff0f00010203",
          "020000000009020000000001080045020020ffff40003d11518dc0000201c633640912340050000cf70704050607",
          "02000000000902000000000108004502001e000040003d11518fc0000201c633640912340050000af90e0809"}},
        {"udp6",
         {.ipv6 = true, .udp = true, .payload = 10},
         {"02000000000902000000000186dd61234567000c113d20010db800000000000000000000000120010db8000000000000"
          "00000000000912340050000c8fd200010203",
          "02000000000902000000000186dd61234567000c113d20010db800000000000000000000000120010db8000000000000"
          "00000000000912340050000c87ca04050607",
          "02000000000902000000000186dd61234567000a113d20010db800000000000000000000000120010db8000000000000"
          "00000000000912340050000a89d10809"}},
    };
    for (const auto& c : cases) {
        Packet* out[max_segments];
        DropReason why{};
        const unsigned n = segment(*gso_packet(c.spec, 4), software, test::pool(), out, max_segments, why);
        const auto frames = bytes_and_free(out, n);
        ASSERT_EQ(frames.size(), c.segments.size()) << c.what;
        for (std::size_t i = 0; i < n; ++i)
            EXPECT_EQ(frames[i], from_hex(c.segments[i])) << c.what << ' ' << i;
    }
}

TEST(Segment, AWholeChecksumIsMadeAnew) {
    for (const bool ipv6 : {false, true}) {
        const test::FrameSpec spec{.ipv6 = ipv6, .payload = 3000};
        Packet* p = gso_packet(spec, 1400);
        ASSERT_TRUE(finish_checksum(*p));
        p->meta.checksum_start = 0xa5a5;
        Packet* out[max_segments];
        DropReason why{};
        const unsigned n = segment(*p, software, test::pool(), out, max_segments, why);
        check_segments(spec, 1400, out, n, software);
        bytes_and_free(out, n);
    }
}

TEST(Segment, NoPayloadIsOneSegment) {
    const test::FrameSpec spec{.tcp_flags = 0x19};
    Packet* out[max_segments];
    DropReason why{};
    const unsigned n = segment(*gso_packet(spec, 1400), software, test::pool(), out, max_segments, why);
    check_segments(spec, 1400, out, n, software);
    bytes_and_free(out, n);
}

TEST(Segment, ASharedInputStaysAsItWas) {
    const test::FrameSpec spec{.payload = 3000};
    Packet* p = gso_packet(spec, 1400);
    const Frame before = test::bytes_of(*p);
    Packet* other = Packet::from(rte_pktmbuf_clone(p, test::pool()));
    Packet* out[max_segments];
    DropReason why{};
    const unsigned n = segment(*p, Offload::multi_segment, test::pool(), out, max_segments, why);
    check_segments(spec, 1400, out, n, Offload::multi_segment);
    EXPECT_EQ(test::bytes_of(*other), before);
    bytes_and_free(out, n);
    EXPECT_EQ(test::bytes_of(*other), before);
    Packet::free(other);
}

TEST(Segment, AnEmptyPoolLeavesTheInput) {
    const test::FrameSpec spec{.payload = 3000};
    for (const std::uint8_t port : {std::uint8_t{software}, std::uint8_t{Offload::multi_segment}})
        for (unsigned limit = 0; limit < 6; ++limit) {
            test::HeapPool small;
            small.set_limit(limit);
            Packet* p = gso_packet(spec, 1000);
            const Frame before = test::bytes_of(*p);
            Packet* out[max_segments];
            DropReason why{};
            const unsigned n = segment(*p, port, small.get(), out, max_segments, why);
            const unsigned needed =
                port == software ? 3 : 6 + 2;  // payload of 3000 bytes crosses mbufs twice
            if (limit >= needed || (port == software && limit >= 3)) {
                EXPECT_EQ(n, 3u);
                bytes_and_free(out, n);
            } else {
                EXPECT_EQ(n, 0u) << limit;
                EXPECT_EQ(why, DropReason::egress_no_mbuf);
                EXPECT_EQ(test::bytes_of(*p), before);
                EXPECT_EQ(p->meta.gso_type, GsoType::tcp4);
                EXPECT_EQ(rte_mbuf_refcnt_read(p), 1);
                Packet::free(p);
            }
            EXPECT_EQ(small.live(), 0u);
        }
}

void expect_refused(Packet* p, DropReason reason, const char* what, rte_mempool* pool = test::pool(),
                    unsigned max = max_segments) {
    const Frame before = test::bytes_of(*p);
    Packet* out[max_segments];
    DropReason why{};
    EXPECT_EQ(segment(*p, software, pool, out, max, why), 0u) << what;
    EXPECT_EQ(why, reason) << what;
    EXPECT_EQ(test::bytes_of(*p), before) << what;
    Packet::free(p);
}

TEST(Segment, RefusesWhatContradictsItself) {
    constexpr auto bad = DropReason::egress_bad_offload;
    const test::FrameSpec tcp4{.payload = 3000}, tcp6{.ipv6 = true, .payload = 3000},
        udp4{.udp = true, .payload = 3000};
    const auto with = [](const test::FrameSpec& spec, auto change) {
        Packet* p = gso_packet(spec, 1400);
        change(*p);
        return p;
    };
    expect_refused(with(tcp4, [](Packet& p) { p.meta.gso_size = 0; }), bad, "no size");
    expect_refused(with(tcp4, [](Packet& p) { p.meta.gso_type = GsoType::tcp6; }), bad, "tcp6 in IPv4");
    expect_refused(with(tcp6, [](Packet& p) { p.meta.gso_type = GsoType::tcp4; }), bad, "tcp4 in IPv6");
    expect_refused(with(tcp4, [](Packet& p) { p.meta.gso_type = GsoType::udp; }), bad, "udp in TCP");
    expect_refused(with(udp4, [](Packet& p) { p.meta.gso_type = GsoType::tcp4; }), bad, "tcp4 in UDP");
    expect_refused(with(tcp4, [](Packet& p) { p.meta.checksum_start += 4; }), bad, "start not at TCP");
    expect_refused(with(tcp4, [](Packet& p) { p.meta.checksum_offset = 6; }), bad, "UDP's field");
    expect_refused(with(tcp4, [](Packet& p) { p.header<be16>(12)[0] = be16{0x0806}; }), bad, "ARP");
    expect_refused(with(tcp4, [](Packet& p) { p.header<Ipv4Header>(14)->version_ihl = 0x55; }), bad,
                   "version 5");
    expect_refused(with(tcp4, [](Packet& p) { p.header<Ipv4Header>(14)->version_ihl = 0x44; }), bad, "IHL 4");
    expect_refused(with(tcp4, [](Packet& p) { p.header<Ipv4Header>(14)->fragment = be16{0x2000}; }), bad,
                   "MF");
    expect_refused(with(tcp4, [](Packet& p) { p.header<Ipv4Header>(14)->fragment = be16{1}; }), bad,
                   "offset");
    expect_refused(with(tcp4, [](Packet& p) { p.header<TcpHeader>(34)->data_offset = 0x40; }), bad,
                   "TCP of 16");
    expect_refused(with(tcp6, [](Packet& p) { p.header<Ipv6Header>(14)->next_header = 44; }), bad,
                   "fragment 6");
    expect_refused(
        with(tcp6, [](Packet& p) { p.header<Ipv6Header>(14)->version_class_flow = be32{0x40000000}; }), bad,
        "IPv6 version 4");
    expect_refused(with({.ipv6 = true, .payload = 3000, .extensions = 1},
                        [](Packet& p) {
                            p.header<Ipv6Header>(14)->next_header = 0;
                            p.header<Ipv6Header>(14)->payload_length = be16{0};
                        }),
                   bad, "jumbogram");
    expect_refused(with({.ipv6 = true, .payload = 3000, .extensions = 1},
                        [](Packet& p) { *p.header<std::uint8_t>(55) = 255; }),
                   bad, "extension over 512 bytes");
    expect_refused(with({.tags = {{0x8100, 1}, {0x8100, 2}, {0x8100, 3}}, .payload = 3000}, [](Packet&) {}),
                   bad, "three tags");
    expect_refused(gso_packet({.payload = 66000}, 65530), bad, "a segment over 64 KB");
    expect_refused(gso_packet({.payload = 3000}, 10), bad, "300 segments");
    expect_refused(gso_packet(tcp4, 1400), bad, "no room for three", test::pool(), 2);
    for (const std::size_t length : {0u, 1u, 13u, 14u, 15u, 33u, 34u, 47u, 53u}) {
        const auto built = test::build({.payload = 100});
        Packet* p = test::make_chain(
            test::pool(),
            Frame(built.bytes.begin(), built.bytes.begin() + static_cast<std::ptrdiff_t>(length)));
        p->meta.gso_type = GsoType::tcp4;
        p->meta.gso_size = 10;
        expect_refused(p, bad, "headers cut off");
    }
}

TEST(Segment, RefusesSegmentsThatNeedAChain) {
    expect_refused(gso_packet({.payload = 9000}, 4000), DropReason::egress_too_big,
                   "4000 in an mbuf of 2048");
    test::HeapPool tiny{RTE_PKTMBUF_HEADROOM + 60};
    expect_refused(gso_packet({.payload = 90}, 30), DropReason::egress_too_big, "room of 60", tiny.get());
    Packet* out[max_segments];
    DropReason why{};
    const unsigned n = segment(*gso_packet({.payload = 9000}, 4000), Offload::multi_segment, test::pool(),
                               out, max_segments, why);
    check_segments({.payload = 9000}, 4000, out, n, Offload::multi_segment);
    bytes_and_free(out, n);
}

}  // namespace
}  // namespace weft
