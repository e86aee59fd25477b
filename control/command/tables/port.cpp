#include "control/command/tables.hpp"

// What every kind of port may be given behind its own words.
#define WEFT_PORT_OPTIONS                                                              \
    "up | rxq <RXQ:uint:1..1024> | txq <TXQ:uint:1..1024> | desc <DESC:uint:1..65535>" \
    " | mtu <MTU:uint:68..65535> | mac <MAC:mac>"

namespace weft::command {

std::span<const Spec> port_commands() {
    static constexpr Spec table[] = {
        {"port add devargs",
         "port add <NAME:ifname:new> [ up ] devargs <DEVARGS:text> { " WEFT_PORT_OPTIONS " }*",
         "Makes a port of a DPDK device, named by its PCI address or as a virtual device.",
         Effect::configure},
        {"port add af_packet",
         "port add <NAME:ifname:new> [ up ] type af_packet dev <DEVICE:ifname:foreign> { " WEFT_PORT_OPTIONS
         " }*",
         "Makes a port of a kernel device and takes it from the kernel's stack.", Effect::configure},
        {"port add tap",
         "port add <NAME:ifname:new> [ up ] type tap { dev <DEVICE:ifname:foreign> | netns <NETNS:path> "
         "| " WEFT_PORT_OPTIONS " }*",
         "Makes a port whose far end is a new kernel device for a host or container.", Effect::configure},
        {"port add pcap",
         "port add <NAME:ifname:new> [ up ] type pcap { rx <RX:path> | tx <TX:path> | infinite "
         "| " WEFT_PORT_OPTIONS " }+",
         "Makes a port that receives from one capture file and sends to another.", Effect::configure},
        {"port add null", "port add <NAME:ifname:new> [ up ] type null { " WEFT_PORT_OPTIONS " }*",
         "Makes a port that receives nothing and counts what it is sent.", Effect::configure},
        {"port add gen",
         "port add <NAME:ifname:new> [ up ] type gen { size <SIZE:uint:64..9022> | flows "
         "<FLOWS:uint:1..16777216>"
         " | rate <RATE:uint:0..18446744073709551615> | count <COUNT:uint:0..18446744073709551615>"
         " | src <SRC:mac> | dst <DST:mac> | vlan <VLAN:vid> | " WEFT_PORT_OPTIONS " }*",
         "Makes a port that generates frames, for benchmarks and tests.", Effect::configure},
        {"port add vhost-user",
         "port add <NAME:ifname:new> [ up ] type vhost-user path <PATH:path> [ { client | server } ]"
         " { queues <QUEUES:uint:1..64> | up | txq <TXQ:uint:1..64> | mtu <MTU:uint:68..65535>"
         " | mac <MAC:mac> }*",
         "Makes a port of a virtual machine that shares its memory by a socket; weft connects to it, again "
         "whenever it is gone, or is the server.",
         Effect::configure},
        {"port add memif",
         "port add <NAME:ifname:new> [ up ] type memif path <PATH:path> { role { server | client } "
         "| id <ID:uint:0..4294967295> | " WEFT_PORT_OPTIONS " }*",
         "Makes a port of memory shared with another process; a server (the default) listens on the path, a "
         "client connects to it.",
         Effect::configure},
        {"port add af_xdp",
         "port add <NAME:ifname:new> [ up ] type af_xdp dev <DEVICE:ifname:foreign> { " WEFT_PORT_OPTIONS
         " }*",
         "Makes a port of a kernel device by AF_XDP sockets and takes it from the kernel's stack.",
         Effect::configure},
        {"port set", "port set <NAME:ifname:port> rxq <RXQ:uint:0..1023> worker <CPU:cpu>",
         "Has the worker on this CPU poll a receive queue.", Effect::configure},
        {"port del", "port del <NAME:ifname:port>",
         "Removes a port and its sub-interfaces and gives its device back.", Effect::configure},
        {"port show", "port show [ <NAME:ifname:port> ]", "Lists the ports with their devices.",
         Effect::show},
    };
    return table;
}

}  // namespace weft::command
