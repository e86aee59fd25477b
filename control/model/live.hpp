// What the commands that show or act ask of the running switch. The daemon implements it; tests fake it;
// `weft -c FILE` has none. Called on the control thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/command/types.hpp"
#include "control/flow/connections.hpp"
#include "control/flow/flows.hpp"
#include "control/kernel/route_message.hpp"
#include "control/set/entries.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/result.hpp"

namespace weft {

struct AddressSpec;

struct LinkState {
    std::string name;
    unsigned kernel_index = 0;  ///< of its TAP; weft's own index where there is none
    bool carrier = false;
    std::uint16_t mtu = 1500;  ///< in force
    MacAddress mac{};          ///< in force
    std::uint64_t rx_packets = 0, rx_bytes = 0, rx_dropped = 0, rx_errors = 0, multicast = 0;
    std::uint64_t rx_missed = 0;  ///< lost for want of room in the device or its socket
    std::uint64_t tx_packets = 0, tx_bytes = 0, tx_dropped = 0, tx_errors = 0;
    std::uint64_t own_source = 0;
};

/// Names belong to the switch and hold during the visit.
struct FdbEntryState {
    std::string_view device;
    std::string_view bridge;
    MacAddress mac{};
    std::uint16_t vid = 0;  ///< 0 without filtering
    bool local = false;     ///< permanent: our own
    bool stationary = false;
    bool sticky = false;
    double used_seconds = 0;  ///< since last seen
};

struct DropState {
    std::string interface, reason, meaning;
    std::uint64_t packets = 0, bytes = 0;
};

struct WorkerState {
    unsigned worker = 0, cpu = 0;
    double busy = 0;  ///< share of time spent on rounds with packets, 0..1, over the last second
    std::uint64_t packets = 0, handed_over = 0;
    std::vector<std::pair<std::string, std::uint16_t>> queues;  ///< port name, receive queue
};

struct StageState {
    unsigned worker = 0;
    std::string stage;
    std::uint64_t packets = 0;
    double clocks_per_packet = 0;  ///< TSC clocks, from sampled batches
    double packets_per_batch = 0;
};

struct PortLive {
    std::string name, type, driver;
    std::uint16_t mtu = 1500, rx_queues = 1, tx_queues = 1;
    MacAddress mac{};
    bool link = false;
    std::uint32_t speed_mbps = 0;
    std::vector<std::string> offloads;  ///< for ethtool -k: "checksum", "tcp4_gso", ...
    std::vector<std::pair<std::string, std::uint64_t>> statistics;
};

struct MemoryState {
    std::string what;
    std::uint64_t bytes = 0, used = 0,
                  capacity = 0;  ///< in objects; used 0 if not counted, capacity 0 if without limit
};

/// An address of the TAP namespace as the kernel shows it, weft's or not.
struct AddressState {
    std::string device;
    std::string address;  ///< with prefix length
    std::string peer;     ///< with prefix length; empty: none
    std::string scope, label, broadcast;
    bool ours = false;
    std::uint32_t flags = 0x80;  ///< IFA_F_* of linux/if_addr.h; of one that is not the kernel's: permanent
    std::uint32_t valid = forever, preferred = forever;  ///< seconds left
    static constexpr std::uint32_t forever = 0xffffffff;
};

/// What a stage decided of a packet that was followed, as a sentence.
struct TracedStep {
    std::string stage, what;
};

struct TracedPacket {
    std::string ifname;           ///< by which it came
    std::vector<std::byte> head;  ///< the beginning of its frame
    std::uint32_t length = 0;     ///< of the frame, bytes without FCS
    std::vector<TracedStep> steps;
};

/// What `ip route get` asks the workers' tables.
struct RouteQuestion {
    command::IpPrefix to{};
    std::optional<command::IpPrefix> from{};
    std::string iif{}, oif{};  ///< of a packet that came in; that has to leave there
    std::uint32_t mark = 0;
    std::uint8_t tos = 0;
};

/// What they answer, or the kernel where none of them is asked: the host's own packets to a group, to all
/// hosts of a link or by a given interface.
struct RouteFound {
    HopKind kind = HopKind::none;
    std::string device{};  ///< where it leaves, or of a local address nothing
    bool has_gateway = false, gateway_v6 = false;
    IpAddress gateway{}, source{};  ///< source zero: not known
    std::uint16_t mtu = 0;          ///< of the route; 0: the interface's
    std::uint8_t tos = 0;           ///< of the route; 0: it is for any
    std::uint8_t protocol = 0;      ///< RTPROT_* of the route
    std::uint8_t preference = 0;    ///< of an IPv6 route, RFC 4191
    bool heard = false;             ///< of a multicast group: by the host, too
    std::uint32_t table = 0;        ///< of the kernel; 0: not known
    std::uint32_t metric = 0;
};

/// One next hop as workers have it.
struct AdjacencyState {
    std::uint32_t index = 0;
    HopKind kind = HopKind::none;
    std::string device{};
    bool v6 = false;
    IpAddress gateway{};
    NeighbourState state = NeighbourState::unknown;
    MacAddress mac{}, own{};
    std::uint16_t mtu = 0;
    std::vector<std::pair<std::uint32_t, unsigned>> members{};  ///< of a group: index, buckets
    std::uint32_t routes = 0;                                   ///< references to it
};

class Live {
  public:
    virtual ~Live() = default;
    [[nodiscard]] virtual std::optional<LinkState> link(const std::string& name) = 0;
    /// Each entry in no order, straight from the table: with a million of them a list would cost more than
    /// they.
    virtual void visit_fdb(const std::function<void(const FdbEntryState&)>& visit) = 0;
    /// Entries of all bridges, about.
    [[nodiscard]] virtual std::size_t fdb_size() = 0;
    [[nodiscard]] virtual std::vector<DropState> drops() = 0;
    [[nodiscard]] virtual std::vector<WorkerState> workers() = 0;
    [[nodiscard]] virtual std::vector<StageState> stages() = 0;
    [[nodiscard]] virtual std::optional<PortLive> port(const std::string& name) = 0;
    [[nodiscard]] virtual std::vector<MemoryState> memory() = 0;
    [[nodiscard]] virtual std::vector<AddressState> addresses() = 0;
    /// Whether the kernel has no longer an address that is configured: somebody deleted it there.
    [[nodiscard]] virtual bool is_lost(const AddressSpec& address) = 0;
    /// Puts back what the kernel has lost of the configuration. Refused with the kernel's reason if it does
    /// not take the address.
    virtual Result<> put_back(const AddressSpec& address) = 0;
    /// CPUs of the workers, in worker order.
    [[nodiscard]] virtual std::vector<unsigned> worker_cpus() = 0;

    /// Removes dynamic entries; empty strings and nullopt match all. Returns how many.
    virtual std::size_t flush_fdb(const std::string& bridge, const std::string& device,
                                  std::optional<std::uint16_t> vid) = 0;
    /// Removes one learned entry; refused if there is none.
    virtual Result<> delete_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid) = 0;
    /// Whether a bridge's table has an entry of this address, of any kind.
    [[nodiscard]] virtual bool knows_fdb(const std::string& bridge, const MacAddress& mac,
                                         std::uint16_t vid) = 0;
    /// Enters a dynamic entry in the place of any other (`bridge fdb replace … dynamic`): it ages, moves and
    /// does not count as learned, as net/bridge/br_fdb.c, fdb_add_entry. Refused in the kernel's words.
    virtual Result<> learn_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid,
                               bool sticky) = 0;
    /// The value of a kernel variable of the TAP namespace; its canonical name is sysctl/names.hpp's. Nothing
    /// if it cannot be read.
    [[nodiscard]] virtual std::optional<std::string> sysctl(const std::string& name) = 0;
    /// The MAC address of a neighbour on an interface, if it is known.
    [[nodiscard]] virtual std::optional<MacAddress> neighbour_mac(const std::string& interface,
                                                                  const command::IpPrefix& address) = 0;
    /// Whether the kernel keeps the other IPv4 addresses of a network when its primary goes
    /// (promote_secondaries of the device or of all).
    [[nodiscard]] virtual bool promotes_secondaries(const std::string& device) = 0;
    /// Follows the next `count` packets that an interface receives; what was followed before is forgotten.
    virtual Result<> start_trace(const std::string& interface, std::uint32_t count) = 0;
    virtual void clear_trace() = 0;
    [[nodiscard]] virtual std::vector<TracedPacket> traced() = 0;
    /// What would become of a frame that an interface received; nothing is sent, learned or counted.
    virtual Result<TracedPacket> explain(const std::string& interface, std::span<const std::byte> frame) = 0;

    // What the kernel of the TAP namespace has, whoever wrote it; with --no-kernel what the model has.
    virtual Result<> visit_routes(bool v6, const std::function<void(const KernelRoute&)>& visit) = 0;
    virtual Result<std::vector<KernelNexthop>> nexthops() = 0;
    /// On weft's interfaces.
    virtual Result<std::vector<KernelNeighbour>> neighbours() = 0;
    virtual Result<std::vector<KernelRule>> policy_rules(bool v6) = 0;
    /// The name that goes with an interface of these; "if7" if it is gone.
    [[nodiscard]] virtual std::string device_name(int kernel_index) = 0;
    /// Forgets a neighbour that the model does not have.
    virtual Result<> delete_neighbour(const KernelNeighbour& neighbour) = 0;
    [[nodiscard]] virtual Result<RouteFound> find_route(const RouteQuestion& question) = 0;
    [[nodiscard]] virtual std::vector<AdjacencyState> adjacencies() = 0;
    [[nodiscard]] virtual conntrack::Connections& connections() = 0;
    [[nodiscard]] virtual conntrack::Flows& flows() = 0;
    /// What an entry of the set with this Set::id has counted; nothing if no worker knows the set.
    [[nodiscard]] virtual std::optional<hook::Counters> set_counters(std::uint64_t, const ipset::Key&) {
        return std::nullopt;
    }
    /// Ends the daemon after the answer is sent.
    virtual void stop(bool keep) = 0;
};

}  // namespace weft
