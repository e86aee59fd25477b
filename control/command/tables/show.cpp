#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> show_commands() {
    static constexpr Spec table[] = {
        {"show drops", "show drops [ <NAME:ifname> ]", "Counts the packets that were dropped, by interface and reason.",
         Effect::show},
        {"show runtime", "show runtime", "Shows what each stage costs each worker.", Effect::show},
        {"show workers", "show workers", "Lists the workers with their CPUs, load and queues.", Effect::show},
        {"show memory", "show memory", "Shows how much memory the tables use and hold.", Effect::show},
        {"show version", "show version", "Names the versions of weft and DPDK.", Effect::show},
        {"unsupported show", "show { graph | flows | adjacency } [ <REST:text> ... ]", "Not in this version.",
         Effect::show},
        {"stop", "stop [ --keep ]", "Ends weftd; with --keep its TAPs stay for the next one.", Effect::act},
        {"unsupported",
         "{ iptables | iptables-save | iptables-restore | ip6tables | ip6tables-save | ip6tables-restore | ebtables"
         " | ebtables-save | ebtables-restore | arptables | arptables-save | arptables-restore"
         " | xtables-legacy-multi | xtables-nft-multi | ipset | conntrack | tc | tcpdump | tunctl | trace | explain"
         " | top | monitor } [ <REST:text> ... ]",
         "Not in this version.", Effect::show},
    };
    return table;
}

}  // namespace weft::command
