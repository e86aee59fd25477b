// What weft does not obey as the kernel does: said and counted, so that no route is silently another.
#include <fmt/format.h>

#include <set>

#include "control/route/routes.hpp"

namespace weft {

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
