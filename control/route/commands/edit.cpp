#include "control/route/commands/edit.hpp"

#include <algorithm>

#include "control/address/words.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

/// Whether the route is nothing without that interface.
bool loses_device(RouteSpec& spec, const std::string& device) {
    const auto at = std::find(spec.devices.begin(), spec.devices.end(), device);
    if (at == spec.devices.end()) return false;
    if (!spec.route.v6) return true;  // fib_sync_down_dev: with one next hop the route goes
    for (std::size_t i = spec.devices.size(); i-- > 0;)
        if (spec.devices[i] == device) {
            spec.devices.erase(spec.devices.begin() + static_cast<std::ptrdiff_t>(i));
            spec.route.vias.erase(spec.route.vias.begin() + static_cast<std::ptrdiff_t>(i));
        }
    return spec.devices.empty();
}

}  // namespace

void forget_nexthop(RoutingSpec& routing, std::uint32_t id) {
    std::vector<std::uint32_t> gone{id};
    routing.nexthops.erase(id);
    for (auto& [other, spec] : routing.nexthops) {
        auto& group = spec.nexthop.group;
        if (std::erase_if(group, [&](const auto& member) { return member.id == id; }) && group.empty())
            gone.push_back(other);
    }
    for (const auto one : gone)
        routing.nexthops.erase(one);
    std::erase_if(routing.routes, [&](const auto& entry) {
        return std::find(gone.begin(), gone.end(), entry.second.route.nexthop) != gone.end();
    });
}

void forget_device(RoutingSpec& routing, const std::string& device) {
    for (auto it = routing.routes.begin(); it != routing.routes.end();)
        it = loses_device(it->second, device) ? routing.routes.erase(it) : std::next(it);
    std::vector<std::uint32_t> ids;
    for (const auto& [id, spec] : routing.nexthops)
        if (spec.device == device) ids.push_back(id);
    for (const auto id : ids)
        forget_nexthop(routing, id);
    std::erase_if(routing.neighbours, [&](const auto& entry) { return entry.first.device == device; });
}

bool leads_nowhere(std::uint8_t type) {
    return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT || type == RTN_THROW;
}

bool needs_others(const KernelRoute& route) {
    return route.nexthop || std::any_of(route.vias.begin(), route.vias.end(),
                                        [](const KernelVia& via) { return via.has_gateway; });
}

namespace {

/// The interface of the longest route to an address that has no gateway itself.
std::string device_of_link_route(const Model& model, command::IpPrefix to) {
    for (unsigned length = to.v6 ? 129 : 33; length-- > 0;) {
        to.length = length;
        const RouteKeySpec first{.v6 = to.v6,
                                 .length = static_cast<std::uint8_t>(length),
                                 .destination = bytes_of(first_of(to)),
                                 .source = {}};
        const auto& routes = model.routing.routes;
        for (auto it = routes.lower_bound(first); it != routes.end(); ++it) {
            const auto& [key, spec] = *it;
            if (key.v6 != first.v6 || key.table != first.table || key.length != length ||
                key.destination != first.destination)
                break;
            if (spec.route.type == RTN_UNICAST && spec.devices.size() == 1 &&
                !spec.route.vias.front().has_gateway)
                return spec.devices.front();
        }
    }
    return {};
}

}  // namespace

std::string device_of_gateway(const Model& model, bool v6, const IpAddress& gateway) {
    std::string device;
    unsigned longest = 0;
    const auto wanted = prefix_of(v6, gateway, v6 ? 128 : 32);
    for (const auto& address : model.addresses) {
        const auto network = address.peer ? *command::parse_prefix(*address.peer) : parsed(address);
        if (network.v6 != v6 || !covers(network, wanted) || (network.length <= longest && !device.empty()))
            continue;
        longest = network.length;
        device = address.device;
    }
    return device.empty() ? device_of_link_route(model, wanted) : device;
}

}  // namespace weft
