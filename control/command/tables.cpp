#include "control/command/tables.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <vector>

namespace weft::command {

namespace {

Grammar build() {
    // iproute2 resolves `ip a`, `ip l`, `ip n` by the order of its objects: address stands before link.
    std::vector<Spec> all;
    for (const auto table :
         {address_commands(), route_commands(), rule_commands(), neighbour_commands(), link_commands(),
          tuntap_commands(), nexthop_commands(), bridge_commands(), brctl_commands(), sysctl_commands(),
          ethtool_commands(), port_commands(), hook_commands(), conntrack_commands(), set_commands(),
          show_commands(), observe_commands(), config_commands()})
        all.insert(all.end(), table.begin(), table.end());
    auto grammar = Grammar::build(all);
    if (!grammar) {
        fmt::print(stderr, "command table: {}\n", grammar.error().message);
        std::abort();
    }
    return std::move(*grammar);
}

}  // namespace

const Grammar& grammar() {
    static const Grammar all = build();
    return all;
}

}  // namespace weft::command
