// The words of `ip route|rule|neigh|nexthop`, taken apart and checked. Refused in iproute2's words.
#pragma once

#include <string>
#include <vector>

#include "control/command/types.hpp"
#include "control/model/commands.hpp"
#include "control/route/commands/names.hpp"

namespace weft {

/// Read once a session: a file of a hundred thousand lines has one.
[[nodiscard]] const RoutingNames& names_of(Session& session);

/// A destination as iproute2 reads it: "default", "any" and "all" are of the family asked for.
struct Destination {
    command::IpPrefix prefix;
    bool any = false;  ///< one of those words: its family is only a guess
};
[[nodiscard]] Result<Destination> read_destination(const command::Item& item, bool v6);
/// An address without a length.
[[nodiscard]] Result<command::IpPrefix> read_ip(const command::Item& item, bool any_family, bool v6);

[[nodiscard]] IpAddress bytes_of(const command::IpPrefix& prefix);
[[nodiscard]] command::IpPrefix prefix_of(bool v6, const IpAddress& address, unsigned length);
/// "10.0.0.0/8", a host without its length, "default" for length 0.
[[nodiscard]] std::string destination_text(bool v6, const IpAddress& address, unsigned length);
[[nodiscard]] std::string ip_text(bool v6, const IpAddress& address);

/// The route that the words say, as the kernel would keep it. `for_delete`: a criterion, which may leave out
/// whatever it does not ask for (scope RT_SCOPE_NOWHERE then, and no type unless one is named).
struct RouteWords {
    RouteSpec spec;
    bool has_priority = false, has_type = false, has_scope = false;
};
[[nodiscard]] Result<RouteWords> read_route(const Model& model, const command::Match& match,
                                            const RoutingNames& names, bool for_delete);

/// What weft writes carries its own protocol number: any other is refused, with the reason.
[[nodiscard]] Result<> check_protocol(const command::Match& match, const RoutingNames& names);

[[nodiscard]] Result<std::uint32_t> read_table(const command::Item& item, const RoutingNames& names,
                                               std::string_view why);

}  // namespace weft
