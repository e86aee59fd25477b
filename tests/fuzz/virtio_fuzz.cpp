// A driver that writes anything into its rings, split and packed, both directions.
//
// Input: 1 byte features (bit 0 packed, 1 event index, 2 mergeable, 3 virtio 1, 4 checksum, 5 TSO, 6 the
// driver fills); ring size (1 byte, 2^(n mod 7) for split); the base (2); frame length of what is sent (2);
// then writes to the shared memory, between which a burst is received or sent: offset (2), length (1), bytes.
// Memory: guest addresses 0 to 8191 (descriptors at 0, driver's part at 4096, device's part at 5120) and
// 65536 to 69631, each an allocation of its own, so that AddressSanitizer sees a step beyond.
#include <sys/eventfd.h>

#include <algorithm>
#include <memory>

#include "dataplane/port/vhost_queue.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/heap_pool.hpp"

namespace weft::fuzz {
namespace {

using namespace ports;

constexpr std::size_t low_bytes = 8192, high_bytes = 4096, driver_at = 4096, device_at = 5120;

struct Free {
    void operator()(std::byte* p) const noexcept { std::free(p); }
};
std::unique_ptr<std::byte, Free> allocate(std::size_t n) {
    auto* p = static_cast<std::byte*>(std::aligned_alloc(64, n));
    std::memset(p, 0, n);
    return std::unique_ptr<std::byte, Free>{p};
}

void require_sound(const Packet& p) noexcept {
    std::uint32_t length = 0;
    unsigned segments = 0;
    for (const rte_mbuf* m = &p; m; m = m->next, ++segments)
        length += m->data_len;
    require(p.pkt_len == length && p.nb_segs == segments, "lengths and segments agree");
    require(length > 0 && length <= longest_guest_frame, "a frame has a length that frames have");
    if (p.meta.checksum == ChecksumState::unfinished)
        require(p.meta.checksum_start + p.meta.checksum_offset + 2u <= length, "the sum lies in the frame");
}

void receive(VhostQueue& queue, const GuestFeatures& guest, test::HeapPool& pool) {
    Packet* out[batch_size];
    ReceiveLoss loss;
    const unsigned n = queue.receive(guest, pool.get(), out, batch_size, loss);
    require(n <= batch_size, "no more than asked for");
    for (unsigned i = 0; i < n; ++i) {
        require_sound(*out[i]);
        Packet::free(out[i]);
    }
}

void send(VhostQueue& queue, const GuestFeatures& guest, test::HeapPool& pool, std::uint16_t length) {
    constexpr std::uint16_t burst = 8;
    Packet* in[burst];
    for (std::uint16_t i = 0; i < burst; ++i) {
        rte_mbuf* m = rte_pktmbuf_alloc(pool.get());
        const auto size = static_cast<std::uint16_t>(14 + (length + i * 100) % 2000);
        std::memset(rte_pktmbuf_append(m, size), i, size);
        in[i] = Packet::from(m);
        in[i]->meta = {};
        if (i % 4 == 1) {
            in[i]->meta.tag_place = TagPlace::stripped;
            in[i]->meta.vlan_tpid = 0x8100;
        }
        if (i % 4 == 2) in[i]->meta.checksum = ChecksumState::unfinished;
    }
    TransmitLoss loss;
    const auto n = queue.transmit(guest, in, burst, loss);
    require(n <= burst && loss.packets <= n, "no more taken than given, no more lost than taken");
    for (std::uint16_t i = n; i < burst; ++i)
        Packet::free(in[i]);
}

void run(Input input) {
    static const int call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    test::HeapPool pool;
    const auto bits = input.byte();
    const bool packed = bits & 1, event = bits & 2, fills = bits & 64;
    GuestFeatures guest;
    const auto give = [&](bool has, unsigned bit) { guest.bits |= std::uint64_t{has} << bit; };
    give(packed, GuestFeatures::ring_packed);
    give(event, GuestFeatures::event_idx);
    give(bits & 4, GuestFeatures::mrg_rxbuf);
    give(bits & 8, GuestFeatures::version_1);
    give(bits & 16, GuestFeatures::guest_csum);
    give(bits & 32, GuestFeatures::guest_tso4);
    const auto size = input.byte();
    const auto base = input.take<std::uint16_t>(), length = input.take<std::uint16_t>();

    const auto low = allocate(low_bytes), high = allocate(high_bytes);
    GuestMemory memory;
    memory.count = 2;
    memory.regions[0] = {0, low_bytes, low.get()};
    memory.regions[1] = {65536, high_bytes, high.get()};
    auto queue = std::make_unique<VhostQueue>(memory);
    if (!queue->ring.attach({.descriptors = low.get(),
                             .driver = low.get() + driver_at,
                             .device = low.get() + device_at,
                             .size = static_cast<std::uint16_t>(packed ? size : 1u << size % 7),
                             .next = base,
                             .call = call,
                             .packed = packed,
                             .event_index = event,
                             .driver_fills = fills}))
        return;
    for (int turn = 0; turn < 16 && !input.rest().empty(); ++turn) {
        for (int writes = 0; writes < 4; ++writes) {
            const auto at = input.take<std::uint16_t>() % low_bytes;
            const auto bytes = std::min<std::size_t>({input.byte(), low_bytes - at, input.rest().size()});
            for (std::size_t i = 0; i < bytes; ++i)
                low.get()[at + i] = std::byte{input.byte()};
        }
        if (fills)
            receive(*queue, guest, pool);
        else
            send(*queue, guest, pool, length);
    }
    require(pool.live() == 0, "every buffer is back");
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weft::fuzz::run({data, size});
    return 0;
}
