// What all kinds of ports without hardware share. Control side.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "dataplane/port/open.hpp"
#include "weft/port.hpp"
#include "weft/result.hpp"

namespace weft::ports {

/// L3 bytes. The least that IPv4 allows (RFC 791), and room for jumbo frames with encapsulation.
inline constexpr std::uint16_t min_port_mtu = 68, max_port_mtu = 9216, default_port_mtu = 1500;
inline constexpr std::uint16_t max_port_queues = 64;
/// Of ports that only free what they are given.
inline constexpr std::uint8_t every_offload = Offload::checksum | Offload::tcp4_gso | Offload::tcp6_gso |
                                              Offload::tcp_ecn | Offload::udp_gso | Offload::vlan_insert |
                                              Offload::multi_segment;

/// What the ports of no kernel device and no ethdev share: a name for sentences, and state that is only kept.
class SoftwarePort : public Port {
  public:
    [[nodiscard]] PortInfo info() override { return info_; }
    Result<> set_up(bool up) override;
    Result<> set_mtu(std::uint16_t mtu) override;
    Result<> set_mac(const MacAddress& mac) override;

  protected:
    SoftwarePort(std::string name, PortInfo info) : name_(std::move(name)), info_(std::move(info)) {}
    std::string name_;
    PortInfo info_;
};

/// Checks queues and MTU against what a software port has, and fills rx_queues, tx_queues, mtu, max_mtu and
/// mac (a random station address of ours where none was given).
Result<PortInfo> software_port(const std::string& name, const char* driver, const PortQueues& queues,
                               const PortEnvironment& environment, std::uint16_t max_rx,
                               std::uint16_t max_tx);

Result<> check_mtu(const std::string& name, std::uint16_t mtu, std::uint16_t max);
Result<> check_mac(const std::string& name, const MacAddress& mac);
/// A locally administered station address (IEEE 802 8.4).
MacAddress random_mac();

}  // namespace weft::ports
