// What workers know of interfaces, bridges and VLANs: one table, built aside by control, published as one
// pointer, immutable from then on (publish.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/net/ethernet.hpp"
#include "weft/packet.hpp"

namespace weft {

class Port;

enum class InterfaceKind : std::uint8_t { none, port, vlan, bridge, veth, dummy };

/// Index into Topology::bridges, bridge_ports, ports.
using BridgeIndex = std::uint16_t;
using BridgePortIndex = std::uint16_t;
using PortIndex = std::uint16_t;
inline constexpr std::uint16_t no_index = 0xffff;

/// The (bridge, VLAN) index of the FDB key: dense, given out by control, 0 is never used.
using FdbDomain = std::uint16_t;

/// Sub-interfaces of one parent by VID, for each of the two TPIDs. 16 KiB, made only for a parent that has
/// some.
struct VlanDemux {
    std::array<IfIndex, vid_count> customer{};  ///< 802.1Q
    std::array<IfIndex, vid_count> service{};   ///< 802.1ad
};

/// One interface, one cache line. Integers in host order.
struct alignas(64) Interface {
    IfIndex index = no_interface;
    InterfaceKind kind = InterfaceKind::none;
    bool up = false;           ///< administratively
    bool carrier = false;      ///< of the port below; a bridge has it if a member has
    std::uint16_t mtu = 1500;  ///< L3 bytes
    MacAddress mac{};
    IfIndex parent = no_interface;           ///< kind vlan: the interface below
    std::uint16_t vid = 0;                   ///< kind vlan
    std::uint16_t tpid = ether_type::vlan;   ///< kind vlan
    PortIndex port = no_index;               ///< kind port: into ports
    BridgePortIndex bridge_port = no_index;  ///< set if a bridge member
    BridgeIndex bridge = no_index;           ///< kind bridge: itself
    bool has_tap = false;                    ///< the kernel has a TAP of this interface
    bool kernel_takes = false;               ///< its TAP is the port's device itself, and has had the frame
    std::uint8_t offloads = 0;               ///< kind port: Offload bits
    IfIndex peer = no_interface;             ///< kind veth: the other end
    const VlanDemux* demux = nullptr;        ///< null if it has no sub-interfaces
    /// Derived by derive_exits(): the MTU of a port that is up and has a link, else 0; so packets simply
    /// leave by it if they are no longer.
    std::uint16_t plain_mtu = 0;
};
static_assert(sizeof(Interface) == 64);

/// States a bridge port may have (Linux BR_STATE_*, IEEE 802.1D 7.4).
enum class PortState : std::uint8_t {
    disabled = 0,
    listening = 1,
    learning = 2,
    forwarding = 3,
    blocking = 4
};

/// Which VLANs a bridge port, or the bridge itself, is a member of. 4 KiB; a frame's VLAN is one byte of it.
struct VlanSet {
    /// What a port is to a VLAN.
    enum Membership : std::uint8_t { outside = 0, tagged = 1, untagged_member = 2 };

    std::array<std::uint8_t, vid_count> membership{};  ///< Membership, by VID
    std::uint16_t pvid = 0;                            ///< of untagged frames; 0: they are dropped

    void add(std::uint16_t vid, bool leaves_untagged) noexcept {
        membership[vid] = leaves_untagged ? untagged_member : tagged;
    }
    [[nodiscard]] bool member(std::uint16_t vid) const noexcept { return membership[vid] != outside; }
    /// Frames of the VLAN leave without its tag.
    [[nodiscard]] bool untagged(std::uint16_t vid) const noexcept {
        return membership[vid] == untagged_member;
    }
};

/// A member of a bridge (or, as Bridge::self, the bridge's own port towards the host). One cache line.
struct alignas(64) BridgePort {
    IfIndex interface = no_interface;
    BridgeIndex bridge = no_index;
    PortState state = PortState::forwarding;
    bool learning : 1 = true;
    bool flood : 1 = true;  ///< unknown unicast leaves by it
    bool mcast_flood : 1 = true;
    bool bcast_flood : 1 = true;
    bool isolated : 1 = false;
    bool hairpin : 1 = false;
    bool locked : 1 = false;
    std::uint16_t group_fwd_mask = 0;
    std::uint32_t fdb_max_learned = 0;  ///< 0: no limit
    const VlanSet* vlans = nullptr;     ///< null unless the bridge filters
    /// Derived from the rest of the topology by derive_exits() (bridge/batch.hpp), for the batch path.
    struct Exit {
        std::uint32_t gate = 0;    ///< the bridge, and whether the port is isolated
        std::uint32_t length = 0;  ///< of the longest untagged frame; 0: frames do not simply leave by it
        /// By VID, 4096: VlanSet::Membership; zeros if the bridge does not filter.
        const std::uint8_t* membership = nullptr;
        PortIndex port = no_index;
    } exit;
};
static_assert(sizeof(BridgePort) == 64);

struct Bridge {
    IfIndex interface = no_interface;
    bool vlan_filtering = false;
    bool stp = false;
    std::uint16_t vlan_tpid = ether_type::vlan;  ///< vlan_protocol
    std::uint16_t group_fwd_mask = 0;
    std::uint32_t ageing_seconds = 300;  ///< 0: never
    std::uint32_t fdb_max_learned = 0;
    BridgePort self;  ///< towards the host; its vlans are the bridge's own (`bridge vlan … self`)
    std::vector<BridgePortIndex> members;
    FdbDomain domain = 0;  ///< without filtering
    std::unique_ptr<const std::array<FdbDomain, vid_count>>
        vlan_domain;  ///< with filtering: by VID, 0 = unknown VLAN
};

/// Where a worker sends on a port: its own queue, or the worker that owns the queue.
struct PortEntry {
    Port* port = nullptr;
    IfIndex interface = no_interface;
    std::uint16_t tx_queues =
        1;  ///< worker w sends by queue w if w < tx_queues, else worker w % tx_queues does
};

/// Immutable after publication. Indexes are stable for an object's life; holes have kind none or null port.
struct Topology {
    std::vector<Interface> interfaces;  ///< by IfIndex; [0] is a hole
    std::vector<Bridge> bridges;
    std::vector<BridgePort> bridge_ports;
    std::vector<PortEntry> ports;
    // owners of what the pointers above refer to
    std::vector<std::shared_ptr<const VlanDemux>> demuxes;
    std::vector<std::shared_ptr<const VlanSet>> vlan_sets;

    [[nodiscard]] const Interface& interface(IfIndex i) const noexcept { return interfaces[i]; }
    /// Whether an index that came from the FDB names a member of this bridge here. A worker that has the next
    /// topology already may have learned a station on a port that this one lacks.
    [[nodiscard]] bool is_member(BridgePortIndex i, BridgeIndex of) const noexcept {
        return i < bridge_ports.size() && bridge_ports[i].bridge == of;
    }
    [[nodiscard]] bool exists(IfIndex i) const noexcept {
        return i < interfaces.size() && interfaces[i].kind != InterfaceKind::none;
    }
};

}  // namespace weft
