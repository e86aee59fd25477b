#include "dataplane/port/pcap.hpp"

#include <rte_cycles.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "dataplane/port/free_burst.hpp"

namespace weft::ports {

Packet* Pcap::packet_of(const Capture::Frame& frame) noexcept {
    rte_mbuf* first = rte_pktmbuf_alloc(pool_);
    rte_mbuf* last = first;
    for (std::uint32_t at = 0; last;) {
        last->data_len = static_cast<std::uint16_t>(
            std::min<std::uint32_t>(frame.length - at, rte_pktmbuf_tailroom(last)));
        std::memcpy(rte_pktmbuf_mtod(last, void*), &capture_.bytes[frame.at + at], last->data_len);
        at += last->data_len;
        if (at == frame.length) break;
        last->next = rte_pktmbuf_alloc(pool_);
        last = last->next;
        ++first->nb_segs;
    }
    if (!last) {
        if (first) --first->nb_segs;
        rte_pktmbuf_free(first);
        return nullptr;
    }
    first->pkt_len = frame.length;
    Packet* packet = Packet::from(first);
    packet->meta.tag_place = TagPlace::none;
    packet->meta.checksum = ChecksumState::unknown;
    packet->meta.gso_type = GsoType::none;
    packet->meta.gso_ecn = 0;
    packet->meta.gso_size = 0;
    return packet;
}

std::uint16_t Pcap::receive(std::uint16_t, Packet* out[], std::uint16_t n, ReceiveLoss& loss) noexcept {
    flush_when_idle();
    if (!up_.load(std::memory_order_relaxed) || capture_.frames.empty()) return 0;
    std::uint16_t count = 0;
    std::uint64_t bytes = 0;
    for (std::uint16_t turn = 0; turn < n; ++turn) {
        if (next_ == capture_.frames.size()) {
            if (!infinite_) break;
            next_ = 0;
        }
        const Capture::Frame& frame = capture_.frames[next_];
        if (frame.captured < frame.length || frame.length == 0) {
            ++next_;
            ++loss.truncated;
            received_.truncated.add(1);
            continue;
        }
        Packet* packet = packet_of(frame);
        if (!packet) break;  // the frame can wait
        ++next_;
        bytes += frame.length;
        out[count++] = packet;
    }
    received_.good.add(count, bytes);
    return count;
}

void Pcap::write(const Packet& packet, std::uint32_t seconds, std::uint32_t microseconds) noexcept {
    // The file format's record header, in the machine's byte order (libpcap, pcap-savefile(5)).
    const bool tagged = packet.meta.tag_place == TagPlace::stripped;
    const std::uint32_t length = packet.length() + (tagged ? vlan_tag_size : 0);
    const std::uint32_t record[4] = {seconds, microseconds, length, length};
    std::FILE* file = file_.get();
    fwrite_unlocked(record, sizeof record, 1, file);
    std::uint32_t skip = 0;
    if (tagged) {
        constexpr std::uint32_t addresses = 2 * sizeof(MacAddress);
        const VlanTag tag{be16{packet.meta.vlan_tpid}, be16{packet.meta.vlan_tci}};
        fwrite_unlocked(packet.data(), addresses, 1, file);
        fwrite_unlocked(&tag, sizeof tag, 1, file);
        skip = addresses;
    }
    for (const rte_mbuf* m = &packet; m; m = m->next, skip = 0)
        fwrite_unlocked(rte_pktmbuf_mtod_offset(m, const std::byte*, skip), m->data_len - skip, 1, file);
}

std::uint16_t Pcap::transmit(std::uint16_t, Packet* in[], std::uint16_t n, TransmitLoss& loss) noexcept {
    if (file_) {
        timespec now{};
        clock_gettime(CLOCK_REALTIME, &now);
        flockfile(file_.get());
        for (std::uint16_t i = 0; i < n; ++i)
            write(*in[i], static_cast<std::uint32_t>(now.tv_sec),
                  static_cast<std::uint32_t>(now.tv_nsec / 1000));
        const bool failed = ferror_unlocked(file_.get());  // the disk is full, say
        clearerr_unlocked(file_.get());
        funlockfile(file_.get());
        dirty_since_.store(rte_rdtsc(), std::memory_order_relaxed);
        if (failed) {
            sent_.errors.add(n);
            loss.packets += n;
            loss.bytes += free_burst(in, n);
            return n;
        }
    }
    sent_.good.add(n, free_burst(in, n));
    return n;
}

void Pcap::flush_when_idle() noexcept {
    const auto since = dirty_since_.load(std::memory_order_relaxed);
    if (since == 0 || rte_rdtsc() - since < rte_get_tsc_hz() / 10) return;
    dirty_since_.store(0, std::memory_order_relaxed);
    std::fflush(file_.get());
}

}  // namespace weft::ports
