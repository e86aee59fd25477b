// Packets for the tracker, from the IP header on, and a tracker with a clock of its own.
#pragma once

#include <cstring>
#include <vector>

#include "dataplane/flow/icmp.hpp"
#include "dataplane/flow/tcp.hpp"
#include "dataplane/flow/tracker.hpp"

namespace weft::test {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& bytes, std::uint32_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Bytes& bytes, std::uint32_t value) {
    put16(bytes, value >> 16);
    put16(bytes, value & 0xffff);
}

/// Host order; 10.0.0.N.
struct Ends {
    std::uint8_t from, to;
    std::uint16_t source_port = 0, destination_port = 0;
    [[nodiscard]] Ends back() const { return {to, from, destination_port, source_port}; }
};

inline Bytes ip4(Ends ends, std::uint8_t protocol, const Bytes& payload) {
    Bytes bytes{0x45, 0};
    put16(bytes, static_cast<std::uint32_t>(20 + payload.size()));
    for (const std::uint8_t b :
         {0, 1, 0, 0, 64, int{protocol}, 0, 0, 10, 0, 0, int{ends.from}, 10, 0, 0, int{ends.to}})
        bytes.push_back(b);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}
inline Bytes ip6(Ends ends, std::uint8_t protocol, const Bytes& payload) {
    Bytes bytes{0x60, 0, 0, 0};
    put16(bytes, static_cast<std::uint32_t>(payload.size()));
    bytes.push_back(protocol);
    bytes.push_back(64);
    for (const std::uint8_t end : {ends.from, ends.to}) {
        bytes.push_back(0xfd);
        bytes.resize(bytes.size() + 14);
        bytes.push_back(end);
    }
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}
inline Bytes udp(Ends ends, std::size_t payload = 4) {
    Bytes bytes;
    put16(bytes, ends.source_port);
    put16(bytes, ends.destination_port);
    put16(bytes, static_cast<std::uint32_t>(8 + payload));
    put16(bytes, 1);
    bytes.resize(8 + payload);
    return bytes;
}
inline Bytes tcp(Ends ends, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack = 0) {
    Bytes bytes;
    put16(bytes, ends.source_port);
    put16(bytes, ends.destination_port);
    put32(bytes, seq);
    put32(bytes, ack);
    bytes.push_back(0x50);
    bytes.push_back(flags);
    put16(bytes, 10'000);
    put32(bytes, 0);
    return bytes;
}
inline Bytes icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest, const Bytes& quoted = {}) {
    Bytes bytes{type, code, 0, 0};
    put32(bytes, rest);
    bytes.insert(bytes.end(), quoted.begin(), quoted.end());
    return bytes;
}

struct Tracker : FlowTracker {
    FlowConfig config;
    FlowTime now = 5'000'000;

    explicit Tracker(std::uint32_t capacity = 1000, unsigned workers = 1)
        : FlowTracker(capacity, workers, 0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210) {}

    [[nodiscard]] FlowMoment moment(unsigned worker = 0) const {
        return {config, worker, now, 1'800'000'000};
    }
    Tracked see(const Bytes& packet, FlowZones zones = 0, unsigned worker = 0) {
        const auto bytes = static_cast<std::uint32_t>(packet.size());
        return in({reinterpret_cast<const std::byte*>(packet.data()), bytes, bytes}, zones, 0,
                  moment(worker));
    }
    /// As without rules: what begins is confirmed.
    Tracked pass(const Bytes& packet, FlowZones zones = 0, unsigned worker = 0) {
        const Tracked t = see(packet, zones, worker);
        if (t.kind == Tracked::tracked && t.fresh && confirm(t.ref, moment(worker)) != Confirmed::done)
            discard(t.ref, moment(worker));
        return t;
    }
    void wait(std::uint32_t seconds) { now += seconds * 1000; }
    /// All that is due.
    void age_all(unsigned worker = 0) {
        while (age(moment(worker), 64) >= 64) {
        }
    }
    [[nodiscard]] int left(FlowRef ref) const {
        return milliseconds_until(state_of(ref).deadline.load(), now) / 1000;
    }
    std::vector<FlowView> all() const {
        std::vector<FlowView> seen;
        for (std::uint32_t at = 0;;) {
            at = walk(at, 100, now, [&](const FlowView& v) { seen.push_back(v); });
            if (!at) return seen;
        }
    }
};

}  // namespace weft::test
