#include "control/link/edit.hpp"
#include "control/link/handlers.hpp"
#include "control/model/refusal.hpp"

namespace weft {

Result<Reply> ip_link_del(Session& session, const command::Match& match, const std::string&) {
    const auto* name = match.argument("NAME");
    if (!name) return exit_with(255, "Not enough information: \"dev\" argument is required.");
    const auto* link = session.model.find(name->value);
    if (!link) return ip::no_device(*name);
    if (port_of(*link) && !tuntap_of(*link))
        return ip::kernel(fmt::format("Operation not supported ({0} is a port: port del {0})", name->value));
    remove_link(session.model, name->value);
    return Reply{};
}

}  // namespace weft
