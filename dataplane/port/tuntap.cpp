// Devices whose far end is a program with a descriptor of /dev/net/tun.
#include <fmt/core.h>

#include "dataplane/port/af_packet.hpp"
#include "dataplane/port/kernel_device.hpp"
#include "dataplane/port/open.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft {
namespace ports {
namespace {

/// Moves what the metadata says of places in the frame.
void move_start(Packet& packet, int by) noexcept {
    packet.meta.checksum_start = static_cast<std::uint16_t>(packet.meta.checksum_start + by);
}

/// A device without Ethernet header (ARPHRD_NONE): packets that its program sends are routed, its program is
/// a next hop that needs no address. Inside weft they have a header, whose addresses are zero as the
/// interface's own. It has a link while a program has it open.
class Tun final : public Port {
  public:
    Tun(std::string name, KernelDevice device, std::unique_ptr<Port> packets)
        : name_(std::move(name)), device_(std::move(device)), packets_(std::move(packets)) {}

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override {
        const std::uint16_t got = packets_->receive(queue, out, n, loss);
        std::uint16_t kept = 0;
        for (std::uint16_t i = 0; i < got; ++i) {
            if (add_header(*out[i]))
                out[kept++] = out[i];
            else
                Packet::free(out[i]), ++loss.truncated;
        }
        return kept;
    }
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override {
        for (std::uint16_t i = 0; i < n; ++i) {
            rte_pktmbuf_adj(in[i], ethernet_header_size);
            move_start(*in[i], -int{ethernet_header_size});
        }
        const std::uint16_t sent = packets_->transmit(queue, in, n, loss);
        for (std::uint16_t i = sent; i < n; ++i) {
            rte_pktmbuf_prepend(in[i], ethernet_header_size);
            move_start(*in[i], ethernet_header_size);
        }
        return sent;
    }
    [[nodiscard]] int wait_descriptor(std::uint16_t queue) const noexcept override {
        return packets_->wait_descriptor(queue);
    }
    [[nodiscard]] PortInfo info() override {
        PortInfo info = packets_->info();
        info.driver = "tun";
        info.mac = {};
        info.link_up = device_.link_up();
        return info;
    }
    [[nodiscard]] std::uint64_t missed() override { return packets_->missed(); }
    Result<> set_up(bool up) override { return packets_->set_up(up); }
    Result<> set_mtu(std::uint16_t mtu) override {
        if (auto ok = check_mtu(name_, mtu, max_port_mtu); !ok) return ok;
        return device_.set_mtu(mtu);
    }
    Result<> set_mac(const MacAddress&) override {
        return refuse(fmt::format("{}: a device of mode tun has no address", name_));
    }
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override {
        return packets_->statistics();
    }

  private:
    static bool add_header(Packet& packet) noexcept {
        if (packet.head_length() == 0) return false;
        const auto version = static_cast<std::uint8_t>(*packet.header<std::uint8_t>() >> 4);
        const std::uint16_t type = version == 4   ? ether_type::ipv4
                                   : version == 6 ? ether_type::ipv6
                                                  : std::uint16_t{0};
        auto* header = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_prepend(&packet, ethernet_header_size));
        if (type == 0 || !header) return false;
        *header = {.destination = {}, .source = {}, .type = be16{type}};
        move_start(packet, ethernet_header_size);
        return true;
    }

    std::string name_;
    KernelDevice device_;
    std::unique_ptr<Port> packets_;  ///< the device's packet sockets
};

Result<std::unique_ptr<Port>> open_tun(const std::string& name, const PortQueues& queues,
                                       const PortEnvironment& environment) {
    auto packets = open_packet_sockets(name, name, false, queues, environment);
    if (!packets) return std::move(packets).error();
    auto scope = InNamespace::enter(environment.host_netns);
    if (!scope) return std::move(scope).error();
    auto device = KernelDevice::find(name, name);
    if (!device) return std::move(device).error();
    return std::unique_ptr<Port>{std::make_unique<Tun>(name, *std::move(device), *std::move(packets))};
}

}  // namespace
}  // namespace ports

Result<std::unique_ptr<Port>> open_tuntap(const std::string& name, bool tun, const PortQueues& queues,
                                          const PortEnvironment& environment) {
    PortEnvironment there = environment;
    there.host_netns = environment.tap_netns;
    return tun ? ports::open_tun(name, queues, there) : open_af_packet(name, name, queues, there);
}

}  // namespace weft
