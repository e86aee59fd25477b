#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> observe_commands() {
    static constexpr Spec table[] = {
        {"tcpdump",
         "tcpdump { -i <IF:name> | -w <OUT:text> | -c <COUNT:uint:1..1000000000> | -s <SNAP:uint:0..262144>"
         " | --drops | -n | -e | -l | -U | -p | -q | -v }* [ <EXPR:text> ... ]",
         "Shows the frames of an interface, of a bridge's ports or of \"any\", or writes them as pcapng; "
         "with "
         "--drops those that were dropped, and why.",
         Effect::stream},
        {"monitor", "monitor",
         "Tells of links that come, go and change, and each second of what was dropped and why.",
         Effect::stream},
        {"top", "top { -d <SECONDS:uint:1..3600> | -n <COUNT:uint:1..1000000> }*",
         "Shows how busy workers and interfaces are, again and again.", Effect::stream},
        {"trace add", "trace add <IF:ifname> <COUNT:uint:1..10000>",
         "Follows the next packets that a port, veth end or sub-interface receives through every stage; ends "
         "the trace before.",
         Effect::act},
        {"trace show", "trace show",
         "Shows what each stage and each rule decided of the packets that were followed, and of the first "
         "256 that "
         "a TRACE rule matched.",
         Effect::show},
        {"trace clear", "trace clear",
         "Ends the trace and forgets it; packets that TRACE rules match are told of anew.", Effect::act},
        {"explain hex", "explain <IF:ifname> hex <BYTES:text>",
         "Tells what would become of this frame if a port, veth end or sub-interface received it, by which "
         "rules "
         "of iptables; nothing is sent, learned, tracked or counted.",
         Effect::show},
        {"explain pcap", "explain <IF:ifname> pcap <FILE:path>", "The same for each frame of a capture file.",
         Effect::client},
        {"explain",
         "explain <IF:ifname> [ eth <ESRC:mac> <EDST:mac> ] [ vlan <VID:vid> ]"
         " { ip <SRC:ip4> <DST:ip4> | ip6 <SRC6:ip6> <DST6:ip6> }"
         " [ { udp <SPORT:uint:0..65535> <DPORT:uint:0..65535>"
         " | tcp <SPORT:uint:0..65535> <DPORT:uint:0..65535> [ <FLAGS:word> ] | icmp <TYPE:uint:0..255> } ]"
         " { ttl <TTL:uint:0..255> | len <LEN:uint:20..9000> }*",
         "The same for a made-up packet; without eth it is addressed as its sender would: to a group's "
         "address, on a "
         "bridge's port to the neighbour that the bridge knows, else to the bridge or interface itself.",
         Effect::show},
    };
    return table;
}

}  // namespace weft::command
