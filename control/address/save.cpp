#include <fmt/format.h>

#include "control/address/words.hpp"
#include "control/config/file.hpp"
#include "control/model/lines.hpp"

namespace weft {

void save_addresses(std::string& text, const Model& model) {
    for (const auto& address : model.addresses) {
        // with a peer the length is the peer's
        text +=
            fmt::format("ip addr add {}", address.peer ? to_string(parsed(address), true) : address.address);
        if (address.peer) text += " peer " + *address.peer;
        if (address.broadcast) text += " brd " + *address.broadcast;
        if (address.scope) text += " scope " + *address.scope;
        if (address.label) text += " label " + config::quote(*address.label);
        if (address.nodad) text += " nodad";
        text += fmt::format(" dev {}\n", config::quote(address.device));
    }
}

}  // namespace weft
