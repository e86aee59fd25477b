// What weft does not obey as the kernel does: said and counted, so that no route is silently another.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <set>

#include "control/route/routes.hpp"

namespace weft {

namespace {

constexpr std::size_t lines_of_a_kind = 10;

std::string prefix_text(bool v6, const IpAddress& address, unsigned length) {
    char text[INET6_ADDRSTRLEN];
    inet_ntop(v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
    return fmt::format("{}/{}", text, length);
}

}  // namespace

// IPv4 routes with a TOS and IPv6 routes with a source prefix: packets take the route without.
void Routes::not_supported(const KernelRoute& route, bool there) {
    const UnsupportedRoute key{route.v6,           route.destination.bytes, route.length, route.tos,
                               route.source.bytes, route.source_length,     route.table,  route.priority};
    if (!there) {
        unsupported_.erase(key);
        return;
    }
    const auto generation =
        generation_[static_cast<unsigned>(route.v6 ? RouteDump::routes6 : RouteDump::routes4)];
    const auto [it, fresh] = unsupported_.insert_or_assign(key, generation);
    if (!fresh || said_unsupported_ == lines_of_a_kind) return;
    const char* more = ++said_unsupported_ == lines_of_a_kind ? " (more such routes are not told)" : "";
    const auto what = route.tos ? fmt::format("tos {:#04x}", route.tos)
                                : "from " + prefix_text(route.v6, route.source, route.source_length);
    wiring_.log(fmt::format("ip{} route {} {} table {}: {} is not supported: weft does not see this route{}",
                            route.v6 ? " -6" : "", prefix_text(route.v6, route.destination, route.length),
                            what, route.table, route.tos ? "tos" : "from", more));
}

void Routes::sweep_unsupported(bool v6) {
    const auto generation = generation_[static_cast<unsigned>(v6 ? RouteDump::routes6 : RouteDump::routes4)];
    std::erase_if(unsupported_, [&](const auto& entry) {
        return std::get<0>(entry.first) == v6 && entry.second != generation;
    });
}

// A device may be new, and its interface be published in a moment: what leads there for a second is told.
void Routes::say_elsewhere() {
    std::map<int, std::size_t> now;
    elsewhere_ = 0;
    const auto leads_elsewhere = [&](HopIndex hop) { return hops_.facts(hop).kind == HopKind::elsewhere; };
    for (AttributesId id = 1; id < attributes_.end(); ++id) {
        const auto& entry = attributes_[id];
        if (entry.references == 0 || entry.hop == no_hop) continue;
        std::set<int> devices;
        if (leads_elsewhere(entry.hop)) devices.insert(hops_.facts(entry.hop).device);
        for (const auto& member : hops_.members(entry.hop))
            if (leads_elsewhere(member.hop)) devices.insert(hops_.facts(member.hop).device);
        if (!devices.empty()) elsewhere_ += entry.references;
        for (const int device : devices)
            now[device] += entry.references;
    }
    for (const auto& [device, routes] : now) {
        auto& ticks = elsewhere_ticks_[device];
        if (ticks < 2 && ++ticks == 2) {
            const auto link = links_.find(device);
            const auto name =
                link == links_.end() ? fmt::format("interface {}", device) : link->second.value.name;
            wiring_.log(
                interface_of(device) == no_interface
                    ? fmt::format("ip route dev {}: {} is not weft's: what its {} routes lead there is "
                                  "dropped as route/elsewhere",
                                  name, name, routes)
                    : fmt::format("ip route dev {} encap: encap is not supported: what {} routes lead "
                                  "there is dropped as route/elsewhere",
                                  name, routes));
        }
    }
    std::erase_if(elsewhere_ticks_, [&](const auto& entry) { return !now.contains(entry.first); });
}

}  // namespace weft
