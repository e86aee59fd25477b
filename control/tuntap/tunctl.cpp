// `tunctl` in the words of uml-utilities.
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"
#include "control/tuntap/handlers.hpp"
#include "control/tuntap/words.hpp"

namespace weft {

Result<Reply> tunctl_add(Session& session, const command::Match& match, const std::string&) {
    TuntapPort port;
    port.tun = match.has("-n");
    if (port.tun && match.has("-p")) return exit_with(1, "tunctl: -n and -p exclude each other");
    if (const auto* item = match.argument("USER")) {
        port.user = user_number(item->value);
        if (!port.user) return exit_with(1, fmt::format("'{}' is not a valid username or uid.", item->value));
    }
    if (const auto* item = match.argument("GROUP")) {
        port.group = group_number(item->value);
        if (!port.group)
            return exit_with(1, fmt::format("'{}' is not a valid group name or gid.", item->value));
    }
    if (!port.user && !port.group) port.user = 0;  // geteuid() of who may do this
    const auto* typed = match.argument("NAME");
    const std::string name = typed ? typed->value : free_tuntap_name(session.model, port.tun);
    if (const auto* link = session.model.find(name)) {
        // opens the one that is there, and gives it these owners
        const auto* there = tuntap_of(*link);
        if (!there) return exit_with(1, "TUNSETIFF: Device or resource busy");
        if (there->tun != port.tun || there->multi_queue) return exit_with(1, "TUNSETIFF: Invalid argument");
        auto& kind = std::get<TuntapPort>(std::get<PortSpec>(session.model.links.at(name).kind).kind);
        if (port.user) kind.user = port.user;
        if (port.group) kind.group = port.group;
    } else {
        add_link(session.model, name, tuntap_link(port));
    }
    if (match.has("-b")) return Reply{.text = name + "\n"};
    std::string text = fmt::format("Set '{}' persistent and owned by", name);
    if (port.user) text += fmt::format(" uid {}", *port.user);
    if (port.group) text += fmt::format(" gid {}", *port.group);
    return Reply{.text = text + "\n"};
}

Result<Reply> tunctl_del(Session& session, const command::Match& match, const std::string&) {
    const auto* typed = match.argument("NAME");
    if (!typed) return exit_with(1, "tunctl: -d needs a device");
    const auto* link = session.model.find(typed->value);
    if (link && !tuntap_of(*link)) return exit_with(1, "TUNSETIFF: Device or resource busy");
    if (link && (is_tun(*link) || tuntap_of(*link)->multi_queue))  // it opens them as a plain TAP
        return exit_with(1, "TUNSETIFF: Invalid argument");
    if (link) remove_link(session.model, typed->value);
    return Reply{.text = fmt::format("Set '{}' nonpersistent\n", typed->value)};
}

}  // namespace weft
