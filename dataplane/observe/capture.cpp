#include "dataplane/observe/capture.hpp"

#include <pcap/pcap.h>
#include <rte_mbuf.h>
#include <time.h>

#include <algorithm>
#include <cstring>

namespace weft {

namespace {

std::uint64_t wall_clock() noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// A filter reads the frame as it is on the wire, in one piece. So many bytes of it are put together where it
// lies otherwise; what a filter reads beyond makes it refuse the frame, as it does beyond a frame's end.
constexpr std::size_t filtered_head = 512;

/// Copies at most `room` bytes from `at` on.
std::size_t gather(const Packet& packet, std::uint32_t at, std::byte* to, std::size_t room) noexcept {
    const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(room, packet.pkt_len - at));
    const void* from = rte_pktmbuf_read(&packet, at, n, to);
    if (from && from != to) std::memcpy(to, from, n);
    return from ? n : 0;
}

std::size_t linearize(Packet& packet, std::byte* head) noexcept {
    const auto& meta = packet.meta;
    if (meta.tag_place != TagPlace::stripped || packet.head_length() < ethernet_header_size)
        return gather(packet, 0, head, filtered_head);
    constexpr std::size_t addresses = 2 * sizeof(MacAddress);
    std::memcpy(head, packet.data(), addresses);
    const VlanTag tag{be16{meta.vlan_tpid}, be16{meta.vlan_tci}};
    std::memcpy(head + addresses, &tag, sizeof tag);
    const std::size_t before = addresses + sizeof tag;
    return before + gather(packet, addresses, head + before, filtered_head - before);
}

bool passes(const Capture& capture, Packet& packet) noexcept {
    if (capture.filter.empty()) return true;
    const bool stripped = packet.meta.tag_place == TagPlace::stripped;
    const std::uint32_t length = packet.length() + (stripped ? vlan_tag_size : 0);
    const auto run = [&](const std::byte* data, std::size_t n) {
        return bpf_filter(capture.filter.data(), reinterpret_cast<const u_char*>(data), length,
                          static_cast<u_int>(n)) != 0;
    };
    if (!stripped && packet.nb_segs == 1) return run(packet.data(), packet.head_length());
    std::byte head[filtered_head];
    return run(head, linearize(packet, head));
}

bool take_one(std::atomic<std::int64_t>& left) noexcept {
    if (left.load(std::memory_order_relaxed) <= 0) return false;
    return left.fetch_sub(1, std::memory_order_relaxed) > 0;
}

/// One that was taken but not kept: it is still wanted.
void lose(Capture& capture) noexcept {
    capture.lost.fetch_add(1, std::memory_order_relaxed);
    capture.left.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void write_note(Packet& copy, const CaptureNote& note) noexcept {
    copy.meta.followed = note.nanoseconds;
    copy.meta.flow_hash = note.length;
    copy.meta.iif = note.interface;
    copy.meta.queue_class = static_cast<std::uint8_t>(note.seen);
    copy.meta.l4_protocol = static_cast<std::uint8_t>(note.reason);
}

CaptureNote read_note(const Packet& copy) noexcept {
    return {.nanoseconds = copy.meta.followed,
            .length = copy.meta.flow_hash,
            .interface = copy.meta.iif,
            .seen = static_cast<Seen>(copy.meta.queue_class),
            .reason = static_cast<DropReason>(copy.meta.l4_protocol)};
}

void offer(Capture& capture, Packet& packet, IfIndex interface, Seen seen, DropReason reason, unsigned worker,
           rte_mempool* pool) noexcept {
    if (capture.drops != (seen == Seen::dropped) || !passes(capture, packet)) return;
    if (!take_one(capture.left)) return;
    rte_mbuf* copied = rte_pktmbuf_copy(&packet, pool, 0, capture.snap);
    if (!copied) return lose(capture);
    Packet* copy = Packet::from(copied);
    copy->meta.tag_place = packet.meta.tag_place;
    copy->meta.vlan_tci = packet.meta.vlan_tci;
    copy->meta.vlan_tpid = packet.meta.vlan_tpid;
    write_note(*copy, {wall_clock(), packet.length(), interface, seen, reason});
    if (capture.rings[worker]->enqueue(&copy, 1) == 0) {
        lose(capture);
        Packet::free(copy);
    }
    capture.waker.wake();
}

}  // namespace weft
