#include "control/route/commands/validate.hpp"

#include <fmt/format.h>

#include "control/route/commands/words.hpp"

namespace weft {

namespace {

Result<> check_device(const Model& model, const std::string& what, const std::string& device) {
    if (model.find(device)) return {};
    return refuse(fmt::format("{}: there is no interface {}", what, device));
}

Result<> check_routes(const Model& model) {
    const RouteSpec* before = nullptr;
    for (const auto& [key, spec] : model.routing.routes) {
        const auto what = "route " + destination_text(key.v6, key.destination, key.length);
        if (key != spec.key() || spec.devices.size() != spec.route.vias.size())
            return refuse(what + ": is not what its key says");
        for (const auto& device : spec.devices)
            if (!device.empty())
                if (auto r = check_device(model, what, device); !r) return r;
        if (before && *before == spec) return refuse(what + ": is there twice");
        before = &spec;
    }
    return {};
}

}  // namespace

Result<> validate_routing(const Model& model) {
    if (auto r = check_routes(model); !r) return r;
    for (const auto& [id, spec] : model.routing.nexthops)
        if (!spec.device.empty())
            if (auto r = check_device(model, fmt::format("next hop {}", id), spec.device); !r) return r;
    for (const auto& [key, spec] : model.routing.neighbours)
        if (auto r = check_device(model, "neighbour " + ip_text(key.v6, key.address), key.device); !r)
            return r;
    return {};
}

}  // namespace weft
