#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> brctl_commands() {
    static constexpr Spec table[] = {
        {"brctl addbr", "brctl addbr <BRIDGE:ifname:new>", "Makes a bridge.", Effect::configure},
        {"brctl delbr", "brctl delbr <BRIDGE:ifname:bridge>", "Removes a bridge that is down.",
         Effect::configure},
        {"brctl addif", "brctl addif <BRIDGE:ifname:bridge> <DEVICE:ifname> ...",
         "Makes interfaces members of a bridge.", Effect::configure},
        {"brctl delif", "brctl delif <BRIDGE:ifname:bridge> <DEVICE:ifname:member> ...",
         "Takes interfaces out of a bridge.", Effect::configure},
        {"brctl hairpin", "brctl hairpin <BRIDGE:ifname:bridge> <DEVICE:ifname:member> <SWITCH:text>",
         "Lets a member send frames back where they came from.", Effect::configure},
        {"brctl setageing", "brctl setageing <BRIDGE:ifname:bridge> <SECONDS:text>",
         "Sets after how many seconds an unseen address is forgotten.", Effect::configure},
        {"brctl stp", "brctl stp <BRIDGE:ifname:bridge> <SWITCH:text>",
         "Says that a spanning tree daemon is in charge.", Effect::configure},
        {"brctl show", "brctl show [ <BRIDGE:ifname:bridge> ... ]", "Lists bridges and their members.",
         Effect::show},
        {"brctl showmacs", "brctl showmacs <BRIDGE:ifname:bridge>", "Lists the addresses a bridge knows.",
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
