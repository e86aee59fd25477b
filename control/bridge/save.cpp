#include <fmt/format.h>

#include <algorithm>

#include "control/bridge/edit.hpp"
#include "control/bridge/options.hpp"
#include "control/config/file.hpp"
#include "control/link/edit.hpp"
#include "control/model/lines.hpp"

namespace weft {

namespace {

/// The lines that make `wanted` of `have`, which a new bridge or member has: what goes, the PVID, then the
/// others, neighbours of one kind as a range.
void save_vlans(std::string& text, std::string_view device, std::string_view suffix, VlanMemberships have,
                const VlanMemberships& wanted) {
    const auto line = [&](std::string_view verb, unsigned first, unsigned last,
                          const VlanMembership& membership) {
        text += fmt::format("bridge vlan {} dev {} vid {}", verb, device, first);
        if (last != first) text += fmt::format("-{}", last);
        if (membership.pvid) text += " pvid";
        if (membership.untagged) text += " untagged";
        text += fmt::format("{}\n", suffix);
    };
    for (const auto& [vid, membership] : VlanMemberships{have}) {
        if (wanted.contains(vid)) continue;
        line("del", vid, vid, {});
        have.erase(vid);
    }
    const auto pvid =
        std::find_if(wanted.begin(), wanted.end(), [](const auto& entry) { return entry.second.pvid; });
    if (pvid != wanted.end() && have != wanted &&
        (!have.contains(pvid->first) || have[pvid->first] != pvid->second)) {
        line("add", pvid->first, pvid->first, pvid->second);
        add_vlans(have, {pvid->first, pvid->first}, pvid->second);
    }
    const auto differs = [&](const auto& entry) {
        const auto it = have.find(entry.first);
        return it == have.end() || it->second != entry.second;
    };
    for (auto it = wanted.begin(); it != wanted.end();) {
        const auto first = it++;
        if (!differs(*first)) continue;
        unsigned last = first->first;
        for (; it != wanted.end() && it->first == last + 1 && it->second == first->second && differs(*it);
             ++it)
            last = it->first;
        line("add", first->first, last, first->second);
    }
}

}  // namespace

void save_bridge_vlans(std::string& text, const std::string& name, const BridgeSpec& bridge) {
    VlanMemberships have;
    if (bridge.vlan_default_pvid) have[bridge.vlan_default_pvid] = {true, true};
    save_vlans(text, config::quote(name), " self", have, bridge.vlans);
}

void save_member(std::string& text, const Model& model, const std::string& name, const MemberSpec& member) {
    const auto usual = new_member(model, member.bridge);
    text += fmt::format("ip link set {} master {}\n", config::quote(name), config::quote(member.bridge));
    std::string words;
    const auto add = [&](std::string_view word, bool value, bool default_value) {
        if (value != default_value) words += fmt::format(" {} {}", word, value ? "on" : "off");
    };
    if (member.state != usual.state) words += fmt::format(" state {}", to_string(member.state));
    add("learning", member.learning, usual.learning);
    add("flood", member.flood, usual.flood);
    add("mcast_flood", member.mcast_flood, usual.mcast_flood);
    add("bcast_flood", member.bcast_flood, usual.bcast_flood);
    add("isolated", member.isolated, usual.isolated);
    add("hairpin", member.hairpin, usual.hairpin);
    add("locked", member.locked, usual.locked);
    if (member.fdb_max_learned) words += fmt::format(" fdb_max_learned {}", member.fdb_max_learned);
    if (!words.empty()) text += fmt::format("bridge link set dev {}{}\n", config::quote(name), words);
    save_vlans(text, config::quote(name), "", usual.vlans, member.vlans);
}

namespace {

void save_fdb_line(std::string& text, const Model& model, std::string_view verb, const FdbKey& key,
                   const FdbSpec& spec) {
    text += fmt::format("bridge fdb {} {} dev {}", verb, to_string(key.mac), config::quote(key.device));
    text += bridge_of(*model.find(key.device)) ? " self" : " master";
    if (verb != "del") text += spec.kind == FdbSpec::Kind::permanent ? " permanent" : " static";
    if (verb != "del" && spec.sticky) text += " sticky";
    if (key.vid) text += fmt::format(" vlan {}", key.vid);
    text += '\n';
}

}  // namespace

void save_fdb(std::string& text, const Model& model) {
    std::map<FdbKey, FdbSpec> have;  // what the lines so far make
    // an entry without a VLAN is entered in every VLAN of its device too: those first
    for (const auto& [key, spec] : model.fdb) {
        if (key.vid) continue;
        save_fdb_line(text, model, "add", key, spec);
        for (const auto& [vid, membership] : *vlans_of(model, key.device)) {
            const FdbKey too{key.device, key.mac, vid};
            if (model.fdb.contains(too))
                have[too] = spec;
            else
                save_fdb_line(text, model, "del", too, spec);
        }
    }
    for (const auto& [key, spec] : model.fdb) {
        if (!key.vid) continue;
        const auto made = have.find(key);
        if (made == have.end())
            save_fdb_line(text, model, "add", key, spec);
        else if (made->second != spec)
            save_fdb_line(text, model, "replace", key, spec);
    }
}

}  // namespace weft
