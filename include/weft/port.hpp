// A port: something frames come from and go to. Not an ethdev id: ethdev devices, packet sockets, TAPs,
// captures and generators are ports alike.
//
// Threads: receive(q) and transmit(q) are each called by one worker at a time for a given queue (control
// moves a queue only across a quiescent point); everything else by the control thread. A port is destroyed
// only after every worker let go of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weft/net/ethernet.hpp"
#include "weft/packet.hpp"
#include "weft/result.hpp"

namespace weft {

/// What a port's transmit side takes over from us. Bits of PortInfo::offloads.
struct Offload {
    static constexpr std::uint8_t checksum = 1;        ///< finishes TCP and UDP checksums, IPv4 and IPv6
    static constexpr std::uint8_t tcp4_gso = 2;        ///< segments GsoType::tcp4
    static constexpr std::uint8_t tcp6_gso = 4;        ///< segments GsoType::tcp6
    static constexpr std::uint8_t udp_gso = 8;         ///< segments GsoType::udp
    static constexpr std::uint8_t vlan_insert = 16;    ///< sends TagPlace::stripped with its tag
    static constexpr std::uint8_t multi_segment = 32;  ///< takes chained mbufs
    static constexpr std::uint8_t tcp_ecn = 64;        ///< segments TCP with gso_ecn: CWR in the first only
};

/// What a port is and can; fixed while it is started, except link and speed, and of a port with a
/// guest what the guest decides: tx_queues, up to those it was opened with, and offloads.
struct PortInfo {
    std::string driver;        ///< "net_null", "af_packet", ...
    MacAddress mac{};          ///< current
    std::uint16_t mtu = 1500;  ///< current, L3 bytes
    std::uint16_t max_mtu = 1500;
    std::uint16_t rx_queues = 1;
    std::uint16_t tx_queues = 1;  ///< transmit(q) may be called for q below it
    std::uint8_t offloads = 0;    ///< Offload bits
    bool link_up = false;
    std::uint32_t speed_mbps = 0;  ///< 0 if unknown
};

/// How a receive call lost frames that it could not hand out; the worker counts them and the port clears
/// them.
struct ReceiveLoss {
    std::uint32_t no_mbuf = 0;
    std::uint32_t truncated = 0;
    std::uint32_t bad_offload = 0;     ///< checksum or GSO state contradicts the frame
    std::uint32_t bad_descriptor = 0;  ///< the peer's ring contradicts itself; nothing more comes from it
};

/// What a transmit call took but lost, because the device is gone or refuses the frame; the port frees them.
struct TransmitLoss {
    std::uint32_t packets = 0;
    std::uint64_t bytes = 0;  ///< as Packet::length()
};

class Port {
  public:
    virtual ~Port() = default;

    // --- worker side: no locks, logs or allocation beyond mbufs; never blocks ---

    /// Fills at most n (<= batch_size) packets and returns how many. Each has its frame without FCS, and in
    /// its metadata checksum, gso_* and checksum_* set; if the device stripped the tag, tag_place is stripped
    /// with vlan_tci and vlan_tpid, otherwise tag_place is none even where a tag stands in the frame (ingress
    /// looks). The first line of each frame is in the cache or asked for.
    virtual std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                                  ReceiveLoss& loss) noexcept = 0;

    /// Takes the first k of n packets (each within info().offloads) and returns k; the caller keeps the rest.
    /// What of the k the device refused is added to `loss`; the others are sent.
    virtual std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                                   TransmitLoss& loss) noexcept = 0;

    /// A file descriptor that becomes readable when receive(queue) has something, or -1: then it must be
    /// polled.
    [[nodiscard]] virtual int wait_descriptor(std::uint16_t queue) const noexcept {
        (void)queue;
        return -1;
    }

    // --- control side ---

    /// Current state; asks the device where that may have changed (link).
    [[nodiscard]] virtual PortInfo info() = 0;
    /// Frames lost since the port was opened because nobody took them in time: the device's ring, or the
    /// kernel's socket, was full (rx_missed_errors of rtnl_link_stats64).
    [[nodiscard]] virtual std::uint64_t missed() { return 0; }
    /// Starts or stops sending and receiving (`ip link set NAME up|down`).
    virtual Result<> set_up(bool up) = 0;
    /// L3 bytes. Refused with a sentence where the device cannot.
    virtual Result<> set_mtu(std::uint16_t mtu) = 0;
    virtual Result<> set_mac(const MacAddress& mac) = 0;
    /// `ethtool -S` and `port show`: name and value of every counter the device has.
    [[nodiscard]] virtual std::vector<std::pair<std::string, std::uint64_t>> statistics() = 0;
};

}  // namespace weft
