#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"
#include "control/tuntap/handlers.hpp"
#include "control/tuntap/words.hpp"

namespace weft {

Result<Reply> ip_tuntap_del(Session& session, const command::Match& match, const std::string&) {
    const auto typed = tuntap_name(match);
    if (!typed) return typed.error();
    if (!mode_given(match)) return exit_with(1, "You failed to specify a tunnel mode");
    const auto port = tuntap_words(match);
    if (!port) return port.error();
    const auto* link = *typed ? session.model.find((*typed)->value) : nullptr;
    if (!link) return Reply{};  // tun_set_iff makes one, and it goes with the descriptor
    const auto* there = tuntap_of(*link);
    if (!there || there->tun != port->tun || there->multi_queue != port->multi_queue)
        return exit_with(1, "ioctl(TUNSETIFF): Invalid argument");
    remove_link(session.model, (*typed)->value);
    return Reply{};
}

}  // namespace weft
