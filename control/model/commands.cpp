#include "control/model/commands.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "control/model/unsupported.hpp"

namespace weft {

namespace {

using Table = std::unordered_map<std::string_view, const Handler*>;

Table collect() {
    Table table;
    for (const auto handlers : {port_handlers(), link_handlers(), bridge_handlers(), brctl_handlers(),
                                address_handlers(), route_handlers(), sysctl_handlers(), ethtool_handlers(),
                                show_handlers(), tuntap_handlers(), observe_handlers(), hook_handlers(),
                                conntrack_handlers(), set_handlers(), configuration_handlers()})
        for (const Handler& handler : handlers)
            table.emplace(handler.name, &handler);
    return table;
}

}  // namespace

Result<Reply> run(Session& session, const command::Match& match, const std::string& input) {
    if (is_unsupported(*match.spec)) return unsupported(match);
    static const Table table = collect();
    const auto handler = table.find(match.spec->name);
    if (handler == table.end()) return refuse(fmt::format("{} is not carried out here", match.spec->name));
    const bool reads = match.spec->effect != command::Effect::configure;
    if (reads && !session.live && match.spec->effect != command::Effect::client)
        return refuse(fmt::format("{} needs a running weftd", match.spec->name));
    session.json |= match.json;
    return handler->second->run(session, match, input);
}

}  // namespace weft
