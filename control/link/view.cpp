#include "control/link/view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "control/link/edit.hpp"

namespace weft {

namespace {

/// Whether the interface and all below it are up: a sub-interface runs only on one that does.
bool runs(const Model& model, const LinkSpec& link, int depth = 0) {
    if (!link.up) return false;
    if (const auto* veth = veth_of(link)) {
        const auto* peer = model.find(veth->peer);
        return peer && peer->up;
    }
    const auto* vlan = vlan_of(link);
    const auto* parent = vlan && depth < 8 ? model.find(vlan->parent) : nullptr;
    return !parent || runs(model, *parent, depth + 1);
}

}  // namespace

std::string LinkView::flag_text() const {
    return fmt::format("<{}>", fmt::join(flags, ","));
}

std::optional<LinkView> view_link(Session& session, const std::string& name) {
    const auto it = session.model.links.find(name);
    if (it == session.model.links.end()) return std::nullopt;
    LinkView view;
    view.name = name;
    view.link = &it->second;
    view.state = session.live->link(name).value_or(LinkState{.name = name});
    view.index = view.state.kernel_index;
    const auto* vlan = vlan_of(it->second);
    const auto* veth = veth_of(it->second);
    if (vlan) view.below = vlan->parent;
    if (veth) view.below = veth->peer;
    const auto* parent = view.below.empty() ? nullptr : session.model.find(view.below);
    const bool up = it->second.up, dummy = is_dummy(it->second);
    const bool below_runs = !parent || (veth ? parent->up : runs(session.model, *parent));
    const bool carrier = up && view.state.carrier && below_runs;
    if (up && !carrier) view.flags.emplace_back("NO-CARRIER");
    if (is_tun(it->second))
        view.flags.insert(view.flags.end(), {"POINTOPOINT", "MULTICAST", "NOARP"});
    else
        view.flags.insert(view.flags.end(), {"BROADCAST", dummy ? "NOARP" : "MULTICAST"});
    if (up) view.flags.emplace_back("UP");
    if (carrier) view.flags.emplace_back("LOWER_UP");
    if (!below_runs) view.flags.emplace_back("M-DOWN");
    view.operstate = dummy && up ? "UNKNOWN" : carrier ? "UP" : up && parent ? "LOWERLAYERDOWN" : "DOWN";
    view.qdisc = up ? "noqueue" : "noop";
    return view;
}

std::vector<LinkView> view_links(Session& session) {
    std::vector<LinkView> views;
    for (const auto& name : session.model.order)
        views.push_back(*view_link(session, name));
    std::stable_sort(views.begin(), views.end(),
                     [](const auto& a, const auto& b) { return a.index < b.index; });
    return views;
}

}  // namespace weft
