// What a stage may look at and write to besides the packet: tables, time, counters, and the ways out.
#pragma once

#include <cstdint>

#include "dataplane/bridge/fdb.hpp"
#include "dataplane/punt/limit.hpp"
#include "dataplane/route/limit.hpp"
#include "dataplane/stage.hpp"
#include "weft/counters.hpp"
#include "weft/packet.hpp"
#include "weft/ring.hpp"
#include "weft/routing.hpp"
#include "weft/topology.hpp"

struct rte_mempool;

namespace weft {

struct Filtering;  // dataplane/hook
struct HookWork;

/// Packets on their way to one stage. Not owned by the vector beyond the running round.
struct PacketVector {
    std::uint16_t count = 0;
    Packet* packets[batch_size];
};

/// Ports weft can have at a time.
inline constexpr PortIndex max_ports = 1024;

/// Packets of one port collected over a round; the qdisc's place. Flushed when full and at the end of a
/// round.
struct alignas(64) TransmitBuffer {
    std::uint16_t count = 0;
    bool listed = false;      ///< its port is in Context::filled
    std::uint32_t bytes = 0;  ///< of all packets
    Packet* packets[batch_size];
};

class Observer;
void observe_drop(const Observer& observer, Packet& packet, DropReason reason, IfIndex interface,
                  struct Context& context) noexcept;

/// One worker's view of the world for one round. Everything is the worker's own or read-only, but the FDB,
/// the rings and the pool, which are safe to share.
struct Context {
    const Topology* topology;
    const Routing* routing;
    const HopTable* hops;
    const Filtering* filtering;
    HookWork* hooks;  ///< of this worker
    Fdb* fdb;
    CounterTable* counters;
    rte_mempool* pool;
    PuntQueues* punt;           ///< null with --no-kernel
    std::uint32_t now_seconds;  ///< coarse monotonic clock
    std::uint64_t now_us;       ///< the same in microseconds
    IcmpBuckets* icmp_buckets;  ///< of all workers
    PuntLimits* punt_limits;    ///< of this worker
    std::uint16_t next_ip_id;   ///< of packets that this worker makes
    unsigned worker;            ///< 0-based
    unsigned workers;           ///< how many there are

    const Observer* observer;  ///< null while nobody looks on (tcpdump, trace)

    const Interface* receiving;    ///< the port of the burst being ingested
    std::uint64_t received_bytes;  ///< of that burst
    std::uint32_t received_groups;
    bool punted;  ///< something was put into a punt queue this round

    TransmitBuffer* transmit;     ///< by PortIndex; max_ports of them
    PortIndex filled[max_ports];  ///< ports whose buffer holds something
    std::uint16_t filled_count;
    PacketRing* const* hand_over;  ///< ring of each worker, by worker
    Waker* const* wakers;          ///< of each worker
    Counter* handed_over;          ///< packets this worker gave to others
    PacketRing* veths;             ///< frames that left by a veth end and arrive at its peer (meta.iif)

    PacketVector next[stage_count];
    // set by the pipeline that runs
    void* pipeline;
    void (*run_now)(StageId, Context&);  ///< runs a stage on its vector at once
    void (*run_all)(Context&);           ///< runs the stages until none holds a packet

    [[nodiscard]] bool holds(StageId stage) const noexcept {
        return next[static_cast<std::size_t>(stage)].count != 0;
    }

    /// Counts and frees.
    void drop(Packet& packet, DropReason reason, IfIndex interface) noexcept {
        if (observer) [[unlikely]]
            observe_drop(*observer, packet, reason, interface, *this);
        (*counters)[interface].dropped[static_cast<std::size_t>(reason)].add(1, packet.length());
        Packet::free(&packet);
    }
    /// A frame, or a copy of one, that was never made: counted as dropped.
    void count_drop(DropReason reason, IfIndex interface, std::uint32_t bytes) noexcept {
        (*counters)[interface].dropped[static_cast<std::size_t>(reason)].add(1, bytes);
    }
    void count_drops(DropReason reason, IfIndex interface, std::uint32_t packets) noexcept {
        (*counters)[interface].dropped[static_cast<std::size_t>(reason)].add(packets, 0);
    }
    /// Hands a packet to a stage; a full vector runs first. It may be full again then: a stage may emit to
    /// itself (egress by a sub-interface), no more often than a packet has hops.
    void emit(Packet& packet, StageId stage) noexcept {
        auto& vector = next[static_cast<std::size_t>(stage)];
        while (vector.count == batch_size)
            [[unlikely]] run_now(stage, *this);
        vector.packets[vector.count++] = &packet;
    }
    /// Acts on a verdict: hand on, drop or nothing. A drop is counted for `interface`.
    void follow(Packet& packet, Verdict verdict, IfIndex interface) noexcept {
        if (verdict.is_stage()) [[likely]]
            emit(packet, verdict.stage());
        else if (verdict.is_drop())
            drop(packet, verdict.reason(), interface);
    }
};

}  // namespace weft
