// What routes say apart from prefix and metric, each kept once: a full table has a million routes and a few
// next hops.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "control/kernel/route_message.hpp"
#include "control/route/rib.hpp"

namespace weft {

struct RouteAttributes {
    std::uint8_t type = 0, protocol = 0, scope = 0;
    bool v6 = false;
    bool has_preferred = false;
    std::uint16_t mtu = 0;
    std::uint8_t preference = 0;              ///< of IPv6, RFC 4191
    std::uint8_t tos = 0, source_length = 0;  ///< of IPv4 and of IPv6
    IpAddress source{};                       ///< whose first source_length bits packets have to have
    std::uint32_t nexthop = 0;                ///< id of a next-hop object; 0: `vias`
    IpAddress preferred{};
    std::uint64_t rest = 0;  ///< digest of what packets are not concerned with and IPv4 tells routes apart by
    std::vector<KernelVia> vias;  ///< with RTNH_F_ONLINK, and RTNH_F_LINKDOWN where RTNH_F_DEAD is
    friend bool operator==(const RouteAttributes&, const RouteAttributes&) = default;
    /// Whether it is for all packets to its prefix.
    [[nodiscard]] bool plain() const noexcept { return tos == 0 && source_length == 0; }
};
/// Whether both are for the same packets to a prefix.
[[nodiscard]] bool same_packets(const RouteAttributes&, const RouteAttributes&) noexcept;
[[nodiscard]] RouteAttributes attributes_of(const KernelRoute&);
/// The same route, whatever the state of its next hops and its preference, which a router may change.
[[nodiscard]] bool same_route(const RouteAttributes&, const RouteAttributes&);

/// Interned with reference counts. Not thread safe.
class AttributesTable {
  public:
    struct Entry {
        RouteAttributes attributes;
        std::uint32_t references = 0;  ///< 0: free
        HopIndex hop = no_hop;         ///< what it leads to now, for who resolves it; no_hop: not usable
    };
    /// With one more reference; `fresh` if it was not there.
    struct Taken {
        AttributesId id;
        bool fresh;
    };
    Taken take(const RouteAttributes& attributes);
    void retain(AttributesId id) noexcept { ++entries_[id].references; }
    /// Whether that was the last one: the entry then may be taken for others; its hop is still there.
    bool release(AttributesId id);

    [[nodiscard]] Entry& operator[](AttributesId id) noexcept { return entries_[id]; }
    [[nodiscard]] const Entry& operator[](AttributesId id) const noexcept { return entries_[id]; }
    /// One beyond the last id.
    [[nodiscard]] AttributesId end() const noexcept { return static_cast<AttributesId>(entries_.size()); }
    [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }

  private:
    struct Hash {
        std::size_t operator()(const RouteAttributes& a) const noexcept;
    };
    std::unordered_map<RouteAttributes, AttributesId, Hash> ids_;
    std::vector<Entry> entries_ = std::vector<Entry>(1);
    std::vector<AttributesId> free_;
};

}  // namespace weft
