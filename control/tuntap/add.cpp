#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"
#include "control/tuntap/handlers.hpp"
#include "control/tuntap/words.hpp"

namespace weft {

Result<Reply> ip_tuntap_add(Session& session, const command::Match& match, const std::string&) {
    const auto typed = tuntap_name(match);
    if (!typed) return typed.error();
    if (!mode_given(match)) return exit_with(1, "You failed to specify a tunnel mode");
    auto port = tuntap_words(match);
    if (!port) return port.error();
    const std::string name = *typed ? (*typed)->value : free_tuntap_name(session.model, port->tun);
    if (session.model.find(name)) return exit_with(1, "ioctl(TUNSETIFF): Device or resource busy");
    add_link(session.model, name, tuntap_link(*port));
    return Reply{};
}

}  // namespace weft
