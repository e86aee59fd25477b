#include "control/command/tables.hpp"

// Options of a bridge, as `ip link add|set … type bridge` takes them.
#define WEFT_BRIDGE_OPTIONS                                                                        \
    "vlan_filtering <VLAN_FILTERING:bool01> | vlan_protocol <VLAN_PROTOCOL:vlanproto>"             \
    " | vlan_default_pvid <VLAN_DEFAULT_PVID:uint:0..4094> | ageing_time <AGEING_TIME:uint>"       \
    " | fdb_max_learned <FDB_MAX_LEARNED:uint> | group_fwd_mask <GROUP_FWD_MASK:mask>"             \
    " | stp_state <STP_STATE:bool01> | mcast_snooping <MCAST_SNOOPING:bool01>"                     \
    " | nf_call_iptables <NF_CALL_IPTABLES:bool01> | nf_call_ip6tables <NF_CALL_IP6TABLES:bool01>" \
    " | nf_call_arptables <NF_CALL_ARPTABLES:bool01>"

// Flags of a bridge member, as `ip link set … type bridge_slave` takes them.
#define WEFT_MEMBER_OPTIONS                                                                                  \
    "state <STATE:uint:0..4> | learning <LEARNING:onoff01> | flood <FLOOD:onoff01>"                          \
    " | mcast_flood <MCAST_FLOOD:onoff01> | bcast_flood <BCAST_FLOOD:onoff01> | isolated <ISOLATED:onoff01>" \
    " | hairpin <HAIRPIN:onoff01> | locked <LOCKED:onoff01> | fdb_max_learned <PORT_FDB_MAX_LEARNED:uint>"

// What any new link may be given before its type, and a veth end behind `peer`.
#define WEFT_NEW_LINK                                                                              \
    "name! <NAME:ifname:new> | dev! <NAME:ifname:new> | <NAME:ifname:new> | up! | mtu! <MTU:uint>" \
    " | address <ADDRESS:mac>"

namespace weft::command {

std::span<const Spec> link_commands() {
    static constexpr Spec table[] = {
        // `ip l s` is show where nothing is set: iproute2 tries set first
        {"ip link add bridge",
         "ip link add { " WEFT_NEW_LINK " }+ type! bridge! { up! | " WEFT_BRIDGE_OPTIONS " }*",
         "Makes a bridge.", Effect::configure},
        {"ip link add vlan",
         "ip link add { link <LINK:ifname> | " WEFT_NEW_LINK
         " }+ type! vlan! { up! | protocol <PROTOCOL:vlanproto> | id <ID:uint> }+",
         "Makes a VLAN sub-interface of another interface.", Effect::configure},
        {"ip link add veth", "ip link add { " WEFT_NEW_LINK " }+ type! veth! [ peer { " WEFT_NEW_LINK " }* ]",
         "Makes a pair of interfaces: what leaves by one end arrives at the other.", Effect::configure},
        {"ip link add dummy", "ip link add { " WEFT_NEW_LINK " }+ type! dummy!",
         "Makes an interface that swallows what it is sent.", Effect::configure},
        {"unsupported ip link add",
         "ip link add [ <DEVICE:text> [ <PEER:text> [ <OTHER:text> [ <LAST:text> ] ] ] ] type! { bond! | "
         "gre! | gretap! | geneve! | ifb! | ip6gre! | ip6gretap! | ip6tnl! | ipip! | ipvlan! | "
         "ipvtap!"
         " | macsec! | macvlan! | macvtap! | nlmon! | sit! | team! | tun! | vrf! | vti! | vxlan! | xfrm! }"
         " [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
        {"ip link set",
         "ip link set|change { dev! <NAME:ifname> | <NAME:ifname> | up! | down! | mtu! <MTU:uint>"
         " | address <ADDRESS:mac> | master! <MASTER:ifname:bridge> | nomaster!"
         " | type! { bridge! { fdb_flush | " WEFT_BRIDGE_OPTIONS
         " }+ | bridge_slave! { fdb_flush | " WEFT_MEMBER_OPTIONS " }+ } }*",
         "Changes an interface: up, down, MTU, address, bridge membership and their options.",
         Effect::configure},
        {"unsupported ip link set",
         "ip link set|change <A:text> [ <B:text> [ <C:text> [ <D:text> [ <E:text> ] ] ] ]"
         " { arp! | dynamic! | multicast! | allmulticast! | promisc! | trailers! | carrier!"
         " | txqueuelen! | txqlen! | qlen! | name! | alias! | group! | vrf! | netns! | link-netns! | "
         "link-netnsid!"
         " | broadcast! | brd! | peer! | vf! | xdp! | xdpgeneric! | xdpdrv! | xdpoffload! | addrgenmode!"
         " | protodown! | protodown_reason! | gso_max_size! | gso_max_segs! | gro_max_size! | mode! | state!"
         " | index! | numtxqueues! | numrxqueues! } [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
        {"unsupported ip link set group", "ip link set|change group! <GROUP:text> [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
        {"ip link del",
         "ip link delete [ { dev! <NAME:ifname> | <NAME:ifname> } ] [ type! { bridge! | vlan! | veth!"
         " | dummy! | tun! } ]",
         "Removes a bridge, a VLAN sub-interface, a dummy, a TUN or TAP device or both ends of a veth pair.",
         Effect::configure},
        {"ip link show",
         "ip link [ show|list|lst { dev! <NAME:ifname> | <NAME:ifname> | up! | master! <MASTER:ifname:bridge>"
         " | type! { bridge! | vlan! | veth! | dummy! | tun! | bridge_slave! } }* ]",
         "Lists the interfaces.", Effect::show},
        {"unsupported ip link show",
         "ip link show|list|lst [ <A:text> [ <B:text> [ <C:text> [ <D:text> ] ] ] ] { group! | vrf! }"
         " [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
        {"unsupported ip",
         "ip { tunnel | maddress | mroute | mrule"
         " | netns | xfrm | vrf | l2tp | macsec | token | tcp_metrics | netconf | mptcp | sr | monitor }"
         " [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
    };
    return table;
}

}  // namespace weft::command
