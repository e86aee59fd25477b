#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <vector>

#include "control/bridge/handlers.hpp"
#include "control/link/details.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// "8000.020000000001": brctl leaves out the colons.
std::string short_id(Session& session, const std::string& bridge) {
    auto id = bridge_id(session, bridge);
    std::erase(id, ':');
    return id;
}

std::string row(Session& session, const std::string& name, const BridgeSpec& bridge) {
    auto text = fmt::format("{}\t\t{}\t{}\t\t", name, short_id(session, name), bridge.stp ? "yes" : "no");
    bool first = true;
    for (const auto& [member, link] : session.model.links) {
        if (!link.member || link.member->bridge != name) continue;
        if (!first) text += "\n\t\t\t\t\t\t\t";
        text += member;
        first = false;
    }
    return text + "\n";
}

}  // namespace

Result<Reply> brctl_show(Session& session, const command::Match& match, const std::string&) {
    Reply reply{.text = "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"};
    const bool all = !match.argument("BRIDGE");
    if (all)
        for (const auto& [name, link] : session.model.links)
            if (const auto* bridge = bridge_of(link)) reply.text += row(session, name, *bridge);
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "BRIDGE") continue;
        const auto* link = session.model.find(item.value);
        if (!link) return brctl_refused(fmt::format("bridge {} does not exist!", item.value));
        const auto* bridge = bridge_of(*link);
        if (!bridge) return brctl_refused(fmt::format("device {} is not a bridge!", item.value));
        reply.text += row(session, item.value, *bridge);
    }
    return reply;
}

Result<Reply> brctl_showmacs(Session& session, const command::Match& match, const std::string&) {
    const auto& name = match.argument("BRIDGE")->value;
    const auto* link = session.model.find(name);
    if (!link) return brctl_refused("read of forward table failed: No such device");
    if (!bridge_of(*link)) return brctl_refused("read of forward table failed: Operation not supported");
    std::vector<FdbEntryState> entries;
    session.live->visit_fdb([&](const FdbEntryState& entry) {
        if (entry.bridge == name) entries.push_back(entry);
    });
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.mac < b.mac; });
    std::map<std::string_view, unsigned> numbers;
    const auto number_of = [&](std::string_view device) {
        const auto [it, added] = numbers.emplace(device, 0);
        if (added) it->second = port_number(session.model, std::string(device));
        return it->second;
    };
    Reply reply{.text = "port no\tmac addr\t\tis local?\tageing timer\n"};
    for (const auto& entry : entries)
        fmt::format_to(std::back_inserter(reply.text), "{:3}\t{}\t{}\t\t{:7.2f}\n", number_of(entry.device),
                       to_string(entry.mac), entry.local ? "yes" : "no",
                       entry.local ? 0 : entry.used_seconds);
    return reply;
}

}  // namespace weft
