#include "trial.hpp"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>
#include <cstring>

namespace weft::bench {

namespace {

constexpr std::uint16_t burst = 32;
constexpr std::uint64_t stamped_one_in = 64;
constexpr double drain_seconds = 0.2;

/// Makes the next frames of a run.
class Source {
  public:
    explicit Source(const Path& path) : path_(path) {}
    /// Up to n packets; fewer if buffers are short.
    std::uint16_t make(Packet* out[], std::uint16_t n) {
        if (rte_pktmbuf_alloc_bulk(path_.pool, reinterpret_cast<rte_mbuf**>(out), n) != 0) return 0;
        for (std::uint16_t i = 0; i < n; ++i)
            fill(*out[i]);
        return n;
    }

  private:
    void fill(Packet& packet) {
        const auto length = path_.flows.length();
        const auto flow = path_.flows.at(next_);
        const auto stamp = next_++ % stamped_one_in == 0 ? rte_rdtsc() : 0;
        if (length <= rte_pktmbuf_tailroom(&packet)) {
            auto* frame = reinterpret_cast<std::byte*>(rte_pktmbuf_append(&packet, length));
            if (stamp == 0 && !path_.ready.empty())
                std::memcpy(frame, &path_.ready[std::size_t{flow} * length], length);
            else
                path_.flows.write(frame, flow, stamp);
        } else {
            scatter(packet, flow, stamp);
        }
        packet.meta.tag_place = TagPlace::none;
        packet.meta.checksum = ChecksumState::good;
        packet.meta.gso_type = GsoType::none;
    }
    void scatter(Packet& packet, std::uint32_t flow, std::uint64_t stamp) {
        whole_.resize(path_.flows.length());
        path_.flows.write(whole_.data(), flow, stamp);
        rte_mbuf* segment = &packet;
        for (std::size_t at = 0; at < whole_.size();) {
            const auto part = std::min<std::size_t>(whole_.size() - at, rte_pktmbuf_tailroom(segment));
            if (part == 0) {
                rte_mbuf* more = rte_pktmbuf_alloc(path_.pool);
                if (!more) return;
                segment = segment->next = more;
                ++packet.nb_segs;
                continue;
            }
            std::memcpy(rte_pktmbuf_mtod_offset(segment, std::byte*, segment->data_len), &whole_[at], part);
            segment->data_len = static_cast<std::uint16_t>(segment->data_len + part);
            packet.pkt_len += static_cast<std::uint32_t>(part);
            at += part;
        }
    }
    const Path& path_;
    std::uint64_t next_ = 0;
    std::vector<std::byte> whole_;
};

/// Counts what arrives and frees it.
void sink(const Path& path, Packet* packets[], std::uint16_t n, Counted& counted) {
    for (std::uint16_t i = 0; i < n; ++i) {
        const Packet& packet = *packets[i];
        const bool stripped = packet.meta.tag_place == TagPlace::stripped;  // by the device
        if (!path.flows.ours(packet.data(), packet.length() + (stripped ? vlan_tag_size : 0u))) {
            ++counted.foreign;
            continue;
        }
        ++counted.received;
        const auto* last = rte_pktmbuf_lastseg(const_cast<Packet*>(packets[i]));
        if (last->data_len < stamp_bytes) continue;
        const auto stamp = Flows::stamp(rte_pktmbuf_mtod(last, const std::byte*), last->data_len);
        if (stamp != 0 && counted.latency_ns.size() < 1'000'000)
            counted.latency_ns.push_back(static_cast<std::uint32_t>(
                static_cast<double>(rte_rdtsc() - stamp) * 1e9 / static_cast<double>(rte_get_tsc_hz())));
    }
    rte_pktmbuf_free_bulk(reinterpret_cast<rte_mbuf**>(packets), n);
}

void take(const Path& path, Counted& counted) {
    Packet* packets[batch_size];
    ReceiveLoss loss;
    for (std::uint16_t queue = 0; queue < path.rx_queues; ++queue)
        if (const auto n = path.rx.receive(queue, packets, batch_size, loss)) sink(path, packets, n, counted);
}

void throw_away(Port& port) {
    ReceiveLoss lost;
    Packet* packets[batch_size];
    const auto n = port.receive(0, packets, batch_size, lost);
    rte_pktmbuf_free_bulk(reinterpret_cast<rte_mbuf**>(packets), n);
}

/// Sends one frame, which is lost if there is no room.
void send_one(const Path& path, Port& port, const std::vector<std::byte>& frame) {
    rte_mbuf* m = rte_pktmbuf_alloc(path.pool);
    if (!m) return;
    const auto size =
        static_cast<std::uint16_t>(std::min<std::size_t>(frame.size(), rte_pktmbuf_tailroom(m)));
    std::memcpy(rte_pktmbuf_append(m, size), frame.data(), size);
    Packet* packet = Packet::from(m);
    packet->meta.tag_place = TagPlace::none;
    packet->meta.checksum = ChecksumState::good;
    packet->meta.gso_type = GsoType::none;
    TransmitLoss loss;
    if (port.transmit(0, &packet, 1, loss) == 0) Packet::free(packet);
}

/// What has arrived by this queue goes back.
void answer(const Path& path, std::uint16_t queue) {
    ReceiveLoss lost;
    TransmitLoss loss;
    Packet* packets[batch_size];
    const auto n = path.rx.receive(queue, packets, batch_size, lost);
    std::uint16_t ours = 0;
    for (std::uint16_t i = 0; i < n; ++i) {
        auto* const bytes = rte_pktmbuf_mtod(static_cast<rte_mbuf*>(packets[i]), std::byte*);
        if (!path.flows.ours(bytes, packets[i]->length())) {
            Packet::free(packets[i]);
            continue;
        }
        path.flows.answer(bytes);
        packets[i]->meta.tag_place = TagPlace::none;
        packets[i]->meta.checksum = ChecksumState::good;
        packets[i]->meta.gso_type = GsoType::none;
        packets[ours++] = packets[i];
    }
    const auto sent = path.rx.transmit(0, packets, ours, loss);
    rte_pktmbuf_free_bulk(reinterpret_cast<rte_mbuf**>(packets + sent), ours - sent);
}

}  // namespace

std::vector<std::byte> ready_frames(const Flows& flows, std::uint32_t n) {
    const std::size_t length = flows.length();
    std::vector<std::byte> frames;
    if (n * length > 4u << 20) return frames;
    frames.resize(n * length);
    for (std::uint32_t i = 0; i < n; ++i)
        flows.write(&frames[i * length], i, 0);
    return frames;
}

void announce(const Path& path) {
    std::vector<std::byte> frame(path.flows.length());
    const double hz = static_cast<double>(rte_get_tsc_hz());
    Counted unused;
    for (std::uint32_t flow = 0; flow < path.flow_count; ++flow) {
        path.flows.announce(frame.data(), flow);
        send_one(path, path.rx, frame);
        const auto until = rte_rdtsc() + static_cast<std::uint64_t>(hz / 500'000);
        while (rte_rdtsc() < until)
            rte_pause();
        if (flow % 32 == 0) {
            take(path, unused);
            throw_away(path.tx);
        }
    }
    rte_delay_us_block(100'000);
    for (int i = 0; i < 1000; ++i)
        take(path, unused);
}

void connect(const Path& path) {
    std::vector<std::byte> frame(path.flows.length());
    const double hz = static_cast<double>(rte_get_tsc_hz());
    const auto pass = [&] {
        for (std::uint16_t queue = 0; queue < path.rx_queues; ++queue)
            answer(path, queue);
        throw_away(path.tx);
    };
    for (std::uint32_t flow = 0; flow < path.flow_count; ++flow) {
        path.flows.write(frame.data(), flow, 0);
        send_one(path, path.tx, frame);
        const auto until = rte_rdtsc() + static_cast<std::uint64_t>(hz / 250'000);
        while (rte_rdtsc() < until)
            rte_pause();
        if (flow % 16 == 0) pass();
    }
    const auto end = rte_rdtsc() + static_cast<std::uint64_t>(hz / 10);
    while (rte_rdtsc() < end)
        pass();
}

Counted run(const Path& path, double rate, double seconds) {
    Counted counted;
    counted.latency_ns.reserve(1'000'000);
    Source source{path};
    const double hz = static_cast<double>(rte_get_tsc_hz());
    const auto start = rte_rdtsc(), end = start + static_cast<std::uint64_t>(seconds * hz);
    Packet* waiting[burst];
    std::uint16_t first = 0, last = 0;  // of `waiting`: made, not yet sent
    TransmitLoss loss;
    for (auto now = start; now < end; now = rte_rdtsc()) {
        const auto due =
            rate > 0 ? static_cast<std::uint64_t>(static_cast<double>(now - start) / hz * rate) : 0;
        if (first == last && (rate <= 0 || due > counted.offered)) {
            const auto n = rate > 0 ? std::min<std::uint64_t>(burst, due - counted.offered) : burst;
            first = 0;
            last = source.make(waiting, static_cast<std::uint16_t>(n));
            counted.offered += last;
        }
        if (first < last) {
            const auto taken =
                path.tx.transmit(0, waiting + first, static_cast<std::uint16_t>(last - first), loss);
            counted.sent += taken;
            first = static_cast<std::uint16_t>(first + taken);
            if (first < last && rate > 0) {  // the ring is full: what comes later has no room either
                rte_pktmbuf_free_bulk(reinterpret_cast<rte_mbuf**>(waiting + first), last - first);
                first = last;
            }
        }
        take(path, counted);
    }
    counted.seconds = static_cast<double>(rte_rdtsc() - start) / hz;
    if (first < last) {
        counted.offered -= last - first;
        rte_pktmbuf_free_bulk(reinterpret_cast<rte_mbuf**>(waiting + first), last - first);
    }
    counted.late = rate > 0 && static_cast<double>(counted.offered) < 0.99 * rate * seconds;
    const auto drained = rte_rdtsc() + static_cast<std::uint64_t>(drain_seconds * hz);
    while (rte_rdtsc() < drained)
        take(path, counted);
    return counted;
}

double loop_back(const Path& path, double seconds) {
    Source source{path};
    Counted counted;
    Packet* packets[burst];
    const auto start = rte_rdtsc();
    const auto end = start + static_cast<std::uint64_t>(seconds * static_cast<double>(rte_get_tsc_hz()));
    while (rte_rdtsc() < end)
        if (const auto n = source.make(packets, burst)) sink(path, packets, n, counted);
    return static_cast<double>(counted.received) * static_cast<double>(rte_get_tsc_hz()) /
           static_cast<double>(rte_rdtsc() - start);
}

}  // namespace weft::bench
