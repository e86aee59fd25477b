#include "control/model/save.hpp"

#include <set>

#include "control/link/edit.hpp"
#include "control/model/lines.hpp"

namespace weft {

std::string save_but_rules(const Model& model) {
    std::string text;
    std::set<std::string> said;  // by the line of the other end
    for (const auto& name : model.order) {
        const auto& link = *model.find(name);
        if (said.contains(name)) continue;
        if (const auto* veth = veth_of(link)) said.insert(veth->peer);
        if (const auto* port = port_of(link))
            save_port(text, name, link, *port);
        else
            save_link(text, model, name, link);
    }
    for (const auto& name : model.order)
        if (const auto* bridge = bridge_of(*model.find(name))) save_bridge_vlans(text, name, *bridge);
    for (const auto& name : model.order)
        if (const auto& member = model.find(name)->member) save_member(text, model, name, *member);
    save_fdb(text, model);
    save_addresses(text, model);
    save_nexthops(text, model);
    save_routes(text, model);
    save_rules(text, model);
    save_neighbours(text, model);
    save_sysctls(text, model);
    return text;
}

std::string save(const Model& model) {
    auto text = save_but_rules(model);
    save_sets(text, model);
    save_hook_rules(text, model);
    return text;
}

}  // namespace weft
