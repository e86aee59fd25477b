#include <arpa/inet.h>
#include <fmt/core.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "dataplane/port/af_packet.hpp"
#include "dataplane/port/af_packet_queue.hpp"
#include "dataplane/port/open.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft {
namespace ports {

namespace {

constexpr int socket_buffer_bytes = 8 << 20;

template <class Value>
bool set(const Fd& socket, int level, int option, const Value& value) {
    return setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
}

/// Everything is refused from the next frame on.
bool refuse_frames(const Fd& socket) {
    sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    return set(socket, SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog{1, nothing});
}

/// virtio_net_hdr knows UDP segmentation since Linux 6.2; before, the kernel refuses such a frame.
bool kernel_has_udp_gso() {
    utsname name{};
    unsigned major = 0, minor = 0;
    return uname(&name) == 0 && std::sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 2));
}

Result<Fd> open_socket(const std::string& port, const KernelDevice& device, bool receives) {
    const auto failed = [&](const char* what) {
        return refuse(fmt::format("port {}: {} on {}: {}", port, what, device.name(), std::strerror(errno)));
    };
    Fd socket{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket && errno == EPERM)
        return refuse(fmt::format("port {}: a packet socket needs root or CAP_NET_RAW", port));
    if (!socket) return failed("no packet socket");
    const int on = 1;
    if (!set(socket, SOL_PACKET, PACKET_VNET_HDR, on)) return failed("no PACKET_VNET_HDR");
    if (!set(socket, SOL_PACKET, PACKET_AUXDATA, on)) return failed("no PACKET_AUXDATA");
    if (receives && !set(socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, on))
        return failed("no PACKET_IGNORE_OUTGOING");
    if (!refuse_frames(socket)) return failed("no socket filter");
    // FORCE is root's; without it the system's limit is what we get.
    for (const auto& [force, plain] :
         {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}})
        if (!set(socket, SOL_SOCKET, force, socket_buffer_bytes))
            set(socket, SOL_SOCKET, plain, socket_buffer_bytes);

    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    // Protocol 0 receives nothing, and is not counted among the device's taps.
    address.sll_protocol = receives ? be16{ETH_P_ALL}.raw() : std::uint16_t{0};
    address.sll_ifindex = device.index();
    if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return failed("cannot bind");
    return socket;
}

/// Spreads flows over the first n sockets by a symmetric hash. A group asks for itself not to get what leaves
/// (PACKET_FANOUT_FLAG_IGNORE_OUTGOING of newer headers than Debian 12's); kernels that do not know the flag
/// take it.
Result<> join_fanout(const std::string& port, std::vector<Fd>& sockets, std::uint16_t n) {
    constexpr int ignore_outgoing = 0x4000, how = PACKET_FANOUT_HASH | ignore_outgoing;
    int option = (how | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    for (std::uint16_t q = 0; n > 1 && q < n; ++q) {
        if (!set(sockets[q], SOL_PACKET, PACKET_FANOUT, option))
            return refuse(fmt::format("port {}: cannot spread frames over {} queues: {}", port, n,
                                      std::strerror(errno)));
        socklen_t size = sizeof option;
        if (q == 0) getsockopt(sockets[0].get(), SOL_PACKET, PACKET_FANOUT, &option, &size);
        option = (option & 0xffff) | how << 16;
    }
    return {};
}

}  // namespace

AfPacket::Receiver::Receiver(int descriptor, rte_mempool* mbufs) noexcept
    : socket(descriptor), pool(mbufs), bounce(map_bounce(batch_size)) {
    for (unsigned i = 0; i < batch_size; ++i) {
        slots[i].bounce = bounce + i * bounce_bytes;
        messages[i] = {};
        messages[i].msg_hdr.msg_iov = slots[i].iov;
        messages[i].msg_hdr.msg_iovlen = std::size(slots[i].iov);
        messages[i].msg_hdr.msg_control = controls[i].bytes;
        messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
}

AfPacket::Receiver::~Receiver() {
    for (auto& slot : slots)
        rte_pktmbuf_free(slot.mbuf);
    unmap_bounce(bounce, batch_size);
}

AfPacket::AfPacket(std::string name, KernelDevice device, std::vector<Fd> sockets, PortInfo info,
                   rte_mempool* pool)
    : name_(std::move(name)),
      device_(std::move(device)),
      sockets_(std::move(sockets)),
      info_(std::move(info)) {
    for (std::uint16_t q = 0; q < info_.rx_queues; ++q)
        receivers_.push_back(std::make_unique<Receiver>(sockets_[q].get(), pool));
    for (std::uint16_t q = 0; q < info_.tx_queues; ++q)
        senders_.push_back(std::make_unique<Sender>(sockets_[q].get(), RingSender::open(device_.index())));
    info_.offloads = Offload::checksum | Offload::tcp4_gso | Offload::tcp6_gso | Offload::tcp_ecn |
                     Offload::vlan_insert | Offload::multi_segment;
    if (kernel_has_udp_gso()) info_.offloads |= Offload::udp_gso;
}

AfPacket::~AfPacket() {
    if (former_mtu_) (void)device_.set_mtu(*former_mtu_);
    if (former_mac_) (void)device_.set_mac(*former_mac_);
}

PortInfo AfPacket::info() {
    info_.link_up = device_.link_up();
    if (const auto mtu = device_.mtu())
        info_.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(*mtu, max_port_mtu));
    mtu_.store(info_.mtu, std::memory_order_relaxed);
    if (const auto mac = device_.mac()) info_.mac = *mac;
    info_.speed_mbps = info_.link_up ? device_.speed_mbps() : 0;
    return info_;
}

Result<> AfPacket::set_up(bool up) {
    for (std::uint16_t q = 0; q < info_.rx_queues && up != up_; ++q) {
        const int none = 0;
        if (!(up ? set(sockets_[q], SOL_SOCKET, SO_DETACH_FILTER, none) : refuse_frames(sockets_[q])))
            return refuse(fmt::format("port {}: the packet socket does not {}: {}", name_,
                                      up ? "start" : "stop", std::strerror(errno)));
    }
    up_ = up;
    return {};
}

Result<> AfPacket::set_mtu(std::uint16_t mtu) {
    if (auto ok = check_mtu(name_, mtu, max_port_mtu); !ok) return ok;
    const auto before = device_.mtu();
    if (before == mtu) return {};
    if (auto ok = device_.set_mtu(mtu); !ok) return ok;
    if (!former_mtu_) former_mtu_ = before;
    mtu_.store(mtu, std::memory_order_relaxed);
    return {};
}

Result<> AfPacket::set_mac(const MacAddress& mac) {
    if (auto ok = check_mac(name_, mac); !ok) return ok;
    const auto before = device_.mac();
    if (before == mac) return {};
    if (auto ok = device_.set_mac(mac); !ok) return ok;
    if (!former_mac_) former_mac_ = before;
    return {};
}

std::uint64_t AfPacket::missed() {
    for (std::uint16_t q = 0; q < info_.rx_queues; ++q) {
        tpacket_stats kernel{};
        socklen_t size = sizeof kernel;
        if (getsockopt(sockets_[q].get(), SOL_PACKET, PACKET_STATISTICS, &kernel, &size) == 0)
            kernel_drops_ += kernel.tp_drops;
    }
    return kernel_drops_;
}

std::vector<std::pair<std::string, std::uint64_t>> AfPacket::statistics() {
    Statistics all;
    std::vector<const QueueCounters*> queues;
    for (const auto& r : receivers_)
        queues.push_back(&r->counters);
    append_receive(all, queues);
    all.emplace_back("rx_socket_full", missed());
    queues.clear();
    for (const auto& s : senders_)
        queues.push_back(&s->counters);
    append_transmit(all, queues);
    return all;
}

Result<std::unique_ptr<Port>> open_packet_sockets(const std::string& name, const std::string& device_name,
                                                  bool ethernet, const PortQueues& queues,
                                                  const PortEnvironment& environment) {
    auto info = software_port(name, "af_packet", queues, environment, max_port_queues, max_port_queues);
    if (!info) return std::move(info).error();
    auto scope = InNamespace::enter(environment.host_netns);
    if (!scope) return std::move(scope).error();
    auto device = KernelDevice::find(name, device_name);
    if (!device) return std::move(device).error();
    if (ethernet && !device->is_ethernet())
        return refuse(fmt::format("port {}: {} is not an Ethernet device", name, device_name));

    std::vector<Fd> sockets;
    for (std::uint16_t q = 0; q < std::max(info->rx_queues, info->tx_queues); ++q) {
        auto socket = open_socket(name, *device, q < info->rx_queues);
        if (!socket) return std::move(socket).error();
        sockets.push_back(*std::move(socket));
    }
    packet_mreq promiscuous{device->index(), PACKET_MR_PROMISC, 0, {}};
    if (!set(sockets[0], SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous))
        return refuse(fmt::format("port {}: {} does not become promiscuous: {}", name, device_name,
                                  std::strerror(errno)));
    if (auto ok = join_fanout(name, sockets, info->rx_queues); !ok) return std::move(ok).error();

    auto port =
        std::make_unique<AfPacket>(name, *std::move(device), std::move(sockets), *info, environment.pool);
    if (queues.mtu)
        if (auto ok = port->set_mtu(*queues.mtu); !ok) return std::move(ok).error();
    if (queues.mac)
        if (auto ok = port->set_mac(*queues.mac); !ok) return std::move(ok).error();
    (void)port->info();  // the first frames know the MTU
    return std::unique_ptr<Port>{std::move(port)};
}

}  // namespace ports

Result<std::unique_ptr<Port>> open_af_packet(const std::string& name, const std::string& device_name,
                                             const PortQueues& queues, const PortEnvironment& environment) {
    return ports::open_packet_sockets(name, device_name, true, queues, environment);
}

}  // namespace weft
