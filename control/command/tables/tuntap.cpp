#include "control/command/tables.hpp"

#define WEFT_TUNTAP(kind)                                                                           \
    "{ dev <NAME:ifname:" kind "> | name <NAME:ifname:" kind "> | <NAME:ifname:" kind               \
    "> | mode { tun | tap } | user <USER:text> | group <GROUP:text> | one_queue | pi | vnet_hdr | " \
    "multi_queue }*"

namespace weft::command {

std::span<const Spec> tuntap_commands() {
    static constexpr Spec table[] = {
        {"ip tuntap add", "ip tuntap|tap add " WEFT_TUNTAP("new"),
         "Makes a TUN or TAP device for a program that opens /dev/net/tun with its name.", Effect::configure},
        {"ip tuntap del", "ip tuntap|tap delete " WEFT_TUNTAP("tuntap"), "Removes a TUN or TAP device.",
         Effect::configure},
        {"ip tuntap show", "ip tuntap|tap [ show|list|lst " WEFT_TUNTAP("tuntap") " ]",
         "Lists the TUN and TAP devices for programs.", Effect::show},
        {"tunctl add",
         "tunctl [ { -t <NAME:ifname:new> | -u <USER:text> | -g <GROUP:text> | -n | -p | -b }+ ]",
         "Makes a TAP device for a program, with -n a TUN device.", Effect::configure},
        {"tunctl del", "tunctl { -d <NAME:ifname:tuntap> | -b }+", "Removes a TUN or TAP device.",
         Effect::configure},
        {"unsupported tunctl", "tunctl -f [ <REST:text> ... ]", "Not in this version.", Effect::show},
    };
    return table;
}

}  // namespace weft::command
