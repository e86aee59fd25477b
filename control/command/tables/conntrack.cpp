#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "control/command/tables.hpp"

// What is offered for a word, and then anything: the words are judged by control/flow, which reads them as
// getopt does.
#define WEFT_CONNTRACK_FILTERS                                                                              \
    "-f { ipv4 | ipv6 } | -p { tcp | udp | icmp | icmpv6 | sctp | udplite | dccp | gre | <PROTOCOL:text> }" \
    " | -s <SOURCE:text> | -d <DESTINATION:text> | -r <REPLYSOURCE:text> | -q <REPLYDESTINATION:text>"      \
    " | --sport <SPORT:text> | --dport <DPORT:text> | --state { SYN_SENT | SYN_RECV | ESTABLISHED"          \
    " | FIN_WAIT | CLOSE_WAIT | LAST_ACK | TIME_WAIT | CLOSE | <STATE:text> } | -m <MARK:text>"             \
    " | -u { ASSURED | SEEN_REPLY | UNREPLIED | <STATUS:text> } | -w <ZONE:text>"                           \
    " | -o { extended | id | ktimestamp | timestamp | <OUTPUT:text> }"

namespace weft::command {

namespace {

using std::string_view;

// Of conntrack 1.4.7 (getopt_long's string): those whose value may be the next word, and those that have it
// only in the same word.
constexpr string_view valued_options = "sdrqptueamifocbwl", attached_options = "LIUDGEFAngCj";
constexpr string_view changing_options = "DFIUA";
constexpr std::array<string_view, 5> changing_words{"delete", "flush", "create", "update", "add"};

/// Whether an option begins, or may begin, with one of these letters, or is a beginning of these names.
template <class Names>
bool asks_for(std::span<const std::string> words, string_view letters, const Names& names) {
    bool value = false;
    for (const auto& word : words.subspan(1)) {
        if (value || word.size() < 2 || word.front() != '-') {
            value = false;
            continue;
        }
        if (word[1] == '-') {
            const auto name = string_view(word).substr(2, word.find('=') - 2);
            if (!name.empty() && std::any_of(std::begin(names), std::end(names),
                                             [&](string_view one) { return one.starts_with(name); }))
                return true;
            continue;
        }
        for (std::size_t at = 1; at < word.size(); ++at) {
            if (letters.find(word[at]) != string_view::npos) return true;
            if (attached_options.find(word[at]) != string_view::npos) break;
            if (valued_options.find(word[at]) == string_view::npos) continue;
            value = at + 1 == word.size();
            break;
        }
    }
    return false;
}

/// In doubt a line changes something.
bool shows_connections(std::span<const std::string> words) {
    return !asks_for(words, changing_options, changing_words) &&
           !asks_for(words, "E", std::array<string_view, 1>{"event"});
}
bool follows_connections(std::span<const std::string> words) {
    return !asks_for(words, changing_options, changing_words);
}

}  // namespace

std::span<const Spec> conntrack_commands() {
    static constexpr Spec table[] = {
        {"conntrack show",
         "conntrack { -L | -G | -C | -S | " WEFT_CONNTRACK_FILTERS " }* [ <REST:text> ... ]",
         "Lists, looks for and counts tracked connections.", Effect::show, shows_connections},
        {"conntrack events",
         "conntrack { -E | -e { ALL | NEW | UPDATES | DESTROY | <EVENTS:text> } | " WEFT_CONNTRACK_FILTERS
         " }* [ <REST:text> ... ]",
         "Tells of connections that come, change and end.", Effect::stream, follows_connections},
        {"conntrack", "conntrack { -D | -F | " WEFT_CONNTRACK_FILTERS " }* [ <REST:text> ... ]",
         "Deletes tracked connections.", Effect::act},
    };
    return table;
}

}  // namespace weft::command
