#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "control/command/tables.hpp"

// What is offered for a word, and then anything: the words are judged by control/hook, which reads them as
// getopt does.
#define WEFT_TABLES "{ filter | mangle | raw | security | nat | <TABLE:text> }"
#define WEFT_CHAINS "{ INPUT | FORWARD | OUTPUT | PREROUTING | POSTROUTING | <CHAIN:word> }"
#define WEFT_TARGETS                                                                       \
    "{ ACCEPT | DROP | RETURN | REJECT | LOG | MARK | CONNMARK | CT | NOTRACK | TCPMSS | " \
    "<TARGET:text> }"
#define WEFT_MATCHES                                                                                     \
    "{ addrtype | comment | connmark | conntrack | iprange | length | limit | mac | mark | multiport | " \
    "physdev | pkttype | recent | set | state | tcp | udp | <MATCH:text> }"

#define WEFT_IPTABLES_LIST(program)                                                     \
    program " { -t " WEFT_TABLES " | -n | -v | -x | --line-numbers | -L [ " WEFT_CHAINS \
            " ] | -S [ " WEFT_CHAINS " ] | -C " WEFT_CHAINS " }* [ <RULE:text> ... ]"
#define WEFT_IPTABLES(program)                                                                               \
    program " { -t " WEFT_TABLES " | -v | -A " WEFT_CHAINS " | -I " WEFT_CHAINS                              \
            " [ <NUMBER:uint:1..2147483647> ] | -D " WEFT_CHAINS " | -R " WEFT_CHAINS " | -F [ " WEFT_CHAINS \
            " ] | -Z [ " WEFT_CHAINS                                                                         \
            " ] | -N <NEW:word> | -X [ <USER:word> ]"                                                        \
            " | -E <OLD:word> <NAME:word> | -P " WEFT_CHAINS                                                 \
            " { ACCEPT | DROP | <POLICY:text> }"                                                             \
            " | -p { tcp | udp | icmp | ipv6-icmp | all | <PROTOCOL:text> } | -s <SOURCE:text>"              \
            " | -d <DESTINATION:text> | -i <IN:ifname> | -o <OUT:ifname> | -j " WEFT_TARGETS                 \
            " | -m " WEFT_MATCHES " }* [ <RULE:text> ... ]"
#define WEFT_SAVE(program) \
    program " { -c | --counters | -t " WEFT_TABLES " | --table " WEFT_TABLES " }* [ <REST:text> ... ]"
#define WEFT_RESTORE(program)                                                                      \
    program " { -c | --counters | -n | --noflush | -v | --verbose | -t | --test | -T " WEFT_TABLES \
            " | --table " WEFT_TABLES " }* [ <REST:text> ... ]"

namespace weft::command {

namespace {

using std::string_view;

// Of iptables 1.8.9 (iptables.c, getopt_long's string): those whose value may stand in the next word.
constexpr string_view with_value = "ACDRISLMFZNXEPopsdjiWtmcgw";
constexpr string_view optional_value = "LSFZXw";  // and those that take the next word only if it is no option
constexpr string_view changing = "ADRIFZNXEP";

/// Of the actions that change something; any prefix of them may be typed.
constexpr std::array<string_view, 10> changing_names{"append",       "delete",      "insert",    "replace",
                                                     "flush",        "zero",        "new-chain", "policy",
                                                     "delete-chain", "rename-chain"};

bool may_mean(string_view word, string_view name) {
    return !word.empty() && name.starts_with(word);
}

bool changes(string_view word, bool& takes_next) {
    takes_next = false;
    if (word.size() < 2 || word.front() != '-') return false;
    if (word[1] == '-')
        return std::any_of(changing_names.begin(), changing_names.end(), [&](string_view name) {
            return may_mean(word.substr(2, word.find('=') - 2), name);
        });
    for (std::size_t at = 1; at < word.size(); ++at) {
        if (changing.find(word[at]) != string_view::npos) return true;
        if (with_value.find(word[at]) == string_view::npos) continue;
        takes_next = at + 1 == word.size() && optional_value.find(word[at]) == string_view::npos;
        return false;
    }
    return false;
}

/// -L, -S, -C and what only asks the program about itself. In doubt a line changes something.
bool only_reads(std::span<const std::string> words) {
    bool value = false;
    for (const auto& word : words.subspan(1)) {
        const bool is_value = std::exchange(value, false);
        if (!is_value && changes(word, value)) return false;
    }
    return true;
}

}  // namespace

std::span<const Spec> hook_commands() {
    static constexpr Spec table[] = {
        {"iptables list", WEFT_IPTABLES_LIST("iptables"), "Lists or looks for rules of IPv4.", Effect::show,
         only_reads},
        {"iptables", WEFT_IPTABLES("iptables"), "Adds, changes and deletes rules and chains of IPv4.",
         Effect::configure},
        {"iptables-save", WEFT_SAVE("iptables-save"),
         "Prints the rules of IPv4 as iptables-restore takes them.", Effect::show},
        {"iptables-restore", WEFT_RESTORE("iptables-restore"),
         "Takes tables of rules of IPv4 from a file, all or none.", Effect::configure},
        {"ip6tables list", WEFT_IPTABLES_LIST("ip6tables"), "Lists or looks for rules of IPv6.", Effect::show,
         only_reads},
        {"ip6tables", WEFT_IPTABLES("ip6tables"), "Adds, changes and deletes rules and chains of IPv6.",
         Effect::configure},
        {"ip6tables-save", WEFT_SAVE("ip6tables-save"),
         "Prints the rules of IPv6 as ip6tables-restore takes them.", Effect::show},
        {"ip6tables-restore", WEFT_RESTORE("ip6tables-restore"),
         "Takes tables of rules of IPv6 from a file, all or none.", Effect::configure},
    };
    return table;
}

}  // namespace weft::command
