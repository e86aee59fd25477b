// How each kind of port is opened. Control thread only; these functions block, allocate and make system
// calls.
//
// A port is opened down: set_up(true) starts it. Its destructor releases everything that opening took (ethdev
// removed from its bus, sockets closed, the far end of a TAP gone) and must run after every worker let go of
// it. Every error is one sentence that begins with "port NAME:" and says what to do.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "weft/net/ethernet.hpp"
#include "weft/port.hpp"
#include "weft/result.hpp"

namespace weft {

/// What `port add` says of any kind. What is not set is the device's own (mtu, mac) or chosen (tx,
/// descriptors).
struct PortQueues {
    std::uint16_t rx = 1;
    std::optional<std::uint16_t> tx = {};  ///< default: one per worker, at most what the device has
    std::optional<std::uint16_t> descriptors = {};
    std::optional<std::uint16_t> mtu = {};  ///< L3 bytes
    std::optional<MacAddress> mac = {};
};

/// What all ports share. The pool outlives every port; the descriptors are borrowed and stay open meanwhile.
struct PortEnvironment {
    rte_mempool* pool = nullptr;  ///< from PacketPool: private area packet_private_size
    int host_netns = -1;          ///< namespace in which weftd was started; -1: the calling thread's
    int tap_netns = -1;           ///< namespace of --netns; -1: the calling thread's
    unsigned workers = 1;
};

/// Mirrors GenPort of the model. Frames are valid IPv4/UDP, checksums included.
struct GenConfig {
    std::uint16_t size = 64;  ///< frame bytes with FCS, 64 to 9022; 60 on our side for 64
    std::uint32_t flows =
        1;  ///< 1 to 10,000,000; flow i counts both MACs, the IPv4 source and the UDP port up by i
    std::uint64_t rate = 0;   ///< packets/s, 0: as fast as it is polled
    std::uint64_t count = 0;  ///< stop after so many since it went up, 0: never
    MacAddress source{{0x02, 0, 0, 0, 0, 1}};
    MacAddress destination{{0x02, 0, 0, 1, 0, 1}};
    std::uint16_t vid = 0;  ///< 0: untagged, else one 802.1Q tag in the frame
    bool shuffled =
        false;  ///< flows in a fixed order that jumps about, so that look-ups miss caches as in life
    /// For benchmarks: changes the first 64 bytes of a flow's frame once, when it is prepared. Null: nothing.
    std::function<void(std::uint32_t flow, std::byte* head)> rewrite = {};
};

/// Mirrors MemifPort of the model. "@name": an abstract socket.
struct MemifAddress {
    std::string path;
    bool server = true;
    std::uint32_t id = 0;
};

/// Any DPDK device: "0000:3b:00.0", "net_null0,size=64", "net_pcap0,rx_pcap=a.pcap". Probed here, removed by
/// the destructor. Needs a started EAL.
Result<std::unique_ptr<Port>> open_ethdev(const std::string& name, const std::string& devargs,
                                          const PortQueues& queues, const PortEnvironment& environment);

/// A kernel device of the host namespace, by packet sockets. Taking it from the kernel's stack is not done
/// here.
Result<std::unique_ptr<Port>> open_af_packet(const std::string& name, const std::string& device,
                                             const PortQueues& queues, const PortEnvironment& environment);

/// A TAP whose descriptor weft holds. `far_end` is the device's name ("": NAME-k); `netns` where it lives: a
/// name under /run/netns, a path, or "" for the TAP namespace.
Result<std::unique_ptr<Port>> open_tap(const std::string& name, const std::string& far_end,
                                       const std::string& netns, const PortQueues& queues,
                                       const PortEnvironment& environment);

/// The kernel's side of a device of /dev/net/tun that exists in the TAP namespace and that a program opens:
/// in mode tap by packet sockets, in mode tun nothing is received or sent here.
Result<std::unique_ptr<Port>> open_tuntap(const std::string& name, bool tun, const PortQueues& queues,
                                          const PortEnvironment& environment);

/// Frames of rx_file are received, sent frames are written to tx_file; either may be "". infinite: again and
/// again.
Result<std::unique_ptr<Port>> open_pcap(const std::string& name, const std::string& rx_file,
                                        const std::string& tx_file, bool infinite, const PortQueues& queues,
                                        const PortEnvironment& environment);

/// Receives nothing, frees what is sent.
Result<std::unique_ptr<Port>> open_null(const std::string& name, const PortQueues& queues,
                                        const PortEnvironment& environment);

/// Receives prepared frames, counts and frees what is sent.
Result<std::unique_ptr<Port>> open_gen(const std::string& name, const GenConfig& config,
                                       const PortQueues& queues, const PortEnvironment& environment);

/// A virtual machine that shares its memory by vhost-user: weft connects to the front end's socket, again
/// whenever it is gone, or listens at `path`, which exists until the port ends. queues.rx: the pairs that a
/// guest may have. Needs a started EAL.
Result<std::unique_ptr<Port>> open_vhost(const std::string& name, const std::string& path, bool server,
                                         const PortQueues& queues, const PortEnvironment& environment);

/// Frames through memory shared with another process that finds us, or that we find, by a socket. Connects,
/// and connects again, by itself while up; the socket file goes with the port.
Result<std::unique_ptr<Port>> open_memif(const std::string& name, const MemifAddress& address,
                                         const PortQueues& queues, const PortEnvironment& environment);

/// A kernel device of the host namespace, by AF_XDP sockets. Taking it from the kernel's stack is not done
/// here.
Result<std::unique_ptr<Port>> open_af_xdp(const std::string& name, const std::string& device,
                                          const PortQueues& queues, const PortEnvironment& environment);

}  // namespace weft
