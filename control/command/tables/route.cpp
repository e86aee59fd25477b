#include "control/command/tables.hpp"

#define WEFT_ROUTE_TYPES                                                                              \
    "unicast! | local! | broadcast! | multicast! | throw! | unreachable! | prohibit! | blackhole! | " \
    "nat! | anycast!"

#define WEFT_GATEWAY "via! { inet! <VIA:text> | inet6! <VIA:text> | <VIA:text> }"

#define WEFT_METRIC(word, NAME) word " { lock! <" NAME ":uint> | <" NAME ":uint> }"

// A route, as far as weft obeys it. iproute2 takes "any" for the beginning of "anycast".
#define WEFT_ROUTE \
    "{ " WEFT_ROUTE_TYPES " | any! | to! <TO:destination> | <TO:destination> | " WEFT_GATEWAY                       \
    " | dev! <DEVICE:ifname> | oif! <DEVICE:ifname> | src <SRC:text> | metric|priority|preference <METRIC:text>"               \
    " | table <TABLE:text> | scope! <SCOPE:text> | nhid! <NHID:uint:1..4294967295> | onlink!"                \
    " | protocol <PROTOCOL:text> | tos|dsfield <TOS:text> | from <FROM:destination> | pref! <PREF:text> | " WEFT_METRIC("mtu!", "MTU") " | "                    \
    WEFT_METRIC("advmss", "ADVMSS") " | " WEFT_METRIC("hoplimit", "HOPLIMIT") " | "                          \
    WEFT_METRIC("window", "WINDOW") " | " WEFT_METRIC("initcwnd", "INITCWND") " | "                          \
    WEFT_METRIC("initrwnd", "INITRWND") " }+ [ nexthop! <NEXT:text> ... ]"

#define WEFT_ROUTE_SELECTOR                                                                           \
    "{ " WEFT_ROUTE_TYPES                                                                             \
    " | to! { root! <ROOT:destination> | match! <MATCH:destination>"                                  \
    " | exact! <EXACT:destination> | <TO:destination> } | root! <ROOT:destination>"                   \
    " | match! <MATCH:destination> | exact! <EXACT:destination> | <TO:destination> | via! <VIA:text>" \
    " | dev! <DEVICE:ifname> | oif! <DEVICE:ifname> | src <SRC:text> | metric|priority|preference "   \
    "<METRIC:text>"                                                                                   \
    " | table <TABLE:text> | scope! <SCOPE:text> | protocol <PROTOCOL:text> | type <TYPE:text> }"

namespace weft::command {

std::span<const Spec> route_commands() {
    static constexpr Spec table[] = {
        {"ip route show", "ip route [ list|show|lst " WEFT_ROUTE_SELECTOR "* ]",
         "Lists the kernel's routes, whoever wrote them.", Effect::show},
        {"ip route get",
         "ip route get { <TO:prefix> | to! <TO:prefix> | from <FROM:prefix> | iif! <IIF:ifname>"
         " | oif! <OIF:ifname> | dev! <OIF:ifname> | mark <MARK:uint:0..4294967295>"
         " | tos|dsfield <TOS:text> }*",
         "Asks the workers' own tables for the way of a packet.", Effect::show},
        {"ip route add", "ip route add " WEFT_ROUTE, "Adds a route.", Effect::configure},
        {"ip route change", "ip route change|chg " WEFT_ROUTE, "Changes a route that is there.",
         Effect::configure},
        {"ip route replace", "ip route replace " WEFT_ROUTE, "Changes a route, or adds it.",
         Effect::configure},
        {"ip route append", "ip route append " WEFT_ROUTE, "Adds a route after those of its prefix.",
         Effect::configure},
        {"ip route del", "ip route delete " WEFT_ROUTE, "Removes a route that weft wrote.",
         Effect::configure},
        {"ip route flush", "ip route flush " WEFT_ROUTE_SELECTOR "*",
         "Removes the routes that fit and that weft wrote.", Effect::configure},
        {"unsupported ip route",
         "ip route { prepend | test | save | restore | showdump } [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
    };
    return table;
}

std::span<const Spec> rule_commands() {
    static constexpr Spec table[] = {
        {"ip rule show",
         "ip rule [ list|show|lst { not | from <FROM:text> | to <TO:text>"
         " | priority|preference|order <PRIORITY:uint:0..4294967295> | table|lookup <TABLE:text>"
         " | iif! <IIF:ifname> | dev! <IIF:ifname> | fwmark <MARK:text> | tos|dsfield <TOS:text> | protocol "
         "<PROTOCOL:text> "
         "}*"
         " ]",
         "Lists the kernel's policy rules, whoever wrote them.", Effect::show},
#define WEFT_RULE                                                                                            \
    "{ not! | from <FROM:text> | to <TO:text> | priority|preference|order <PRIORITY:uint:0..4294967295>"     \
    " | tos|dsfield <TOS:text> | fwmark <MARK:text> | iif! <IIF:ifname> | dev! <IIF:ifname> | table|lookup " \
    "<TABLE:text>"                                                                                           \
    " | protocol <PROTOCOL:text> | type! { blackhole! | unreachable! | prohibit! | unicast! } | blackhole!"  \
    " | unreachable! | prohibit! | unicast! }"
        {"ip rule add", "ip rule add " WEFT_RULE "*", "Adds a policy rule.", Effect::configure},
        {"ip rule del", "ip rule delete " WEFT_RULE "*", "Removes a policy rule that weft wrote.",
         Effect::configure},
        {"ip rule flush", "ip rule flush [ protocol <PROTOCOL:text> ]",
         "Removes the policy rules that weft wrote.", Effect::configure},
        {"unsupported ip rule", "ip rule { save | restore } [ <REST:text> ... ]", "Not in this version.",
         Effect::show},
    };
    return table;
}

std::span<const Spec> neighbour_commands() {
    static constexpr Spec table[] = {
#define WEFT_NEIGHBOUR                                                                                     \
    "{ lladdr! <LLADDR:text> | nud! <NUD:text> | dev! <DEVICE:ifname> | router | managed! | extern_learn!" \
    " | to! <TO:ip> | <TO:ip> | protocol <PROTOCOL:text> }*"
        {"ip neigh add", "ip neighbor|neighbour add " WEFT_NEIGHBOUR,
         "Adds a neighbour that never ages, or that the kernel manages.", Effect::configure},
        {"ip neigh change", "ip neighbor|neighbour change|chg " WEFT_NEIGHBOUR,
         "Changes a neighbour that is there.", Effect::configure},
        {"ip neigh replace", "ip neighbor|neighbour replace " WEFT_NEIGHBOUR,
         "Changes a neighbour, or adds it.", Effect::configure},
        {"ip neigh del", "ip neighbor|neighbour delete " WEFT_NEIGHBOUR,
         "Forgets a neighbour, also one that was learned.", Effect::configure},
#define WEFT_NEIGHBOUR_SELECTOR                                                         \
    "{ dev! <DEVICE:ifname> | nud! <NUD:text> | unused | to! <TO:prefix> | <TO:prefix>" \
    " | protocol <PROTOCOL:text> }"
        {"ip neigh show", "ip neighbor|neighbour [ show|list|lst " WEFT_NEIGHBOUR_SELECTOR "* ]",
         "Lists the kernel's neighbours, whoever wrote them.", Effect::show},
        {"ip neigh flush", "ip neighbor|neighbour flush " WEFT_NEIGHBOUR_SELECTOR "*",
         "Forgets the neighbours that fit.", Effect::configure},
        {"unsupported ip neigh", "ip neighbor|neighbour get [ <REST:text> ... ]", "Not in this version.",
         Effect::show},
    };
    return table;
}

std::span<const Spec> nexthop_commands() {
    static constexpr Spec table[] = {
#define WEFT_NEXTHOP                                                                              \
    "{ id! <ID:uint:0..4294967295> | via! <VIA:ip> | dev! <DEVICE:ifname> | blackhole! | onlink!" \
    " | group! <GROUP:text> | type! mpath! | protocol <PROTOCOL:text> }*"
        {"ip nexthop add", "ip nexthop add " WEFT_NEXTHOP, "Adds a next hop that routes can name.",
         Effect::configure},
        {"ip nexthop replace", "ip nexthop replace " WEFT_NEXTHOP, "Changes a next hop, or adds it.",
         Effect::configure},
        {"ip nexthop del", "ip nexthop delete { id! <ID:uint:1..4294967295> }+",
         "Removes a next hop that weft wrote.", Effect::configure},
#define WEFT_NEXTHOP_SELECTOR \
    "{ dev! <DEVICE:ifname> | id! <ID:uint:1..4294967295> | groups|group | protocol <PROTOCOL:text> }*"
        {"ip nexthop show", "ip nexthop [ show|list|lst " WEFT_NEXTHOP_SELECTOR " ]",
         "Lists the kernel's next hops, whoever wrote them.", Effect::show},
        {"ip nexthop get", "ip nexthop get id! <ID:uint:1..4294967295>", "Shows one next hop.", Effect::show},
        {"ip nexthop flush", "ip nexthop flush " WEFT_NEXTHOP_SELECTOR,
         "Removes the next hops that fit and that weft wrote.", Effect::configure},
        {"unsupported ip nexthop", "ip nexthop bucket [ <REST:text> ... ]", "Not in this version.",
         Effect::show},
    };
    return table;
}

}  // namespace weft::command
