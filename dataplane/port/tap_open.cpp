#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/port/open.hpp"
#include "dataplane/port/tap.hpp"
#include "dataplane/port/tap_queue.hpp"

namespace weft {
namespace ports {

namespace {

// Newer than Debian 12's headers (Linux 6.2): UDP segments of both families.
constexpr unsigned tun_f_uso4 = 0x20, tun_f_uso6 = 0x40;
constexpr unsigned tcp_offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

Result<Fd> open_queue(const std::string& port, const std::string& far_end, bool several) {
    Fd fd{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    if (!fd)
        return refuse(fmt::format("port {}: cannot open /dev/net/tun: {} (is the module tun loaded?)", port,
                                  std::strerror(errno)));
    ifreq request{};
    std::memcpy(request.ifr_name, far_end.data(), far_end.size());
    request.ifr_flags =
        static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0));
    if (ioctl(fd.get(), TUNSETIFF, &request) == 0) return fd;
    switch (errno) {
        case EPERM:
            return refuse(fmt::format("port {}: making a TAP needs root or CAP_NET_ADMIN", port));
        case EBUSY:
        case EINVAL:
        case EEXIST:
            return refuse(fmt::format("port {}: a device {} exists already: give another name by \"dev\"",
                                      port, far_end));
        default:
            return refuse(
                fmt::format("port {}: cannot make TAP {}: {}", port, far_end, std::strerror(errno)));
    }
}

}  // namespace

struct Tap::FarEnd : ifreq {};

Tap::Tap(std::string name, std::vector<Fd> descriptors, bool udp_gso, PortInfo info, rte_mempool* pool)
    : SoftwarePort(std::move(name), std::move(info)),
      descriptors_(std::move(descriptors)),
      never_readable_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    for (std::uint16_t q = 0; q < info_.rx_queues; ++q)
        receivers_.push_back(std::make_unique<Receiver>(pool));
    for (std::uint16_t q = 0; q < info_.tx_queues; ++q)
        senders_.push_back(std::make_unique<Sender>());
    info_.offloads = Offload::checksum | Offload::tcp4_gso | Offload::tcp6_gso | Offload::tcp_ecn |
                     Offload::vlan_insert | Offload::multi_segment;
    if (udp_gso) info_.offloads |= Offload::udp_gso;
}

Tap::~Tap() = default;

bool Tap::ask_far_end(unsigned long request, FarEnd& question) {
    if (gone_.load(std::memory_order_relaxed)) return false;
    ifreq now{};
    if (ioctl(descriptors_[0].get(), TUNGETIFF, &now) != 0) return false;
    std::memcpy(question.ifr_name, now.ifr_name, IFNAMSIZ);
    // Before Linux 5.8 nobody can say: then it is taken to be where it was made.
    const Fd where{ioctl(descriptors_[0].get(), TUNGETDEVNETNS)};
    struct stat status {};
    if (where && fstat(where.get(), &status) == 0 && status.st_ino != far_namespace_) {
        const auto scope = InNamespace::enter(where.get());
        if (!scope) return false;
        far_socket_ = Fd{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        far_namespace_ = status.st_ino;
    }
    if (!far_socket_) far_socket_ = Fd{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return ioctl(far_socket_.get(), request, &question) == 0;
}

PortInfo Tap::info() {
    FarEnd far_end{};
    info_.link_up = ask_far_end(SIOCGIFFLAGS, far_end) && (far_end.ifr_flags & IFF_UP);
    return info_;
}

Result<> Tap::set_up(bool up) {
    int carrier = up;
    // Gone already: down it is, and up it will never be, which info() tells of as no link.
    if (ioctl(descriptors_[0].get(), TUNSETCARRIER, &carrier) != 0 && errno != EBADFD && !gone_)
        return refuse(
            fmt::format("port {}: cannot set the far end's carrier: {}", name_, std::strerror(errno)));
    return {};
}

Result<> Tap::set_mtu(std::uint16_t mtu) {
    if (auto ok = check_mtu(name_, mtu, info_.max_mtu); !ok) return ok;
    FarEnd far_end{};
    far_end.ifr_mtu = mtu;
    if (!ask_far_end(SIOCSIFMTU, far_end))
        return refuse(
            fmt::format("port {}: the far end does not take MTU {}: {}", name_, mtu, std::strerror(errno)));
    info_.mtu = mtu;
    return {};
}

std::vector<std::pair<std::string, std::uint64_t>> Tap::statistics() {
    Statistics all;
    std::vector<const QueueCounters*> queues;
    for (const auto& r : receivers_)
        queues.push_back(&r->counters);
    append_receive(all, queues);
    queues.clear();
    for (const auto& s : senders_)
        queues.push_back(&s->counters);
    append_transmit(all, queues);
    return all;
}

}  // namespace ports

Result<std::unique_ptr<Port>> open_tap(const std::string& name, const std::string& far_end,
                                       const std::string& netns, const PortQueues& queues,
                                       const PortEnvironment& environment) {
    using namespace ports;
    auto info = software_port(name, "tap", queues, environment, max_port_queues, max_port_queues);
    if (!info) return std::move(info).error();
    const std::string device = far_end.empty() ? name + "-k" : far_end;
    if (device.size() >= IFNAMSIZ)
        return refuse(fmt::format("port {}: \"{}\" is longer than 15 characters: name the far end by \"dev\"",
                                  name, device));
    Fd named;
    if (!netns.empty()) {
        auto opened = open_namespace(netns);
        if (!opened) return refuse(fmt::format("port {}: {}", name, opened.error().message));
        named = *std::move(opened);
    }
    auto scope = InNamespace::enter(named ? named.get() : environment.tap_netns);
    if (!scope) return std::move(scope).error();
    // A TAP that somebody left persistent would be taken over in silence.
    if (if_nametoindex(device.c_str()) != 0)
        return refuse(
            fmt::format("port {}: a device {} exists already: give another name by \"dev\"", name, device));

    std::vector<Fd> descriptors;
    bool udp_gso = true;
    for (std::uint16_t q = 0; q < info->rx_queues; ++q) {
        auto fd = open_queue(name, device, info->rx_queues > 1);
        if (!fd) return std::move(fd).error();
        udp_gso = udp_gso && ioctl(fd->get(), TUNSETOFFLOAD, tcp_offloads | tun_f_uso4 | tun_f_uso6) == 0;
        if (!udp_gso && ioctl(fd->get(), TUNSETOFFLOAD, tcp_offloads) != 0)
            return refuse(
                fmt::format("port {}: TAP {} has no offloads: {}", name, device, std::strerror(errno)));
        descriptors.push_back(*std::move(fd));
    }
    auto port = std::make_unique<Tap>(name, std::move(descriptors), udp_gso, *info, environment.pool);
    if (auto ok = port->set_up(false); !ok) return std::move(ok).error();
    if (queues.mtu)
        if (auto ok = port->set_mtu(*queues.mtu); !ok) return std::move(ok).error();
    return std::unique_ptr<Port>{std::move(port)};
}

}  // namespace weft
