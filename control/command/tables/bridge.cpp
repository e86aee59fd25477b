#include "control/command/tables.hpp"

#define WEFT_FDB_ENTRY                                                                                      \
    "{ <MAC:mac> | dev! <DEVICE:ifname> | self | master | permanent|local | static|temp | dynamic | sticky" \
    " | vlan|vid <VLAN:vid> }+"
#define WEFT_VLAN_ENTRY \
    "{ dev! <DEVICE:ifname> | vid! <VID:vidrange> | pvid! | untagged! | self! | master! }+"

namespace weft::command {

std::span<const Spec> bridge_commands() {
    static constexpr Spec table[] = {
        {"bridge link set",
         "bridge link set|change { dev! <DEVICE:ifname:member> | state <STATE:text> | learning "
         "<LEARNING:onoff>"
         " | flood <FLOOD:onoff> | mcast_flood <MCAST_FLOOD:onoff> | bcast_flood <BCAST_FLOOD:onoff>"
         " | isolated <ISOLATED:onoff> | hairpin <HAIRPIN:onoff> | locked <LOCKED:onoff>"
         " | fdb_max_learned <PORT_FDB_MAX_LEARNED:uint> | master | self }+",
         "Sets flags, state and learn limit of a bridge member.", Effect::configure},
        {"bridge link show",
         "bridge link [ show|list|lst { dev! <DEVICE:ifname:member> | master! <MASTER:ifname:bridge> }* ]",
         "Lists the bridge members.", Effect::show},
        {"bridge fdb add", "bridge fdb add " WEFT_FDB_ENTRY, "Adds an entry to a bridge's forwarding table.",
         Effect::configure},
        {"bridge fdb append", "bridge fdb append " WEFT_FDB_ENTRY, "Adds or changes an entry.",
         Effect::configure},
        {"bridge fdb replace", "bridge fdb replace " WEFT_FDB_ENTRY, "Adds or changes an entry.",
         Effect::configure},
        {"bridge fdb del", "bridge fdb delete " WEFT_FDB_ENTRY, "Removes an entry.", Effect::configure},
        {"bridge fdb get",
         "bridge fdb get { to <MAC:mac> | <MAC:mac> | br! <BRIDGE:ifname:bridge> | brport|dev <DEVICE:ifname>"
         " | vlan|vid <VLAN:vid> | self | master | dynamic }+",
         "Shows one entry.", Effect::show},
        {"bridge fdb flush",
         "bridge fdb flush { dev! <DEVICE:ifname> | brport <PORT:ifname:member> | vlan|vid <VLAN:vid> | self "
         "| "
         "master"
         " | permanent | nopermanent | static | nostatic | dynamic | nodynamic }+",
         "Removes entries by bridge, port, VLAN and kind.", Effect::configure},
        {"bridge fdb show",
         "bridge fdb [ show|list|lst { br! <BRIDGE:ifname:bridge> | brport! <DEVICE:ifname:member> | dev! "
         "<DEVICE:ifname>"
         " | vlan|vid <VLAN:vid> | dynamic | state { permanent | static } }* ]",
         "Lists the forwarding table.", Effect::show},
        {"bridge vlan add", "bridge vlan add " WEFT_VLAN_ENTRY,
         "Makes a bridge member, or the bridge, part of VLANs.", Effect::configure},
        {"bridge vlan del", "bridge vlan delete " WEFT_VLAN_ENTRY, "Takes VLANs away.", Effect::configure},
        {"bridge vlan show", "bridge vlan [ show|list|lst { dev! <DEVICE:ifname> | vid! <VID:vid> }* ]",
         "Lists the VLANs of bridge members and bridges.", Effect::show},
        {"unsupported bridge vlan", "bridge vlan { set | tunnelshow | global } [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
        {"unsupported bridge", "bridge { mdb | monitor | vni } [ <REST:text> ... ]", "Not in this version.",
         Effect::show},
    };
    return table;
}

}  // namespace weft::command
