#include "control/command/tables.hpp"

// A program, or a word of weft's own, of a later version.
#define WEFT_LATER(word) \
    { "unsupported " word, word " [ <REST:text> ... ]", "Not in this version.", Effect::show }

namespace weft::command {

std::span<const Spec> show_commands() {
    static constexpr Spec table[] = {
        {"show drops", "show drops [ <NAME:ifname> ]",
         "Counts the packets that were dropped, by interface and reason.", Effect::show},
        {"show runtime", "show runtime", "Shows what each stage costs each worker.", Effect::show},
        {"show workers", "show workers", "Lists the workers with their CPUs, load and queues.", Effect::show},
        {"show memory", "show memory", "Shows how much memory the tables use and hold.", Effect::show},
        {"show version", "show version", "Names the versions of weft and DPDK.", Effect::show},
        {"show graph", "show graph [ dot ]",
         "Shows the stages of the data plane and how packets go from one to the next, also for Graphviz.",
         Effect::show},
        {"show adjacency", "show adjacency",
         "Shows the next hops as workers have them, with their neighbours and groups.", Effect::show},
        {"show flows", "show flows { proto <PROTO:text> | src <SRC:prefix> | dst <DST:prefix> }*",
         "Shows tracked connections with what workers keep for the next packet of each direction: where it "
         "goes, "
         "by which rules, on what that rests, or why it has to ask the rules.",
         Effect::show},
        {"show nat blocks",
         "show nat blocks { inside <INSIDE:ip> | outside <OUTSIDE:ip> | port <PORT:uint:0..65535> }*",
         "Shows who has which outside ports by SNAT --port-block: the rules' blocks, a subscriber's, or "
         "whose "
         "an outside address and port are.",
         Effect::show},
        {"stop", "stop [ --keep ]", "Ends weftd; with --keep its TAPs stay for the next one.", Effect::act},
        WEFT_LATER("ebtables"),
        WEFT_LATER("ebtables-save"),
        WEFT_LATER("ebtables-restore"),
        WEFT_LATER("arptables"),
        WEFT_LATER("arptables-save"),
        WEFT_LATER("arptables-restore"),
        WEFT_LATER("xtables-legacy-multi"),
        WEFT_LATER("xtables-nft-multi"),
        WEFT_LATER("tc"),
        WEFT_LATER("tunctl"),
    };
    return table;
}

}  // namespace weft::command
