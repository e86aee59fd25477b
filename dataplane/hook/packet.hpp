// What a rule may look at: one packet at one hook, read once, and what is known of its connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "weft/hook/match.hpp"
#include "weft/hook/target.hpp"
#include "weft/net/address.hpp"
#include "weft/net/byte_order.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/packet.hpp"

namespace weft::hook {

/// One direction of a connection, ports and the like in host order: of ICMP queries the identifier is the
/// source port, and type << 8 | code the destination port (struct nf_conntrack_tuple).
struct ConnectionTuple {
    IpAddress source, destination;
    std::uint16_t source_port = 0, destination_port = 0;
    std::uint8_t protocol = 0;
};

/// Bits of ConnectionFacts::status besides ConntrackStatus (enum ip_conntrack_status).
struct ConnectionStatus {
    enum : std::uint8_t { source_nat = 16, destination_nat = 32 };
};

/// What rules may know of the packet's connection; conntrack fills it.
struct ConnectionFacts {
    std::uint8_t state = ConntrackState::new_;  ///< one bit of ConntrackState, never snat or dnat
    std::uint8_t status = 0;                    ///< bits of ConntrackStatus and ConnectionStatus
    bool reply = false;                         ///< the packet goes in reply direction
    std::uint32_t mark = 0;                     ///< a rule may change it; the owner then takes it over
    std::uint32_t arrived_mark = 0;             ///< before any rule
    std::uint32_t written_mark = 0;             ///< bits of `mark` that no longer depend on arrived_mark
    std::uint32_t expires = 0;                  ///< seconds left
    ConnectionTuple original, reversed;

    void set_mark(std::uint32_t value, std::uint32_t written) noexcept {
        mark = value;
        written_mark |= written;
    }
};

struct View;

/// Where an answer to a packet would go.
struct WayBack {
    enum Kind : std::uint8_t { nowhere, to_host, leaves } kind = nowhere;
    bool same = false;    ///< by the interface by which the packet came, or that is one of several
    bool by_tos = false;  ///< with another TOS it may be another one
};

/// The routing tables, as addrtype and rpfilter ask them.
class AddressTypes {
  public:
    virtual ~AddressTypes() = default;
    /// RTN_* of an address; with an interface, as inet_dev_addr_type and ipv6_chk_addr limit it. Of IPv6 only
    /// RTN_LOCAL, RTN_ANYCAST and RTN_UNREACHABLE are told from the rest.
    [[nodiscard]] virtual std::uint8_t type(Family, const IpAddress&, IfIndex limit) const noexcept = 0;
    /// As the host itself would send it, with this mark and the packet's TOS.
    [[nodiscard]] virtual WayBack way_back(const View&, std::uint32_t mark) const noexcept = 0;
};

/// How much of layer 4 there is to look at.
enum class Layer4 : std::uint8_t {
    whole,   ///< ports (of protocols that have some), TCP's or ICMP's header
    absent,  ///< a later fragment, or a protocol without ports: matches of ports say no
    odd,     ///< too short, or a fragment that would overwrite TCP's flags: such matches drop the packet
};

/// A packet as rules see it. Points into the packet, which must outlive it; headers must lie in one piece.
struct View {
    Family family = Family::ip;
    Layer4 layer4 = Layer4::absent;
    bool has_ports = false;
    bool has_mac = false;
    bool headers_broken = false;  ///< IPv6: no upper protocol found; a rule with -p drops the packet
    std::uint8_t protocol = 0;    ///< of IPv6, after the extension headers that can be read
    std::uint8_t ttl = 0, packet_type = 0;  ///< packet_type: PACKET_HOST and so on
    IfIndex iif = no_interface, oif = no_interface;
    IfIndex physical_in = no_interface, physical_out = no_interface;  ///< bridge ports
    bool local = false;                                               ///< the host made it
    bool bridged = false;        ///< is there any bridge behind it (nf_bridge_info_exists)
    std::uint16_t fragment = 0;  ///< offset: IPv4 in 8-byte units, IPv6 in bytes, as xt_action_param has it
    std::uint16_t source_port = 0, destination_port = 0;
    std::uint32_t length = 0;         ///< of the IP packet
    std::uint32_t layer4_length = 0;  ///< bytes that can be read at layer4_header
    const std::uint8_t* ip_header = nullptr;
    const std::uint8_t* layer4_header = nullptr;
    IpAddress source, destination;
    std::uint64_t mac = 0;  ///< MacAddress::raw() of the source

    std::uint32_t mark = 0;
    std::uint32_t arrived_mark = 0;                ///< before any rule
    std::uint32_t written_mark = 0;                ///< bits of `mark` that no longer depend on arrived_mark
    std::uint8_t state = ConntrackState::invalid;  ///< of a packet without connection: invalid or untracked
    ConnectionFacts* connection = nullptr;
    const CtTarget* template_ = nullptr;     ///< what the first CT rule says conntrack shall do
    bool takes_template = true;              ///< else it passes CT rules as if they were not there
    ConnectionFacts* of_template = nullptr;  ///< room for what later rules see of it; null: nothing
    const AddressTypes* addresses = nullptr;

    /// One bit of ConntrackState.
    [[nodiscard]] std::uint8_t connection_state() const noexcept {
        return connection ? connection->state : state;
    }
    /// What rules see of a connection is what a CT rule has made.
    [[nodiscard]] bool has_template() const noexcept {
        return template_ && (!connection || connection == of_template);
    }
    void set_mark(std::uint32_t value, std::uint32_t written) noexcept {
        mark = value;
        written_mark |= written;
    }
};

/// Reads the IP packet at `ip`, of which `readable` bytes lie in one piece: addresses, protocol, ports,
/// length, TTL. False if it is no packet of the family that a kernel would have let in (ip_rcv, ip6_rcv). All
/// else of the view is the caller's.
[[nodiscard]] bool read_packet(View&, Family, const std::uint8_t* ip, std::uint32_t readable) noexcept;

/// The source address of the Ethernet header.
inline void set_source_mac(View& view, const MacAddress& mac) noexcept {
    view.mac = mac.raw();
    view.has_mac = true;
}

}  // namespace weft::hook
