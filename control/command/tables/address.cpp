#include "control/command/tables.hpp"

#define WEFT_ADDRESS                                                                                       \
    "{ local <LOCAL:prefix> | <LOCAL:prefix> | peer|remote <PEER:prefix> | broadcast|brd <BROADCAST:text>" \
    " | scope <SCOPE:text> | label <LABEL:text> | nodad | dev! <DEVICE:ifname> }*"

namespace weft::command {

std::span<const Spec> address_commands() {
    static constexpr Spec table[] = {
        {"ip addr add", "ip address add " WEFT_ADDRESS, "Adds an address to an interface's TAP.",
         Effect::configure},
        {"ip addr change", "ip address change|chg " WEFT_ADDRESS, "Changes an address, or adds it.",
         Effect::configure},
        {"ip addr replace", "ip address replace " WEFT_ADDRESS, "Changes an address, or adds it.",
         Effect::configure},
        {"ip addr del", "ip address delete " WEFT_ADDRESS, "Removes an address that weft wrote.",
         Effect::configure},
        {"ip addr flush",
         "ip address flush { dev! <DEVICE:ifname> | <DEVICE:ifname> | scope <SCOPE:text> | to <TO:prefix> }*",
         "Removes the addresses of an interface that weft wrote.", Effect::configure},
        {"ip addr show",
         "ip address [ show|list|lst { dev! <DEVICE:ifname> | <DEVICE:ifname> | scope <SCOPE:text>"
         " | to <TO:prefix> | up! | master! <MASTER:ifname:bridge>"
         " | type! { bridge! | vlan! | veth! | dummy! | tun! | bridge_slave! } }* ]",
         "Lists the addresses of weft's interfaces, whoever wrote them.", Effect::show},
        {"unsupported ip addr show",
         "ip address show|list|lst [ <A:text> [ <B:text> [ <C:text> [ <D:text> ] ] ] ] { group! | vrf! }"
         " [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
    };
    return table;
}

}  // namespace weft::command
