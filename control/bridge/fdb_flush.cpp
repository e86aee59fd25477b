#include "control/bridge/edit.hpp"
#include "control/bridge/handlers.hpp"
#include "control/command/types.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// Which kinds of entries go: all that what was typed is true of. For Linux a permanent entry is a static one
/// too. Our own addresses never go: a bridge that forgot them would be deaf.
struct Kinds {
    bool dynamic = true, stationary = true, permanent = true;
};

Kinds read_kinds(const command::Match& match) {
    Kinds kinds;
    const bool only_dynamic = match.has("dynamic") || match.has("nostatic");
    const bool only_static = match.has("static") || match.has("nodynamic");
    if (only_static || match.has("permanent")) kinds.dynamic = false;
    if (only_dynamic || match.has("permanent")) kinds.stationary = false;
    if (only_dynamic || match.has("nopermanent")) kinds.permanent = false;
    return kinds;
}

}  // namespace

Result<Reply> bridge_fdb_flush(Session& session, const command::Match& match, const std::string&) {
    if (!session.live)
        return bridge::refused("bridge fdb flush changes running state: it cannot stand in a file");
    auto& model = session.model;
    const auto* device = match.argument("DEVICE");
    if (!device) return bridge::refused("Device is a required argument.");
    const auto* link = model.find(device->value);
    if (!link) return bridge::no_device(*device);
    const auto table = fdb_bridge(model, device->value);
    if (table.empty() || (!bridge_of(*link) && !match.has("master")))
        return bridge::kernel("Operation not supported");
    std::string port = bridge_of(*link) ? std::string{} : device->value;
    if (const auto* item = match.argument("PORT")) {
        const auto* member = model.find(item->value);
        if (!member) return bridge::no_device(*item);
        if (fdb_bridge(model, item->value) != table) return bridge::kernel("Invalid argument");
        port = item->value;
    }
    std::optional<std::uint16_t> vid;
    if (const auto* item = match.argument("VLAN"))
        vid = static_cast<std::uint16_t>(*command::parse_unsigned(item->value));
    const auto kinds = read_kinds(match);
    if (kinds.dynamic) session.live->flush_fdb(table, port, vid);
    std::erase_if(model.fdb, [&](const auto& entry) {
        const auto& [key, spec] = entry;
        const bool kind = spec.kind == FdbSpec::Kind::permanent ? kinds.permanent : kinds.stationary;
        return kind && (port.empty() ? fdb_bridge(model, key.device) == table : key.device == port) &&
               (!vid || key.vid == *vid);
    });
    return Reply{};
}

}  // namespace weft
