// Links and addresses of one namespace, asked of and told to the kernel by rtnetlink. Nothing is cached.
#pragma once

#include <linux/if_addr.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/kernel/netns.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/result.hpp"

struct nl_sock;
struct nl_msg;
struct nlmsghdr;

namespace weft {

struct KernelRoute;
struct KernelRouteQuestion;
struct KernelNexthop;
struct KernelNeighbour;
struct KernelRule;

/// As iproute2's words: add refuses what is there, change what is not.
enum class RouteVerb : std::uint8_t { add, append, replace, change, del };

/// What weft writes to the kernel carries this protocol (IFA_PROTO, RTA_PROTOCOL).
inline constexpr std::uint8_t weft_protocol = 119;

/// What the kernel says of a device of /dev/net/tun (IFLA_TUN_*).
struct KernelTun {
    bool tun = false;  ///< IFF_TUN; else IFF_TAP
    bool multi_queue = false;
    std::optional<std::uint32_t> owner, group;
    friend bool operator==(const KernelTun&, const KernelTun&) = default;
};

/// What the kernel counted at a device (rtnl_link_stats64).
struct KernelTraffic {
    std::uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0, rx_dropped = 0, multicast = 0;
    std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0, tx_dropped = 0;
};

/// A network device as the kernel shows it.
struct KernelLink {
    int index = 0;
    std::string name;
    std::string kind;   ///< IFLA_INFO_KIND: "tun", "veth", "bridge"; empty for hardware
    std::string alias;  ///< `ip link set X alias …`
    MacAddress mac{};
    std::uint32_t mtu = 0;
    std::uint32_t flags = 0;       ///< IFF_*
    int master = 0;                ///< index; 0: none
    bool carrier = false;          ///< IFLA_CARRIER
    std::optional<KernelTun> tun;  ///< of kind "tun"
    KernelTraffic traffic;
    [[nodiscard]] bool up() const noexcept { return flags & IFF_UP; }
};

/// An address as the kernel shows it; texts as iproute2 prints them.
struct KernelAddress {
    int index = 0;                 ///< of the device
    std::string address;           ///< "10.0.0.5/24", "fd00::1/64"; the local one of a peer address
    std::string peer;              ///< with prefix length; empty: none
    std::string broadcast, label;  ///< empty: none
    std::string scope;             ///< "global", "link", "host", "site", or a number
    std::uint8_t family = 0;       ///< AF_INET, AF_INET6
    std::uint8_t protocol = 0;     ///< IFA_PROTO; 0: not said
    std::uint32_t flags = 0;       ///< IFA_F_*
    std::uint32_t valid = 0xffffffff, preferred = 0xffffffff;  ///< seconds left; all ones: forever
    [[nodiscard]] bool ours() const noexcept { return protocol == weft_protocol; }
    [[nodiscard]] bool tentative() const noexcept { return flags & IFA_F_TENTATIVE; }
    [[nodiscard]] bool dad_failed() const noexcept { return flags & IFA_F_DADFAILED; }
    [[nodiscard]] bool permanent() const noexcept { return flags & IFA_F_PERMANENT; }
    [[nodiscard]] bool link_local() const noexcept { return family == AF_INET6 && scope == "link"; }
};

/// An address to add or delete.
struct AddressRequest {
    int index = 0;        ///< of the device
    std::string address;  ///< with prefix length; without: a host address
    std::optional<std::string> peer, broadcast, scope, label;
    bool nodad = false;
};

/// A netlink socket of one namespace. One thread at a time. Errors are sentences with the kernel's own words
/// (extended acknowledgement where it gives one).
class Netlink {
  public:
    static Result<Netlink> open(const Netns& netns);
    Netlink(Netlink&&) noexcept;
    Netlink& operator=(Netlink&&) noexcept;
    ~Netlink();

    /// nullopt if there is no such device.
    Result<std::optional<KernelLink>> link(const std::string& name);
    Result<std::optional<KernelLink>> link(int index);
    /// Devices whose alias begins with the prefix; all for an empty one.
    Result<std::vector<KernelLink>> links(std::string_view alias_prefix = {});

    Result<> set_up(int index, bool up);
    Result<> set_flags(int index, std::uint32_t mask, std::uint32_t flags);  ///< IFF_*
    Result<> set_mtu(int index, std::uint32_t mtu);
    Result<> set_mac(int index, const MacAddress& mac);
    Result<> set_alias(int index, const std::string& alias);
    Result<> delete_link(int index);
    /// Deletes them all at once: the kernel waits for its readers once, not once for each (about 20 ms).
    /// Those that are gone already are no error.
    Result<> delete_links(const std::vector<int>& indexes);

    /// IPv4 and IPv6 addresses of one device, or of all for index 0, in the kernel's order.
    Result<std::vector<KernelAddress>> addresses(int index = 0);
    /// Adds with protocol 119. EEXIST is an error ("File exists").
    Result<> add_address(const AddressRequest& request);
    /// One that is gone already is no error.
    Result<> delete_address(const AddressRequest& request);

    // Errors of these are in iproute2's words: "RTNETLINK answers: File exists".
    Result<> change_route(const KernelRoute& route, RouteVerb verb);
    Result<> change_nexthop(const KernelNexthop& nexthop, RouteVerb verb);
    Result<> change_neighbour(const KernelNeighbour& neighbour, RouteVerb verb);
    Result<> change_rule(const KernelRule& rule, RouteVerb verb);

    /// Every route of a family in the kernel's order; on_start() before the first, also when a dump that was
    /// overtaken by a change begins anew. Of one protocol only, if it is not 0.
    Result<> visit_routes(bool v6, const std::function<void()>& on_start,
                          const std::function<void(const KernelRoute&)>& visit, std::uint8_t protocol = 0);
    /// What would become of a packet; refused in iproute2's words where the kernel has no way.
    Result<KernelRoute> route_to(const KernelRouteQuestion& question);
    Result<std::vector<KernelNexthop>> nexthops();
    Result<std::vector<KernelNeighbour>> neighbours();
    Result<std::vector<KernelRule>> policy_rules(bool v6);

  private:
    struct Free {
        void operator()(nl_sock* socket) const noexcept;
    };
    explicit Netlink(std::unique_ptr<nl_sock, Free> socket);
    using OnMessage = std::function<void(const nlmsghdr*)>;
    /// Whether the answer is whole (false: a dump was overtaken by a change).
    Result<bool> exchange_once(nl_msg* request, const std::string& what, const OnMessage& on_message,
                               int ignored_error);
    Result<> exchange(nl_msg* request, const std::string& what, const OnMessage& on_message = {},
                      int ignored_error = 0);
    Result<> dump(nl_msg* request, const std::string& what, const std::function<void()>& on_start,
                  const OnMessage& on_message);
    Result<> change_link(int index, const std::string& what, std::uint32_t mask, std::uint32_t flags,
                         const std::function<void(nl_msg*)>& attributes = {});
    Result<std::optional<KernelLink>> one_link(int index, const std::string& name);
    Result<> change_address(const AddressRequest& request, bool add);

    std::unique_ptr<nl_sock, Free> socket_;
};

/// RTM_NEWLINK or RTM_DELLINK, RTM_NEWADDR or RTM_DELADDR; nullopt if malformed.
[[nodiscard]] std::optional<KernelLink> parse_link(const nlmsghdr* message);
[[nodiscard]] std::optional<KernelAddress> parse_address(const nlmsghdr* message);

}  // namespace weft
