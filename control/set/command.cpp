// ipset 7.17, lib/ipset.c, ipset_parser().
#include "control/set/command.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "control/set/refusal.hpp"

namespace weft::ipset {

namespace {

using std::string_view;
using Words = std::vector<std::string>;

struct Name {
    Action action;
    std::array<string_view, 3> names;
    unsigned arguments;  ///< that must follow
    bool takes_one;      ///< a name may follow
};
constexpr Name actions[] = {
    {Action::create, {"create", "new", "-N"}, 2, true},
    {Action::add, {"add", "-A", ""}, 2, true},
    {Action::del, {"del", "-D", ""}, 2, true},
    {Action::test, {"test", "-T", ""}, 2, true},
    {Action::destroy, {"destroy", "x", "-X"}, 0, true},
    {Action::list, {"list", "-L", ""}, 0, true},
    {Action::save, {"save", "-S", ""}, 0, true},
    {Action::restore, {"restore", "-R", ""}, 0, false},
    {Action::flush, {"flush", "-F", ""}, 0, true},
    {Action::rename, {"rename", "e", "-E"}, 2, true},
    {Action::swap, {"swap", "w", "-W"}, 2, true},
    {Action::help, {"help", "-h", "-H"}, 0, true},
    {Action::version, {"version", "-v", "-V"}, 0, false},
    {Action::quit, {"quit", "", ""}, 0, false},
};

/// Any beginning of a name will do, after two dashes too.
bool may_mean(string_view word, const Name& name) {
    if (word.starts_with("--")) word.remove_prefix(2);
    if (word.empty() || word == "-") return false;
    return std::any_of(name.names.begin(), name.names.end(),
                       [&](string_view one) { return !one.empty() && one.starts_with(word); });
}

/// Whole names only; the second dash may be left out.
bool is_option(string_view word, string_view letter, string_view name) {
    if (word.starts_with("--")) word.remove_prefix(1);
    return word == letter || word == name;
}

/// The options that may stand anywhere, one after the other as ipset looks for them.
void take_options(Words& words, Command& command, bool& quiet) {
    const auto take = [&](string_view letter, string_view name, bool valued, auto&& use) {
        for (std::size_t i = 0; i < words.size();) {
            if (!is_option(words[i], letter, name)) {
                ++i;
                continue;
            }
            words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
            if (!valued) {
                use(string_view{});
                continue;
            }
            if (i == words.size()) refuse_usage("Missing mandatory argument to option {}", letter);
            use(words[i]);
            words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
        }
    };
    take("-o", "-output", true, [&](string_view mode) {
        if (mode == "xml") refuse_unsupported("Output mode", mode);
        if (mode != "plain" && mode != "save") refuse_syntax("unknown output mode '{}'", mode);
        command.saves = mode == "save";
    });
    take("-s", "-sorted", false, [](string_view) {});  // they always are
    take("-q", "-quiet", false, [&](string_view) { quiet = command.quiet = true; });
    take("-r", "-resolve", false, [](string_view) { refuse_unsupported("Option", "-resolve"); });
    take("-!", "-exist", false, [&](string_view) { command.exist = true; });
    take("-n", "-name", false, [&](string_view) { command.names_only = true; });
    take("-t", "-terse", false, [&](string_view) { command.terse = true; });
    // the client has read and taken away the file it can reach
    take("-f", "-file", true, [](string_view) { refuse_unsupported("Option", "-file"); });
}

Action take_action(Words& words, bool restoring) {
    if (words.empty()) refuse_usage("No command specified.");
    const auto* at = std::find_if(std::begin(actions), std::end(actions),
                                  [&](const Name& name) { return may_mean(words.front(), name); });
    if (at == std::end(actions)) {
        if (words.front() == "-") refuse_unsupported("Interactive mode", "-");
        refuse_usage("No command specified: unknown argument {}", words.front());
    }
    const bool of_itself =
        at->action == Action::restore || at->action == Action::version || at->action == Action::help;
    if (restoring && of_itself) refuse_usage("Command `{}' is invalid in restore mode.", at->names.front());
    words.erase(words.begin());
    if (words.empty() && at->arguments > 0)
        refuse_usage("Missing mandatory argument to command {}", at->names.front());
    if (words.size() < at->arguments)
        refuse_usage("Missing second mandatory argument to command {}", at->names.front());
    return at->action;
}

std::string take_word(Words& words) {
    auto word = std::move(words.front());
    words.erase(words.begin());
    return word;
}

std::string checked_name(std::string name) {
    constexpr std::size_t most = 31;  // IPSET_MAXNAMELEN - 1
    if (name.size() > most) refuse_syntax("setname '{}' is longer than {} characters", name, most);
    return name;
}

/// Names and comments stand in a configuration: what ipset's file cannot say is not taken.
std::string new_name(std::string name) {
    name = checked_name(std::move(name));
    const bool sayable =
        std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == '"'; });
    if (name.empty() || !sayable || name.front() == '-') refuse_unsupported("Set name", name);
    return name;
}

Type type_of(string_view name) {
    if (name == "hash:ip" || name == "iphash") return Type::hash_ip;
    if (name == "hash:net" || name == "nethash") return Type::hash_net;
    constexpr std::array<string_view, 24> others{
        "bitmap:ip",        "bitmap:ip,mac", "bitmap:port",       "hash:mac",       "hash:ip,mac",
        "hash:net,net",     "hash:ip,port",  "hash:net,port",     "hash:net,iface", "hash:ip,port,ip",
        "hash:ip,port,net", "hash:ip,mark",  "hash:net,port,net", "list:set",       "ipmap",
        "macipmap",         "portmap",       "ipporthash",        "ipportiphash",   "ipportnethash",
        "netporthash",      "netifacehash",  "setlist",           "iptreemap"};
    if (std::find(others.begin(), others.end(), name) != others.end()) refuse_unsupported("Set type", name);
    if (name.size() > 31) refuse_syntax("typename '{}' is longer than 31 characters", name);
    refuse_syntax("typename '{}' is unknown", name);
}

/// A word that a type's command takes behind the others.
struct Argument {
    string_view name;
    bool valued;
    bool of_net = true, of_ip = true;  ///< which types have it
    bool supported = true;
};
constexpr Argument of_create[] = {{"family", true},
                                  {"-4", false},
                                  {"-6", false},
                                  {"hashsize", true},
                                  {"maxelem", true},
                                  {"netmask", true, false},
                                  {"timeout", true},
                                  {"counters", false},
                                  {"comment", false},
                                  {"forceadd", false, true, true, false},
                                  {"skbinfo", false, true, true, false},
                                  {"bucketsize", true},
                                  {"initval", true},
                                  {"probes", true, true, true, false},
                                  {"resize", true, true, true, false},
                                  {"gc", true, false, true, false}};
constexpr Argument of_add[] = {{"timeout", true},
                               {"nomatch", false, true, false},
                               {"packets", true},
                               {"bytes", true},
                               {"comment", true},
                               {"skbmark", true, true, true, false},
                               {"skbprio", true, true, true, false},
                               {"skbqueue", true, true, true, false}};
constexpr Argument of_test[] = {{"nomatch", false, true, false}};

/// Each with its value, or the word itself; all names are looked at before a value is.
std::vector<std::pair<string_view, string_view>> take_arguments(const Words& words, Type type,
                                                                std::span<const Argument> known) {
    std::vector<std::pair<string_view, string_view>> taken;
    for (std::size_t i = 0; i < words.size(); ++i) {
        string_view word = words[i];
        if (word.starts_with("--")) word.remove_prefix(2);
        const auto at = std::find_if(known.begin(), known.end(), [&](const Argument& one) {
            return one.name == word && (type == Type::hash_ip ? one.of_ip : one.of_net);
        });
        if (at == known.end()) refuse_usage("Unknown argument: `{}'", words[i]);
        if (!at->supported) refuse_unsupported("Option", at->name);
        if (at->valued && i + 1 == words.size())
            refuse_usage("Missing mandatory argument of option `{}'", at->name);
        taken.emplace_back(at->name, at->valued ? string_view(words[++i]) : at->name);
    }
    return taken;
}

class Once {
  public:
    void say(string_view what, string_view shown) {
        if (!said_.insert(what).second) refuse_syntax("{} already specified", shown);
    }

  private:
    std::set<string_view> said_;
};

constexpr std::uint64_t most32 = 0xffff'ffff, most64 = ~std::uint64_t{0} - 1;
constexpr std::uint64_t most_seconds = 2'147'483;  // (UINT_MAX >> 1) / 1000

std::uint32_t number32(string_view text, std::uint64_t most = most32) {
    return static_cast<std::uint32_t>(parse_number(text, 0, most));
}

hook::Family family_of(string_view text) {
    if (text == "inet" || text == "ipv4" || text == "-4" || text == "any" || text == "unspec")
        return hook::Family::ip;
    if (text == "inet6" || text == "ipv6" || text == "-6") return hook::Family::ip6;
    refuse_syntax("unknown inet family {}", text);
}

std::uint8_t netmask_of(string_view text, const Options& options) {
    const unsigned most = options.whole();
    try {
        const auto length = parse_number(text, 0, 255);
        if (length >= 1 && length <= most) return static_cast<std::uint8_t>(length);
        refuse_syntax("'{}' is out of range 1-{}", text, most);
    } catch (const Refusal& refusal) {
        throw Refusal{refusal.kind,
                      fmt::format("{}\nSyntax error: netmask is out of the inclusive range of 1-{}",
                                  refusal.message, most)};
    }
}

/// The kernel's: hash tables are powers of two and no smaller than 64, buckets even and of 2 to 12.
std::uint32_t hash_size(std::uint32_t asked) {
    constexpr std::uint32_t least = 64, most = 1U << 31;
    std::uint32_t size = least;
    while (size < asked && size < most)
        size *= 2;
    return size;
}
std::uint8_t bucket_size(std::uint64_t asked) {
    return static_cast<std::uint8_t>(std::clamp<std::uint64_t>(asked + asked % 2, 2, 12));
}

void read_create(Command& command, const Words& words) {
    auto& options = command.options;
    const auto arguments = take_arguments(words, options.type, of_create);
    Once once;
    for (const auto& [name, value] : arguments)
        if (name == "family" || name == "-4" || name == "-6") {
            once.say("family", name);
            options.family = family_of(value);
        }
    for (const auto& [name, value] : arguments) {
        if (name == "family" || name == "-4" || name == "-6") continue;
        once.say(name, name);
        if (name == "hashsize") options.hashsize = hash_size(number32(value));
        if (name == "maxelem") options.maxelem = number32(value);
        if (name == "netmask") options.netmask = netmask_of(value, options);
        if (name == "timeout") options.timeout = number32(value, most_seconds);
        if (name == "counters") options.counters = true;
        if (name == "comment") options.comment = true;
        if (name == "bucketsize") options.bucketsize = bucket_size(parse_number(value, 0, 255));
        if (name == "initval") command.initval = number32(value);
    }
    if (options.netmask == options.whole()) options.netmask.reset();
}

std::string comment_of(string_view text) {
    constexpr std::size_t most = 255;
    if (text.find('"') != string_view::npos) refuse_syntax("\" character is not permitted in comments");
    if (text.size() > most) refuse_syntax("Comment is longer than the maximum allowed {} characters", most);
    if (text.find('\n') != string_view::npos) refuse_unsupported("Comment", text);
    return std::string(text);
}

void read_element(Command& command, const Words& words, string_view text, const Set& set) {
    const auto type = set.options.type;
    command.element = parse_element(text, set.options);
    std::span<const Argument> known;
    if (command.action == Action::add) known = of_add;
    if (command.action == Action::test && type == Type::hash_net) known = of_test;
    Once once;
    for (const auto& [name, value] : take_arguments(words, type, known)) {
        once.say(name, name);
        if (name == "timeout") command.timeout = number32(value, most_seconds);
        if (name == "nomatch") command.nomatch = true;
        if (name == "packets") command.packets = parse_number(value, 0, most64);
        if (name == "bytes") command.bytes = parse_number(value, 0, most64);
        if (name == "comment") command.comment = comment_of(value);
    }
    if (command.action == Action::test && type == Type::hash_net && command.element.last)
        throw Refusal{Refusal::Kind::other,
                      "FROM-TO IP range is not allowed in command test with set type hash:net and family "
                      "inet"};
}

}  // namespace

Command read_command(std::span<const std::string> given, const Sets& sets, bool restoring, bool& quiet) {
    constexpr std::size_t most_words = 31;  // MAX_ARGS, without the program's name
    if (given.size() > most_words) refuse_usage("Line is too long to parse.");
    Words words(given.begin(), given.end());
    Command command;
    take_options(words, command, quiet);
    command.action = take_action(words, restoring);
    switch (command.action) {
        case Action::create:
            command.name = new_name(take_word(words));
            command.options.type = type_of(take_word(words));
            read_create(command, words);
            return command;
        case Action::add:
        case Action::del:
        case Action::test: {
            command.name = checked_name(take_word(words));
            const auto text = take_word(words);
            const auto* set = sets.find(command.name);
            if (!set) refuse_as_kernel("The set with the given name does not exist");
            read_element(command, words, text, *set);
            return command;
        }
        case Action::rename:
        case Action::swap:
            command.name = checked_name(take_word(words));
            command.other = command.action == Action::rename ? new_name(take_word(words))
                                                             : checked_name(take_word(words));
            break;
        case Action::help:
        case Action::version:
        case Action::quit:
            return command;
        default:
            if (!words.empty() && command.action != Action::restore)
                command.name = checked_name(take_word(words));
    }
    if (!words.empty()) refuse_usage("Unknown argument {}", words.front());
    return command;
}

}  // namespace weft::ipset
