#include "control/cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "control/command/program.hpp"
#include "control/server/server.hpp"

namespace weft::cli {

namespace {

using std::string_view;

constexpr std::array<string_view, 24> names = {"ip",
                                               "bridge",
                                               "brctl",
                                               "tc",
                                               "iptables",
                                               "iptables-save",
                                               "iptables-restore",
                                               "ip6tables",
                                               "ip6tables-save",
                                               "ip6tables-restore",
                                               "ebtables",
                                               "ebtables-save",
                                               "ebtables-restore",
                                               "arptables",
                                               "arptables-save",
                                               "arptables-restore",
                                               "xtables-legacy-multi",
                                               "xtables-nft-multi",
                                               "ipset",
                                               "conntrack",
                                               "sysctl",
                                               "tcpdump",
                                               "ethtool",
                                               "tunctl"};

/// "iptables-legacy-save", "iptables-nft": iptables has two ways into the kernel, and one here.
std::string without_variant(std::string name) {
    if (!name.starts_with("iptables-") && !name.starts_with("ip6tables-")) return name;
    for (const string_view variant : {"-legacy", "-nft"})
        if (const auto at = name.find(variant); at != std::string::npos) name.erase(at, variant.size());
    return name;
}

/// The program that an argument of xtables-legacy-multi names (iptables-standalone, xtables-multi.h).
std::string of_multi(std::string name) {
    static constexpr std::pair<string_view, string_view> short_names[] = {
        {"main4", "iptables"},  {"save4", "iptables-save"},  {"restore4", "iptables-restore"},
        {"main6", "ip6tables"}, {"save6", "ip6tables-save"}, {"restore6", "ip6tables-restore"}};
    for (const auto& [short_name, program] : short_names)
        if (name == short_name) return std::string(program);
    return without_variant(std::move(name));
}

struct Own {
    char letter;
    string_view name;
    bool has_value;
};
constexpr Own own_options[] = {{'j', "json", false},    {'s', "socket", true},     {'n', "netns", true},
                               {'f', "file", true},     {'c', "check", true},      {'h', "help", false},
                               {'V', "version", false}, {'\0', "complete", false}, {'\0', "man", true}};

const Own* find_own(string_view word, std::optional<string_view>& value) {
    for (const auto& option : own_options) {
        if (option.letter != '\0' && word.size() == 2 && word[0] == '-' && word[1] == option.letter)
            return &option;
        if (!word.starts_with("--")) continue;
        const auto long_name = word.substr(2);
        if (long_name == option.name) return &option;
        if (option.has_value && long_name.starts_with(option.name) && long_name[option.name.size()] == '=') {
            value = long_name.substr(option.name.size() + 1);
            return &option;
        }
    }
    return nullptr;
}

/// Takes `-n NETNS` off the leading options of ip and bridge.
std::string take_program_netns(std::vector<std::string>& words) {
    if (words.empty() || !command::program_of(words.front()).iproute) return {};
    for (std::size_t i = 1; i + 1 < words.size() && words[i].starts_with('-'); ++i) {
        const auto bare = string_view(words[i]).substr(words[i].starts_with("--") ? 1 : 0);
        if (bare.size() > 1 && string_view("-family").starts_with(bare)) {
            ++i;
        } else if (bare.size() > 1 && string_view("-netns").starts_with(bare)) {
            auto netns = words[i + 1];
            const auto at = words.begin() + static_cast<std::ptrdiff_t>(i);
            words.erase(at, at + 2);
            return netns;
        }
    }
    return {};
}

struct Choice {
    std::string socket, netns;
};

/// -s, else WEFT_SOCKET, else -n, else the default. Where one of the first two decides, `ip -n` stays in the
/// words, and the daemon refuses it by name.
std::string choose_socket(const Choice& given, const std::string& environment,
                          std::vector<std::string>& words) {
    if (!given.socket.empty()) return given.socket;
    if (!environment.empty()) return environment;
    const auto netns = given.netns.empty() ? take_program_netns(words) : given.netns;
    return server::default_socket(netns);
}

Result<> take_own(const Own& option, const std::string& value, Options& options, Choice& choice) {
    switch (option.name.front()) {
        case 'j':
            options.json = true;
            break;
        case 's':
            choice.socket = value;
            break;
        case 'n':
            choice.netns = value;
            break;
        case 'h':
            options.mode = Options::Mode::help;
            break;
        case 'v':
            options.mode = Options::Mode::version;
            break;
        default:
            if (option.name == "complete") {
                options.mode = Options::Mode::complete;
                break;
            }
            if (option.name == "man") {
                options.mode = Options::Mode::manual;
                options.file = value;
                break;
            }
            if (options.mode != Options::Mode::words)
                return Error{ErrorCode::usage, "-f and -c do not go together", 0};
            options.mode = option.name == "file" ? Options::Mode::file : Options::Mode::check_offline;
            options.file = value;
    }
    return {};
}

}  // namespace

std::span<const string_view> compat_names() noexcept {
    return names;
}

Result<Options> parse_options(const std::string& called_as, std::span<const std::string> arguments,
                              const std::string& weft_socket) {
    Options options;
    Choice choice;
    const auto name = without_variant(std::filesystem::path(called_as).filename().string());
    if (std::find(names.begin(), names.end(), name) != names.end()) {
        options.as_program = true;
        options.words.push_back(name);
        options.words.insert(options.words.end(), arguments.begin(), arguments.end());
        if (name.ends_with("-multi") && options.words.size() > 1) {
            options.words.erase(options.words.begin());
            options.words.front() = of_multi(options.words.front());
        }
        options.socket = choose_socket(choice, weft_socket, options.words);
        return options;
    }
    const auto columns = command::columns_of(arguments);
    std::size_t at = 0;
    const auto wrong = [&](std::string message) {
        return Error{ErrorCode::usage, std::move(message), columns[at]};
    };
    while (at < arguments.size() && arguments[at].starts_with('-') && arguments[at].size() > 1) {
        if (arguments[at] == "--") {
            ++at;
            break;
        }
        std::optional<string_view> attached;
        const auto* option = find_own(arguments[at], attached);
        if (option == nullptr)
            return wrong(fmt::format("weft: option \"{}\" is not known; see weft --help", arguments[at]));
        std::string value(attached.value_or(""));
        if (option->has_value && !attached) {
            if (++at == arguments.size()) return wrong(fmt::format("weft: --{} needs a value", option->name));
            value = arguments[at];
        }
        if (option->has_value && value.empty())
            return wrong(fmt::format("weft: --{} is empty", option->name));
        if (auto taken = take_own(*option, value, options, choice); !taken)
            return wrong(taken.error().message);
        ++at;
        if (options.mode == Options::Mode::complete) break;
    }
    options.words.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
    const bool with_file =
        options.mode == Options::Mode::file || options.mode == Options::Mode::check_offline;
    if (with_file && !options.words.empty()) return wrong("weft: a file stands alone, without a command");
    if (options.mode == Options::Mode::words && options.words.empty()) options.mode = Options::Mode::shell;
    if (options.mode == Options::Mode::words && options.words.front() == "help") {
        options.mode = Options::Mode::help;
        options.words.erase(options.words.begin());
    }
    options.socket = choose_socket(choice, weft_socket, options.words);
    return options;
}

std::string usage() {
    return "weft [-j] [-s SOCKET] [-n NETNS] WORDS...   one command, as the Linux program of that name takes "
           "it\n"
           "weft -f FILE                                the commands of a file, as one transaction\n"
           "weft -c FILE                                checks a configuration file without a daemon\n"
           "weft                                        a shell\n"
           "weft help [WORDS...]                        the commands that begin with these words\n"
           "\n"
           "  -j, --json             answers in JSON\n"
           "  -s, --socket SOCKET    weftd's socket; else WEFT_SOCKET, else that of -n, else "
           "/run/weft/weft.sock\n"
           "  -n, --netns NETNS      the weftd of this network namespace: /run/weft/NETNS.sock\n"
           "  -V, --version          the client's version\n"
           "\n"
           "Exit status: 0 done, 1 bad command line, 2 refused, 3 no daemon; that of the Linux program for "
           "its words.\n";
}

}  // namespace weft::cli
