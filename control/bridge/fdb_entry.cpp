#include "control/bridge/fdb_entry.hpp"

#include "control/bridge/edit.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

Result<> read_kind(const command::Match& match, FdbWords& words) {
    const bool permanent = match.has("permanent"), stationary = match.has("static"),
               dynamic = match.has("dynamic");
    if (permanent + stationary + dynamic > 1)
        return bridge::refused("permanent, static and dynamic exclude each other");
    words.kind = stationary ? FdbWords::Kind::stationary
                 : dynamic  ? FdbWords::Kind::dynamic
                            : FdbWords::Kind::permanent;
    words.sticky = match.has("sticky");
    // br_fdb.c: an own address cannot move anyway
    if (words.sticky && words.kind == FdbWords::Kind::permanent) return bridge::kernel("Invalid argument");
    return {};
}

/// Whose table: `self`, the default, is the device's own, `master` its bridge's.
Result<> read_table(const Model& model, const command::Match& match, FdbWords& words) {
    const bool is_bridge = bridge_of(*model.find(words.device)) != nullptr;
    if (match.has("master")) {
        if (is_bridge || fdb_bridge(model, words.device).empty())
            return bridge::kernel("Operation not supported");
    } else if (!is_bridge) {
        return bridge::refused(fmt::format(
            "{} has no table of its own in this version: say master for that of its bridge", words.device));
    }
    words.bridge = fdb_bridge(model, words.device);
    if (is_bridge && words.kind != FdbWords::Kind::permanent) return bridge::kernel("Invalid argument");
    return {};
}

Result<> read_vlan(const Model& model, const command::Match& match, FdbWords& words) {
    const auto& vlans = *vlans_of(model, words.device);
    if (const auto* item = match.argument("VLAN")) {
        const auto vid = static_cast<std::uint16_t>(*command::parse_unsigned(item->value));
        if (!vlans.contains(vid)) return bridge::kernel("Invalid argument");
        words.vids = {vid};
        return {};
    }
    words.vids = {0};
    for (const auto& [vid, membership] : vlans)
        words.vids.push_back(vid);
    return {};
}

}  // namespace

Result<FdbWords> read_fdb_words(const Model& model, const command::Match& match) {
    const auto *device = match.argument("DEVICE"), *mac = match.argument("MAC");
    if (!device || !mac) return bridge::refused("Device and address are required arguments.");
    FdbWords words;
    words.mac = *parse_mac(mac->value);
    words.device = device->value;
    if (!model.find(words.device)) return bridge::no_device(*device);
    if (words.mac.is_zero()) return bridge::kernel("Invalid argument");
    if (auto read = read_kind(match, words); !read) return read.error();
    if (auto read = read_table(model, match, words); !read) return read.error();
    if (auto read = read_vlan(model, match, words); !read) return read.error();
    return words;
}

}  // namespace weft
