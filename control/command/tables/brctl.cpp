#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> brctl_commands() {
    static constexpr Spec table[] = {
        {"brctl addbr", "brctl addbr <BRIDGE:ifname>", "Makes a bridge.", Effect::configure},
        {"brctl delbr", "brctl delbr <BRIDGE:ifname>", "Removes a bridge that is down.", Effect::configure},
        {"brctl addif", "brctl addif <BRIDGE:ifname> <DEVICE:ifname> ...",
         "Makes interfaces members of a bridge.", Effect::configure},
        {"brctl delif", "brctl delif <BRIDGE:ifname> <DEVICE:ifname> ...",
         "Takes interfaces out of a bridge.", Effect::configure},
        {"brctl hairpin", "brctl hairpin <BRIDGE:ifname> <DEVICE:ifname> <SWITCH:text>",
         "Lets a member send frames back where they came from.", Effect::configure},
        {"brctl setageing", "brctl setageing <BRIDGE:ifname> <SECONDS:text>",
         "Sets after how many seconds an unseen address is forgotten.", Effect::configure},
        {"brctl stp", "brctl stp <BRIDGE:ifname> <SWITCH:text>",
         "Says that a spanning tree daemon is in charge.", Effect::configure},
        {"brctl show", "brctl show [ <BRIDGE:ifname> ... ]", "Lists bridges and their members.",
         Effect::show},
        {"brctl showmacs", "brctl showmacs <BRIDGE:ifname>", "Lists the addresses a bridge knows.",
         Effect::show},
        {"unsupported brctl",
         "brctl { setbridgeprio | setfd | sethello | setmaxage | setpathcost | setportprio | setgcint | "
         "showstp }"
         " [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
    };
    return table;
}

}  // namespace weft::command
