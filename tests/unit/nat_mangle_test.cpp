// Other words in a payload and numbers after them: __nf_nat_mangle_tcp_packet, nf_ct_seq_adjust.
#include "dataplane/nat/mangle.hpp"

#include <gtest/gtest.h>

#include "dataplane/flow/parse.hpp"
#include "dataplane/hook/filtering.hpp"
#include "dataplane/hook/hooks.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/ip_frame.hpp"
#include "tests/support/mbuf.hpp"

namespace weft {
namespace {

using test::Bytes;
using test::Ip;

constexpr std::uint32_t l3 = 14, tcp_size = 20;

struct Mangle : testing::Test {
    test::HeapPool pool;
    HookWork work;
    Filtering filtering;
    std::unique_ptr<Context> context = std::make_unique<Context>();

    Mangle() {
        context->hooks = &work;
        context->filtering = &filtering;
        context->pool = pool.get();
    }

    static Ip said(bool v6, const std::string& words) {
        const Ip ip(v6 ? "2001:db8::1" : "10.0.1.2", v6 ? "2001:db8::2" : "10.0.2.2");
        return Ip(ip).payload(Bytes(words.begin(), words.end())).tcp(4000, 21).summed();
    }
    /// In segments of these sizes, the last with the rest and no room behind it.
    Packet* arrived(const Ip& ip, std::vector<std::size_t> cuts, bool tight) {
        const Bytes frame = ip.frame("02:00:00:00:00:01", "02:00:00:00:00:02").bytes();
        cuts.push_back(frame.size());
        Packet* first = nullptr;
        std::size_t at = 0;
        for (const std::size_t cut : cuts) {
            rte_mbuf* const part = rte_pktmbuf_alloc(pool.get());
            const auto size = static_cast<std::uint16_t>(cut - at);
            std::memcpy(rte_pktmbuf_append(part, size), frame.data() + at, size);
            if (tight && cut == frame.size())
                part->buf_len = static_cast<std::uint16_t>(part->data_off + part->data_len);
            at = cut;
            if (!first) {
                first = Packet::from(part);
                first->meta = {};
                first->meta.l3_offset = l3;
            } else {
                EXPECT_EQ(rte_pktmbuf_chain(first, part), 0);
            }
        }
        return first;
    }
    static Bytes ip_bytes(const Packet& packet) {
        const auto all = test::bytes_of(packet);
        return {all.begin() + l3, all.end()};
    }
};

TEST_F(Mangle, WordsGrowAndShrinkWhereverTheyLie) {
    const std::string before = "PORT 10,0,1,2,19,136\r\nNOOP\r\n";
    for (const std::string with : {"10,0,1,3,19,136", "203,0,113,100,19,136", "1,2,3,4,5,6", ""})
        for (const bool v6 : {false, true})
            for (const bool tight : {false, true}) {
                const std::size_t head = l3 + (v6 ? 40u : 20u) + tcp_size;
                for (const auto& cuts : std::vector<std::vector<std::size_t>>{
                         {}, {head}, {head + 7}, {head + 5, head + 20}, {head + 21}, {head + 28}}) {
                    Packet* const packet = arrived(said(v6, before), cuts, tight);
                    ASSERT_TRUE(replace_payload(*packet, 5, 15, with, *context));
                    EXPECT_EQ(ip_bytes(*packet), said(v6, "PORT " + with + "\r\nNOOP\r\n").bytes())
                        << with << " in " << cuts.size() + 1;
                    EXPECT_EQ(rte_mbuf_check(packet, 1, nullptr), 0);
                    Packet::free(packet);
                }
            }
    EXPECT_EQ(pool.live(), 0u);
}

/// The field has the sum of the pseudo-header, whose length changes.
TEST_F(Mangle, AnUnfinishedSumStaysSo) {
    const auto unfinished = [](const std::string& words) {
        Bytes bytes = said(false, words).bytes();
        unsigned sum = 6 + static_cast<unsigned>(bytes.size()) - 20;
        for (std::size_t i = 12; i < 20; i += 2)
            sum += static_cast<unsigned>(bytes[i] << 8 | bytes[i + 1]);
        sum = (sum & 0xffff) + (sum >> 16);
        bytes[36] = static_cast<std::uint8_t>(sum >> 8);
        bytes[37] = static_cast<std::uint8_t>(sum);
        return bytes;
    };
    Packet* const packet = arrived(said(false, "PORT 1\r\n"), {}, false);
    const Bytes was = unfinished("PORT 1\r\n");
    std::memcpy(packet->data() + l3, was.data(), was.size());
    packet->meta.checksum = ChecksumState::unfinished;
    ASSERT_TRUE(replace_payload(*packet, 5, 1, "12345", *context));
    EXPECT_EQ(ip_bytes(*packet), unfinished("PORT 12345\r\n"));
    Packet::free(packet);
}

/// Another packet may have the same payload.
TEST_F(Mangle, SharedSegmentsAreLeftAlone) {
    Packet* const packet = arrived(said(false, "PORT 1\r\n"), {l3 + 40}, false);
    rte_mbuf_refcnt_update(packet->next, 1);
    EXPECT_FALSE(replace_payload(*packet, 5, 1, "12345", *context));
    EXPECT_EQ(ip_bytes(*packet), said(false, "PORT 1\r\n").bytes());
    rte_mbuf_refcnt_update(packet->next, -1);
    Packet::free(packet);
}

std::uint32_t number_at(const Bytes& bytes, std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at]) << 24 | static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
           static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
}

TEST(MangleNumbers, FollowTheChangeOfEachDirection) {
    SeqAdjust ways[2];
    ways[0].change(1000, 5);
    ways[1].change(7000, -3);
    const auto adjusted = [&](unsigned direction, std::uint32_t seq, std::uint32_t ack, std::uint32_t left,
                              std::uint32_t right) {
        Bytes tcp{0x0f, 0xa0, 0, 21};
        const auto put = [&](std::uint32_t value) {
            for (int shift = 24; shift >= 0; shift -= 8)
                tcp.push_back(static_cast<std::uint8_t>(value >> shift));
        };
        put(seq);
        put(ack);
        for (const std::uint8_t b : {0x80, 0x10, 0x20, 0, 0, 0, 0, 0, 1, 1, 5, 10})
            tcp.push_back(b);
        put(left);
        put(right);
        Ip ip = Ip("10.0.0.1", "10.0.0.2").payload(tcp).protocol(6).summed();
        Bytes bytes = ip.bytes();
        const L4View view{.data = reinterpret_cast<const std::byte*>(bytes.data()) + 20,
                          .head = static_cast<std::uint32_t>(bytes.size() - 20),
                          .length = static_cast<std::uint32_t>(bytes.size() - 20),
                          .protocol = 6};
        adjust_numbers(view, direction, ways, ChecksumState::unknown);
        const Bytes body(bytes.begin() + 20, bytes.end());
        EXPECT_EQ(Ip("10.0.0.1", "10.0.0.2").payload(body).protocol(6).summed().bytes(), bytes)
            << "the sum is right";
        return std::vector<std::uint32_t>{number_at(bytes, 24), number_at(bytes, 28), number_at(bytes, 44),
                                          number_at(bytes, 48)};
    };
    using Numbers = std::vector<std::uint32_t>;
    EXPECT_EQ(adjusted(0, 1000, 7000, 7000, 7000), (Numbers{1000, 7000, 7000, 7000})) << "before both";
    EXPECT_EQ(adjusted(0, 1001, 7001, 7000, 7010), (Numbers{1006, 7004, 7000, 7013}));
    EXPECT_EQ(adjusted(1, 7001, 1006, 1000, 1010), (Numbers{6998, 1001, 1000, 1005}));
}

}  // namespace
}  // namespace weft
