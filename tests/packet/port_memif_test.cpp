// Memif's queues on rings whose other side is written here, slot by slot: no socket, no second process.
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <optional>

#include "dataplane/port/memif_queues.hpp"
#include "tests/packet/port_bench.hpp"

namespace weft::test::port {
namespace {

using namespace weft::ports;

/// The other side of one ring each way, as libmemif writes it: server or client, with 2^log2 slots.
class MemifPeer {
  public:
    struct Slot {
        std::uint16_t flags, region;
        std::uint32_t length, offset, metadata;
    };
    struct Ring {
        memif::RingHead* head;
        Slot* slots;
        std::byte* buffers;
        std::uint32_t first_offset;
    };

    MemifPeer(MemifSession& session, bool client, std::uint8_t log2)
        : client_(client), size_(static_cast<std::uint16_t>(1u << log2)), base_(session.regions[0].base()) {
        for (std::uint16_t i = 0; i < 2; ++i) {
            auto* at = base_ + session.rings[i].offset;
            const auto first = static_cast<std::uint32_t>(2 * memif::ring_bytes(log2) + i * size_ * 2048u);
            rings_[i] = {reinterpret_cast<memif::RingHead*>(at),
                         reinterpret_cast<Slot*>(at + sizeof(memif::RingHead)), base_ + first, first};
        }
        if (client_)
            for (std::uint16_t slot = 0; slot < size_; ++slot)
                supply();
    }

    /// The ring on which weft receives, and the one on which it sends.
    Ring& to_weft() { return rings_[client_ ? 0 : 1]; }
    Ring& from_weft() { return rings_[client_ ? 1 : 0]; }
    Slot& slot(Ring& ring, std::uint16_t n) { return ring.slots[n % size_]; }

    /// Fills the next slot for weft, without showing it.
    Slot& fill(std::span<const std::uint8_t> bytes, bool goes_on = false) {
        Ring& ring = to_weft();
        Slot& next = slot(ring, filled_);
        if (client_) next = {0, 0, 0, ring.first_offset + 2048u * (filled_ % size_), 0};
        std::memcpy(base_ + next.offset, bytes.data(), bytes.size());
        next.length = static_cast<std::uint32_t>(bytes.size());
        next.flags = goes_on;
        ++filled_;
        return next;
    }
    void show() { set(client_ ? to_weft().head->head : to_weft().head->tail, filled_); }
    /// Slots that weft has given back.
    std::uint16_t taken() {
        return client_ ? get(to_weft().head->tail)
                       : static_cast<std::uint16_t>(get(to_weft().head->head) - size_);
    }
    /// What weft sent, slot by slot, and room for as much again.
    std::vector<std::pair<Bytes, bool>> read() {
        std::vector<std::pair<Bytes, bool>> slots;
        Ring& ring = from_weft();
        for (const auto end = get(client_ ? ring.head->tail : ring.head->head); read_ != end; ++read_) {
            const Slot& one = slot(ring, read_);
            const auto* at = reinterpret_cast<const std::uint8_t*>(base_ + one.offset);
            slots.emplace_back(Bytes(at, at + one.length), one.flags & 1);
            if (client_) supply();
        }
        if (!client_) set(ring.head->tail, read_);
        return slots;
    }
    void set(std::uint16_t& word, std::uint16_t value) {
        std::atomic_ref{word}.store(value, std::memory_order_release);
    }
    [[nodiscard]] std::uint16_t size() const { return size_; }
    std::uint32_t buffer_bytes = 2048;  ///< of what is supplied next (client)

  private:
    static std::uint16_t get(std::uint16_t& word) {
        return std::atomic_ref{word}.load(std::memory_order_acquire);
    }
    /// Client: a buffer for weft to fill.
    void supply() {
        Ring& ring = from_weft();
        slot(ring, supplied_) = {0, 0, buffer_bytes, ring.first_offset + 2048u * (supplied_ % size_), 0};
        set(ring.head->head, ++supplied_);
    }
    bool client_;
    std::uint16_t size_;
    std::byte* base_;
    Ring rings_[2];
    std::uint16_t filled_ = 0, read_ = 0, supplied_ = 0;
};

class PortMemif : public testing::TestWithParam<bool> {
  protected:
    void open(std::uint8_t log2 = 3) {
        auto session = MemifSession::make(1, 1, log2);
        ASSERT_TRUE(session);
        peer_.emplace(*session, weft_is_server(), log2);
        const auto attached = queues_.attach(*std::move(session), weft_is_server());
        ASSERT_TRUE(attached) << attached.error().message;
    }
    void TearDown() override { queues_.detach(); }
    static bool weft_is_server() { return GetParam(); }

    std::vector<Bytes> received(std::uint16_t n = batch_size) {
        Packet* packets[batch_size];
        const auto count = queues_.receive(0, packets, n, loss_);
        std::vector<Bytes> frames;
        for (std::uint16_t i = 0; i < count; ++i) {
            frames.push_back(bytes_of(*packets[i]));
            Packet::free(packets[i]);
        }
        return frames;
    }
    /// Returns how many were taken; the others are freed.
    std::uint16_t transmitted(std::initializer_list<Packet*> packets) {
        std::vector<Packet*> all(packets);
        const auto n = queues_.transmit(0, all.data(), static_cast<std::uint16_t>(all.size()));
        for (std::size_t i = n; i < all.size(); ++i)
            Packet::free(all[i]);
        return n;
    }
    void expect_left() {
        EXPECT_EQ(loss_.bad_descriptor, 1u);
        EXPECT_TRUE(queues_.broken());
        peer_->fill(frame(60));
        peer_->show();
        EXPECT_TRUE(received().empty()) << "nothing more comes from one that lies";
    }
    static Bytes frame(std::size_t bytes, unsigned mark = 0) {
        Bytes made(bytes);
        for (std::size_t i = 0; i < bytes; ++i)
            made[i] = static_cast<std::uint8_t>(i * 7 + mark);
        return made;
    }

    Fd wake_{eventfd(0, EFD_NONBLOCK)};
    MemifQueues queues_{1, 1, pool(), wake_.get()};
    std::optional<MemifPeer> peer_;
    ReceiveLoss loss_;
};
INSTANTIATE_TEST_SUITE_P(Roles, PortMemif, testing::Bool(),
                         [](const auto& info) { return std::string(info.param ? "Server" : "Client"); });

// The counters have 16 bits and run over; slots are their remainder.
TEST_P(PortMemif, RingsWrap) {
    open();
    unsigned in = 0, out = 0;
    for (unsigned round = 0; in < 70'000; ++round) {
        const unsigned n = 1 + round % peer_->size();
        for (unsigned i = 0; i < n; ++i)
            peer_->fill(frame(60 + in % 13, in + i));
        peer_->show();
        const auto frames = received();
        ASSERT_EQ(frames.size(), n);
        for (unsigned i = 0; i < n; ++i)
            ASSERT_EQ(frames[i], frame(60 + in % 13, in + i)) << in;
        in += n;
        ASSERT_EQ(peer_->taken(), static_cast<std::uint16_t>(in));
        for (unsigned i = 0; i < n; ++i)
            ASSERT_EQ(transmitted({pooled(frame(60 + i, out + i))}), 1);
        const auto slots = peer_->read();
        ASSERT_EQ(slots.size(), n);
        for (unsigned i = 0; i < n; ++i)
            ASSERT_EQ(slots[i], std::pair(frame(60 + i, out + i), false)) << out;
        out += n;
    }
    EXPECT_FALSE(queues_.broken());
    EXPECT_EQ(loss_.bad_descriptor + loss_.truncated + loss_.no_mbuf, 0u);
}

TEST_P(PortMemif, AFullRingTakesWhatFits) {
    open();
    for (int i = 0; i < 8; ++i)
        ASSERT_EQ(transmitted({pooled(frame(60))}), 1);
    EXPECT_EQ(transmitted({pooled(frame(60))}), 0);
    EXPECT_EQ(peer_->read().size(), 8u);
    EXPECT_EQ(transmitted({pooled(frame(60))}), 1);
    EXPECT_FALSE(queues_.broken());
}

TEST_P(PortMemif, ChainsComeWhole) {
    open();
    const auto whole = frame(5000);
    const std::span<const std::uint8_t> parts[] = {{whole.data(), 2048},
                                                   {whole.data() + 2048, 1},
                                                   {whole.data() + 2049, 2048},
                                                   {whole.data() + 4097, 903}};
    for (int start = 0; start < 9; ++start) {  // the chain goes over the ring's end
        for (int i = 0; i < 4; ++i)
            peer_->fill(parts[i], i < 3);
        peer_->fill(frame(60));
        peer_->show();
        EXPECT_EQ(received(), (std::vector<Bytes>{whole, frame(60)}));
    }
}

TEST_P(PortMemif, AChainWaitsForItsEnd) {
    open();
    const auto whole = frame(3000);
    peer_->fill(frame(61));
    peer_->fill({whole.data(), 2000}, true);
    peer_->show();
    EXPECT_EQ(received(), std::vector<Bytes>{frame(61)});
    EXPECT_TRUE(received().empty());
    EXPECT_EQ(peer_->taken(), 1);
    peer_->fill({whole.data() + 2000, 1000});
    peer_->show();
    EXPECT_EQ(received(), std::vector<Bytes>{whole});
    EXPECT_EQ(peer_->taken(), 3);
    EXPECT_FALSE(queues_.broken());
}

TEST_P(PortMemif, SegmentsAndLongFramesLeaveInChains) {
    open();
    const auto whole = frame(5000);
    for (const std::size_t segment : {700, 2000}) {
        ASSERT_EQ(transmitted({pooled(whole, segment), pooled(frame(60))}), 2);
        const auto slots = peer_->read();
        ASSERT_EQ(slots.size(), 4u);
        Bytes joined;
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(slots[i].second, i < 2);
            joined.insert(joined.end(), slots[i].first.begin(), slots[i].first.end());
        }
        EXPECT_EQ(joined, whole);
        EXPECT_EQ(slots[0].first.size(), 2048u);
        EXPECT_EQ(slots[3], std::pair(frame(60), false));
    }
    // Three slots are wanted, two are there: the frame waits whole.
    for (int i = 0; i < 6; ++i)
        ASSERT_EQ(transmitted({pooled(frame(60))}), 1);
    EXPECT_EQ(transmitted({pooled(whole, 2000)}), 0);
    EXPECT_EQ(peer_->read().size(), 6u);
    EXPECT_EQ(transmitted({pooled(whole, 2000)}), 1);
    EXPECT_FALSE(queues_.broken());
}

TEST_P(PortMemif, AnEndlessChainIsALie) {
    open(7);
    for (int i = 0; i < 127; ++i)
        peer_->fill(frame(20), true);
    peer_->show();
    EXPECT_TRUE(received().empty());
    expect_left();
}

TEST_P(PortMemif, ATooLongFrameIsLostAndTheNextComes) {
    open(4);
    for (int i = 0; i < 9; ++i)
        peer_->fill(frame(2048), i < 8);
    peer_->fill(frame(60));
    peer_->show();
    EXPECT_EQ(received(), std::vector<Bytes>{frame(60)});
    EXPECT_EQ(loss_.truncated, 1u);
    EXPECT_FALSE(queues_.broken());
}

TEST_P(PortMemif, MoreFramesThanSlotsAreALie) {
    open();
    auto& head = *peer_->to_weft().head;
    peer_->set(weft_is_server() ? head.head : head.tail, 9);
    EXPECT_TRUE(received().empty());
    EXPECT_EQ(loss_.bad_descriptor, 1u);
    EXPECT_TRUE(queues_.broken());
}

TEST_P(PortMemif, MoreRoomThanSlotsIsALie) {
    open();
    auto& head = *peer_->from_weft().head;
    peer_->set(weft_is_server() ? head.head : head.tail, weft_is_server() ? 9 : 1);
    EXPECT_EQ(transmitted({pooled(frame(60))}), 0);
    EXPECT_TRUE(queues_.broken());
    EXPECT_EQ(transmitted({pooled(frame(60))}), 0);
}

/// Good frames before a lie are received; the lie itself is touched no more.
TEST_P(PortMemif, ADescriptorToNowhereIsALie) {
    struct Case {
        const char* what;
        void (*lie)(MemifPeer::Slot&);
        bool to_client;  ///< one that a client, whose buffers are its own, has to mind
    };
    const Case cases[] = {
        {"no such region", [](auto& slot) { slot.region = 1; }, false},
        {"beyond the region", [](auto& slot) { slot.offset = 0xffff'fff0; }, false},
        {"over its end", [](auto& slot) { slot.length = 0xffff'ffff; }, true},
        {"longer than a buffer", [](auto& slot) { slot.length = 2049; }, true},
    };
    for (const auto& [what, lie, to_client] : cases) {
        // Of a server a frame of 2049 bytes lies within the region; a client never gives more than 2048.
        const bool lies = weft_is_server() ? std::string_view{what} != "longer than a buffer" : to_client;
        SCOPED_TRACE(what);
        queues_.detach();
        loss_ = {};
        open();
        peer_->fill(frame(60));
        lie(peer_->fill(frame(61)));
        peer_->show();
        const auto frames = received();
        ASSERT_EQ(frames.size(), lies ? 1u : 2u);
        EXPECT_EQ(frames[0], frame(60));
        if (lies) {
            expect_left();
        } else {
            EXPECT_FALSE(queues_.broken());
        }
        if (!lies && !weft_is_server()) {
            EXPECT_EQ(frames[1], frame(61)) << "from its own buffer";
        }
    }
}

TEST_P(PortMemif, ABufferOfNothingOrNowhereIsNotWrittenTo) {
    if (!weft_is_server()) GTEST_SKIP() << "a client's buffers are its own";
    for (const bool nothing : {true, false}) {
        queues_.detach();
        open();
        auto& slot = peer_->slot(peer_->from_weft(), 0);
        if (nothing)
            slot.length = 0;
        else
            slot.offset = 0xffff'f000;
        EXPECT_EQ(transmitted({pooled(frame(60))}), 0);
        EXPECT_TRUE(queues_.broken());
    }
}

TEST_P(PortMemif, SmallBuffersOfTheClientMakeChains) {
    if (!weft_is_server()) GTEST_SKIP() << "a client's buffers are its own";
    open();
    for (std::uint16_t i = 0; i < 8; ++i)
        peer_->slot(peer_->from_weft(), i).length = i % 2 ? 40 : 64;
    ASSERT_EQ(transmitted({pooled(frame(150)), pooled(frame(40))}), 2);
    const auto slots = peer_->read();
    ASSERT_EQ(slots.size(), 4u);
    EXPECT_EQ(slots[0].first.size(), 64u);
    EXPECT_EQ(slots[1].first.size(), 40u);
    EXPECT_EQ(slots[2].first.size(), 46u);
    EXPECT_TRUE(slots[1].second);
    EXPECT_FALSE(slots[2].second);
    EXPECT_EQ(slots[3], std::pair(frame(40), false));
}

}  // namespace
}  // namespace weft::test::port
