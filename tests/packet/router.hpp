// A router for packet tests: the rig with interfaces that have addresses, and routes that the test enters.
//
//   a   10.0.1.1/24, 2001:db8:1::1/64, fe80::a   host A: 10.0.1.2, 2001:db8:1::2, host_a
//   b   10.0.2.1/24, 2001:db8:2::1/64, fe80::b   host B: 10.0.2.2, 2001:db8:2::2, host_b
#pragma once

#include "tests/packet/rig.hpp"
#include "tests/support/ip_frame.hpp"

namespace weft::test {

class Router {
  public:
    explicit Router(const RigOptions& options = {}, const std::string& more = {});

    /// A hop of this kind; `gateway` with a MAC address is a neighbour that is resolved, without one it is
    /// unknown.
    struct HopSpec {
        HopKind kind = HopKind::neighbour;
        std::string interface {
        }, gateway{}, mac{};
        std::uint16_t mtu = 0;
        std::string source{};
        NeighbourState state = NeighbourState::unknown;
    };
    HopIndex hop(const HopSpec& spec);
    HopIndex group(const std::vector<HopIndex>& members);
    /// One of two by the TOS of IPv4, or by the source of IPv6.
    HopIndex choice(std::uint8_t tos, HopIndex meant, HopIndex otherwise);
    HopIndex choice(const std::string& source, std::uint8_t length, HopIndex meant, HopIndex otherwise);
    void route(const std::string& prefix, HopIndex to, unsigned table = 0);
    /// The Routing to change; publish() makes it what workers see.
    Routing& routing() { return routing_; }
    RoutedInterface& interface(const std::string& name);
    /// One more address from which packets may come.
    void own(const std::string& interface, const std::string& address, std::uint8_t length,
             bool avoided = false);
    void publish();

    /// Frames from A or B to the router.
    [[nodiscard]] Bytes from_a(const Ip& ip) const { return ip.frame(*parse_mac(host_a), rig.mac("a")); }
    [[nodiscard]] Bytes from_b(const Ip& ip) const { return ip.frame(*parse_mac(host_b), rig.mac("b")); }
    [[nodiscard]] Bytes to_a(const Ip& ip) const { return ip.frame(rig.mac("a"), *parse_mac(host_a)); }
    [[nodiscard]] Bytes to_b(const Ip& ip) const { return ip.frame(rig.mac("b"), *parse_mac(host_b)); }
    /// Packets that wait for a neighbour, since the last call.
    std::vector<Packet*> unresolved();

    Rig rig;

  private:
    void address(const std::string& interface, const std::string& network, unsigned length,
                 const std::string& own, const std::string& host, const char* mac);
    Routing routing_;
    std::vector<std::pair<std::shared_ptr<Lpm4>, std::shared_ptr<Lpm6>>> tables_;
    HopIndex next_hop_ = 1;
    std::uint32_t next_bucket_ = 0;
};

}  // namespace weft::test
