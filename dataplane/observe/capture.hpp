// A capture (tcpdump): which frames are copied, and the rings their copies wait in.
//
// Linux: packet sockets of libpcap; dev_queue_xmit_nit and __netif_receive_skb_core's ptype_all.
#pragma once

#include <pcap/pcap.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/drop.hpp"
#include "weft/packet.hpp"
#include "weft/ring.hpp"

struct rte_mempool;

namespace weft {

/// What happened to a frame where it was looked at.
enum class Seen : std::uint8_t { received, sent, dropped };

/// One capture. Made by control, published with the Observation that holds it. Workers write `rings`, `lost`
/// and `left`; control takes from the rings.
struct Capture {
    static constexpr unsigned ring_size = 1024;

    bool drops = false;                              ///< frames that are dropped, rather than those that pass
    std::uint32_t snap = 262144;                     ///< bytes of a frame that are kept
    std::vector<bpf_insn> filter;                    ///< libpcap's, over Ethernet; empty: every frame
    std::vector<std::unique_ptr<PacketRing>> rings;  ///< by worker
    Waker waker;                                     ///< woken when a ring got something
    std::atomic<std::uint64_t> lost{0};              ///< ring full or no buffer
    std::atomic<std::int64_t> left{INT64_MAX};       ///< frames still wanted (-c)
};

/// What a copy in Capture::rings says of its frame. It stands in the copy's metadata.
struct CaptureNote {
    std::uint64_t nanoseconds;  ///< since 1970
    std::uint32_t length;       ///< of the whole frame, without a stripped tag
    IfIndex interface;
    Seen seen;
    DropReason reason;  ///< if dropped
};
void write_note(Packet& copy, const CaptureNote& note) noexcept;
[[nodiscard]] CaptureNote read_note(const Packet& copy) noexcept;

/// Gives `worker`'s ring a copy of the frame if the capture wants its kind. The frame is only read.
void offer(Capture& capture, Packet& packet, IfIndex interface, Seen seen, DropReason reason, unsigned worker,
           rte_mempool* pool) noexcept;

}  // namespace weft
