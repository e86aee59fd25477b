// A packet: DPDK's mbuf followed by weft's metadata in the mbuf's private area.
//
//   line 0   rte_mbuf, first half: buffer, lengths, reference count
//   line 1   rte_mbuf, second half: pool, next segment
//   line 2   Metadata, this file
//   ...      headroom (RTE_PKTMBUF_HEADROOM), then the frame
//
// A stage writes the fields it promises in its header and zeroes nothing else; the fields marked "ingress"
// are valid from the ingress stage on, all others only after the stage that is named.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weft/net/ethernet.hpp"

namespace weft {

/// weft's own interface index: dense, from 1, reused after deletion. Not a kernel ifindex, not an ethdev id.
using IfIndex = std::uint16_t;
inline constexpr IfIndex no_interface = 0;
/// Table limit: indexes are below it.
inline constexpr IfIndex max_interfaces = 16384;

/// What a route leads to (hop.hpp).
using HopIndex = std::uint32_t;
inline constexpr HopIndex no_hop = 0;

/// What is known of the transport checksum (as Linux's ip_summed).
enum class ChecksumState : std::uint8_t {
    unknown,     ///< nobody looked
    good,        ///< sender or receiver vouches for it
    unfinished,  ///< the field holds the pseudo-header sum; finish over [checksum_start, end)
};

/// Segmentation a sender left to us (as virtio_net_hdr's gso_type).
enum class GsoType : std::uint8_t { none, tcp4, tcp6, udp };

/// Where the outermost VLAN tag is.
enum class TagPlace : std::uint8_t {
    none,      ///< untagged
    in_frame,  ///< after the MAC addresses
    stripped,  ///< only in metadata (the device or a stage took it off)
};

/// Which bounded queue to the kernel a packet takes; a flood in one does not starve another.
enum class PuntClass : std::uint8_t {
    link_local,  ///< LLDP, LACP, STP: to addresses that bridges do not forward
    arp,
    nd,
    icmp,
    routing,  ///< BGP, OSPF, RIP, BFD, VRRP, PIM, LDP and their like
    ssh,
    host,        ///< all else for an address of the host
    broadcast,   ///< all else to a broadcast or multicast address
    unresolved,  ///< in transit: held until its next hop (next_hop.hpp) is resolved
    count
};
inline constexpr std::size_t punt_class_count = static_cast<std::size_t>(PuntClass::count);
inline constexpr std::string_view punt_class_names[punt_class_count] = {
    "link_local", "arp", "nd", "icmp", "routing", "ssh", "host", "broadcast", "unresolved"};

/// What a packet is handed over to another worker for.
enum class HandedFor : std::uint8_t {
    sending,  ///< by a port whose queue that worker owns: meta.oif
    input,    ///< it owns the connection of a packet that came in: as from host on
    output,   ///< … of a packet that the host sends
    local,    ///< of a fragment for the host, past its first hook: its datagram is gathered there
};

/// 64 bytes, one cache line. Offsets and lengths in bytes, integers in host order.
struct alignas(64) Metadata {
    // ingress: interface and tag
    IfIndex iif;  ///< interface the frame is being received on at this layer (port, sub-interface, bridge)
    IfIndex oif;  ///< interface to leave by; set before the egress stage
    IfIndex port_iif;         ///< the port the frame entered weft by; 0 if the kernel made it
    std::uint16_t vlan_tci;   ///< outermost tag, valid unless tag_place is none
    std::uint16_t vlan_tpid;  ///< its TPID
    TagPlace tag_place;
    // receive: offload state, set by the port (or the segmenter), as virtio 1.1 5.1.6
    ChecksumState checksum;
    GsoType gso_type;
    std::uint8_t gso_ecn;    ///< TCP segments carry ECN CWR
    std::uint16_t gso_size;  ///< payload bytes of a segment; valid unless gso_type is none
    std::uint16_t
        checksum_start;  ///< from the first byte of the frame as it lies in memory; valid if unfinished
    std::uint16_t checksum_offset;  ///< of the field, from checksum_start
    // forwarding
    std::uint8_t hops;         ///< internal interfaces passed (veth, sub-interface over a bridge)
    std::uint8_t queue_class;  ///< of the egress qdisc; 0 unless classified
    PuntClass punt_class;      ///< set before the punt stage
    std::uint8_t flags;        ///< PacketFlags
    std::uint16_t bridge_vid;  ///< VLAN within the bridge, 0 without filtering; bridge stage on
    std::uint16_t l3_offset;   ///< valid after the L3 parser
    std::uint16_t l4_offset;
    std::uint8_t l4_protocol;
    HandedFor handed_for;            ///< written by who hands the packet over
    std::uint32_t mark;              ///< fwmark; zeroed at ingress
    std::uint32_t connection_index;  ///< FlowRef; what it is worth is in connection_state
    std::uint32_t connection_version;
    std::uint32_t flow_hash;
    std::uint64_t followed;         ///< by a trace; valid while somebody observes (dataplane/observe)
    HopIndex hop;                   ///< set before the ip_output stage
    std::uint8_t connection_state;  ///< dataplane/hook/connection.cpp; set where hooks are passed
    std::uint8_t reserved;
    std::uint16_t zone;  ///< conntrack's, of a packet that is handed over
};
static_assert(sizeof(Metadata) == 64);

/// Metadata::flags.
struct PacketFlags {
    static constexpr std::uint8_t from_kernel = 1;  ///< read from a kernel TAP
    static constexpr std::uint8_t flooded = 4;      ///< one of several copies
    static constexpr std::uint8_t own = 8;          ///< made by weft itself (ICMP errors)
    static constexpr std::uint8_t resolved = 16;    ///< was held for its next hop; is routed again
};

/// An mbuf with its metadata. Owned by whoever holds the pointer; freed by free(). Not thread safe.
/// Never constructed: it overlays an mbuf whose private area is packet_private_size.
struct Packet : rte_mbuf {
    Metadata meta;

    static Packet* from(rte_mbuf* m) noexcept { return static_cast<Packet*>(m); }
    /// First byte of the frame in its first segment.
    [[nodiscard]] std::byte* data() noexcept { return rte_pktmbuf_mtod(this, std::byte*); }
    [[nodiscard]] const std::byte* data() const noexcept { return rte_pktmbuf_mtod(this, const std::byte*); }
    template <class Header>
    [[nodiscard]] Header* header(std::size_t offset = 0) noexcept {
        return reinterpret_cast<Header*>(data() + offset);
    }
    [[nodiscard]] EthernetHeader& ethernet() noexcept { return *header<EthernetHeader>(); }
    /// Length of the whole frame over all segments, without FCS.
    [[nodiscard]] std::uint32_t length() const noexcept { return pkt_len; }
    /// Length in the first segment; all headers a stage reads must lie in it.
    [[nodiscard]] std::uint16_t head_length() const noexcept { return data_len; }
    /// Frees all segments to their pools.
    static void free(Packet* p) noexcept { rte_pktmbuf_free(p); }
};
static_assert(sizeof(Packet) == sizeof(rte_mbuf) + sizeof(Metadata),
              "metadata must be the mbuf's private area");
/// Private area size for rte_pktmbuf_pool_create.
inline constexpr std::uint16_t packet_private_size = sizeof(Packet) - sizeof(rte_mbuf);

/// The most packets a burst, a batch or a stage's vector holds.
inline constexpr std::uint16_t batch_size = 64;

}  // namespace weft
