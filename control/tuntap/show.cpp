#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/link/edit.hpp"
#include "control/link/view.hpp"
#include "control/model/refusal.hpp"
#include "control/tuntap/handlers.hpp"
#include "control/tuntap/words.hpp"

namespace weft {

namespace {

/// print_flags: IFF_NOFILTER has the number of IFF_NO_PI.
std::vector<std::string> shown_flags(const TuntapPort& port) {
    auto flags = tuntap_flags(port);
    flags.emplace_back("persist");
    if (port.pi) flags.emplace_back("filter");
    return flags;
}

}  // namespace

Result<Reply> ip_tuntap_show(Session& session, const command::Match& match, const std::string&) {
    const auto typed = tuntap_name(match);
    if (!typed) return typed.error();
    const auto asked = tuntap_words(match);
    if (!asked) return asked.error();
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& view : view_links(session)) {
        const auto* port = tuntap_of(*view.link);
        if (!port || (*typed && (*typed)->value != view.name)) continue;
        if (mode_given(match) && asked->tun != port->tun) continue;
        const auto flags = shown_flags(*port);
        if (session.json) {
            Json json{{"ifname", view.name}, {"flags", flags}};
            if (port->user) json["user"] = *port->user;
            if (port->group) json["group"] = *port->group;
            reply.data->push_back(std::move(json));
            continue;
        }
        reply.text += fmt::format("{}: {}", view.name, fmt::join(flags, " "));
        if (port->user) reply.text += fmt::format(" user {}", *port->user);
        if (port->group) reply.text += fmt::format(" group {}", *port->group);
        reply.text += '\n';
    }
    return reply;
}

}  // namespace weft
