// The model: everything a configuration says, as values. Commands change a copy; validate() judges it; the
// runtime makes the world equal to it. `save` prints it. No descriptors, no pointers but to rules that copies
// share: copyable, comparable.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "control/hook/rulesets.hpp"
#include "control/model/routing.hpp"
#include "control/set/sets.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/result.hpp"
#include "weft/topology.hpp"

namespace weft {

/// What stands behind a port; the kind of `port add`.
struct DevargsPort {
    std::string devargs;  ///< "0000:3b:00.0", "net_null0,size=64"
    friend bool operator==(const DevargsPort&, const DevargsPort&) = default;
};
struct AfPacketPort {
    std::string device;
    friend bool operator==(const AfPacketPort&, const AfPacketPort&) = default;
};
struct TapPort {
    std::string device;  ///< far end; empty: NAME-k
    std::string netns;   ///< of the far end; empty: the TAP namespace
    friend bool operator==(const TapPort&, const TapPort&) = default;
};
struct PcapPort {
    std::string rx_file, tx_file;  ///< either may be empty
    bool infinite = false;         ///< read rx_file again and again, from memory
    friend bool operator==(const PcapPort&, const PcapPort&) = default;
};
struct NullPort {
    friend bool operator==(const NullPort&, const NullPort&) = default;
};
/// Prepared headers copied into each buffer: `flows` frames that differ in MAC, VLAN, address and port.
struct GenPort {
    std::uint16_t size = 64;  ///< frame bytes with FCS, as RFC 2544 counts; 60 on our side for 64
    std::uint32_t flows = 1;
    std::uint64_t rate = 0;                         ///< packets/s, 0 = as fast as it is polled
    std::uint64_t count = 0;                        ///< stop after so many, 0 = never
    MacAddress source{{0x02, 0, 0, 0, 0, 1}};       ///< of flow 0; counted up over flows
    MacAddress destination{{0x02, 0, 0, 1, 0, 1}};  ///< of flow 0; counted up over flows
    std::uint16_t vid = 0;                          ///< 0: untagged
    friend bool operator==(const GenPort&, const GenPort&) = default;
};
struct MemifPort {
    std::string path;  ///< of the socket; "@name": an abstract one
    bool server = true;
    std::uint32_t id = 0;
    friend bool operator==(const MemifPort&, const MemifPort&) = default;
};
struct AfXdpPort {
    std::string device;
    friend bool operator==(const AfXdpPort&, const AfXdpPort&) = default;
};

/// A TAP or TUN device of the kernel (`ip tuntap add`) whose far end is the program that opens /dev/net/tun
/// with the port's name. The flags that the program may choose anew are what `ip tuntap` shows.
struct TuntapPort {
    bool tun = false;  ///< mode tun: no Ethernet header; the kernel's stack has its other side, not weft
    bool pi = false, one_queue = false, vnet_hdr = false;
    bool multi_queue = false;
    std::optional<std::uint32_t> user{}, group{};  ///< ids of who may open it
    friend bool operator==(const TuntapPort&, const TuntapPort&) = default;
};

/// A virtual machine. PortSpec::rx_queues: the queue pairs it may have.
struct VhostPort {
    std::string path;
    bool server = false;  ///< weft listens; else it connects, again and again
    friend bool operator==(const VhostPort&, const VhostPort&) = default;
};

struct PortSpec {
    std::variant<DevargsPort, AfPacketPort, TapPort, PcapPort, NullPort, GenPort, TuntapPort, VhostPort,
                 MemifPort, AfXdpPort>
        kind;
    std::uint16_t rx_queues = 1;
    std::optional<std::uint16_t> tx_queues;  ///< default: one per worker, as many as the device has
    std::optional<std::uint16_t> descriptors;
    std::map<std::uint16_t, unsigned> placement;  ///< rx queue -> CPU, by `port set … rxq Q worker CPU`
    friend bool operator==(const PortSpec&, const PortSpec&) = default;
};

struct VlanSpec {
    std::string parent;
    std::uint16_t tpid = ether_type::vlan;
    std::uint16_t vid = 0;
    friend bool operator==(const VlanSpec&, const VlanSpec&) = default;
};

/// One end of an internal veth pair: a link of its own, named by the other end as its peer. Of the two the
/// one that stands first in the order is the one that was named first.
struct VethSpec {
    std::string peer;
    friend bool operator==(const VethSpec&, const VethSpec&) = default;
};

/// An interface that swallows what it is sent.
struct DummySpec {
    friend bool operator==(const DummySpec&, const DummySpec&) = default;
};

/// Membership of one VLAN at a bridge port or at the bridge itself.
struct VlanMembership {
    bool pvid = false, untagged = false;
    friend bool operator==(const VlanMembership&, const VlanMembership&) = default;
};

struct BridgeSpec {
    bool vlan_filtering = false;
    std::uint16_t vlan_protocol = ether_type::vlan;
    std::uint16_t vlan_default_pvid = 1;  ///< 0: none
    std::uint32_t ageing_centiseconds = 30000;
    std::uint32_t fdb_max_learned = 0;
    std::uint16_t group_fwd_mask = 0;
    bool stp = false;
    std::map<std::uint16_t, VlanMembership> vlans;  ///< `bridge vlan add … self`, default PVID included
    friend bool operator==(const BridgeSpec&, const BridgeSpec&) = default;
};

/// What `bridge link set` and `bridge vlan` say of a member; gone with the membership, as in Linux.
struct MemberSpec {
    std::string bridge;
    PortState state = PortState::forwarding;
    bool learning = true, flood = true, mcast_flood = true, bcast_flood = true;
    bool isolated = false, hairpin = false, locked = false;
    std::uint32_t fdb_max_learned = 0;
    std::map<std::uint16_t, VlanMembership> vlans;  ///< default PVID included
    friend bool operator==(const MemberSpec&, const MemberSpec&) = default;
};

/// One interface: a port, a sub-interface, a bridge, an end of a veth pair or a dummy.
struct LinkSpec {
    std::variant<PortSpec, VlanSpec, BridgeSpec, VethSpec, DummySpec> kind;
    bool up = false;
    std::optional<std::uint16_t> mtu{};
    std::optional<MacAddress> address{};
    std::optional<MemberSpec> member{};
    friend bool operator==(const LinkSpec&, const LinkSpec&) = default;
};

/// Static and permanent FDB entries (`bridge fdb add`), by (interface, MAC, VLAN).
struct FdbKey {
    std::string device;
    MacAddress mac{};
    std::uint16_t vid = 0;
    friend auto operator<=>(const FdbKey&, const FdbKey&) = default;
};
struct FdbSpec {
    enum class Kind : std::uint8_t { permanent, stationary } kind = Kind::permanent;  ///< local | static
    bool sticky = false;
    friend bool operator==(const FdbSpec&, const FdbSpec&) = default;
};

/// An address that weft wrote to the kernel (protocol 119).
struct AddressSpec {
    std::string device;
    std::string address;                     ///< canonical "10.0.0.1/24" or "fd00::1/64"
    std::optional<std::string> broadcast{};  ///< canonical; "+" is resolved when parsed
    std::optional<std::string> peer{}, scope{}, label{};
    bool nodad = false;
    friend bool operator==(const AddressSpec&, const AddressSpec&) = default;
};

struct Model {
    std::map<std::string, LinkSpec> links;
    std::vector<std::string> order;  ///< names of links in the order of creation; save keeps it where it can
    std::map<FdbKey, FdbSpec> fdb;
    std::vector<AddressSpec> addresses;  ///< in the order given (the first of a prefix is primary)
    RoutingSpec routing;
    std::map<std::string, std::string> sysctls;  ///< those set, canonical names
    ipset::Sets sets;                            ///< of ipset
    hook::Rulesets rules;                        ///< of iptables and ip6tables; name sets that there are

    [[nodiscard]] const LinkSpec* find(const std::string& name) const {
        const auto it = links.find(name);
        return it == links.end() ? nullptr : &it->second;
    }
    friend bool operator==(const Model&, const Model&) = default;
};

}  // namespace weft
