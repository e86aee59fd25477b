#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "control/command/tables.hpp"

// What is offered for a word, and then anything: the words are judged by control/set, which reads them as
// ipset does.
#define WEFT_SET_OPTIONS "-o { plain | save | <MODE:text> } | -exist | -quiet | -name | -terse | -sorted"
#define WEFT_CREATE                                                                                \
    "create <NEW:word> { hash:ip | hash:net | <TYPE:text> } | family { inet | inet6 } | hashsize " \
    "<SIZE:text> | maxelem <MOST:text> | netmask <LENGTH:text> | timeout <SECONDS:text> | counters"

namespace weft::command {

namespace {

using std::string_view;

constexpr std::array<string_view, 2> with_value{"-o", "-output"}, with_file{"-f", "-file"};

bool begins_name(string_view word, string_view name) {
    return !word.empty() && name.starts_with(word);
}

/// In the order in which ipset compares names: it decides what an abbreviation means.
bool action_reads(string_view word) {
    if (word.starts_with("--")) word.remove_prefix(2);
    for (const string_view name : {"create", "new", "-N", "add", "-A", "del", "-D"})
        if (begins_name(word, name)) return false;
    if (begins_name(word, "test") || begins_name(word, "-T")) return true;
    for (const string_view name : {"destroy", "x", "-X"})
        if (begins_name(word, name)) return false;
    for (const string_view name : {"list", "-L", "save", "-S"})
        if (begins_name(word, name)) return true;
    for (const string_view name : {"restore", "-R", "flush", "-F", "rename", "e", "-E", "swap", "w", "-W"})
        if (begins_name(word, name)) return false;
    return true;  // help, version, and what is refused
}

/// list, save, test and what only asks the program about itself.
bool ipset_only_reads(std::span<const std::string> words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        string_view word = words[i];
        if (word.starts_with("--")) word.remove_prefix(1);
        const auto is = [&](string_view name) { return name == word; };
        if (std::any_of(with_value.begin(), with_value.end(), is) ||
            std::any_of(with_file.begin(), with_file.end(), is)) {
            ++i;
            continue;
        }
        const auto options = {"-s", "-sorted", "-q", "-quiet", "-r", "-resolve",
                              "-!", "-exist",  "-n", "-name",  "-t", "-terse"};
        if (std::none_of(options.begin(), options.end(), is)) return action_reads(words[i]);
    }
    return true;
}

}  // namespace

std::span<const Spec> set_commands() {
    static constexpr Spec table[] = {
        {"ipset list",
         "ipset { " WEFT_SET_OPTIONS
         " | list | save | test <SET:word> | version | help }* [ <REST:text> ... ]",
         "Lists sets of addresses and networks, or looks for an element.", Effect::show, ipset_only_reads},
        {"ipset",
         "ipset { " WEFT_SET_OPTIONS " | " WEFT_CREATE
         " | add <SET:word> | del <SET:word> | destroy | restore | flush | rename <SET:word> <NAME:word>"
         " | swap <SET:word> <OTHER:word> }* [ <REST:text> ... ]",
         "Adds, changes and deletes sets of addresses and networks, which rules name.", Effect::configure},
    };
    return table;
}

}  // namespace weft::command
