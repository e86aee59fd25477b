#include "control/command/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/command/tcpdump_options.hpp"

namespace weft::command {

namespace {

using std::string_view;
using Kind = ProgramOption::Kind;

constexpr string_view choose_socket = "the socket chooses the network namespace: weft -n NETNS";

// In the order in which ip.c and bridge.c of iproute2 6.1 compare them: it decides what an abbreviation
// means.
constexpr ProgramOption ip_options[] = {
    {"-loops", true, Kind::refused, ""},
    {"-family", true, Kind::family, ""},
    {"-4", false, Kind::flag, "-4"},
    {"-6", false, Kind::flag, "-6"},
    {"-0", false, Kind::flag, "-0"},
    {"-M", false, Kind::refused, ""},
    {"-B", false, Kind::flag, "-B"},
    {"-human-readable", true, Kind::refused, ""},
    {"-iec", true, Kind::refused, ""},
    {"-stats", true, Kind::flag, "-s"},
    {"-statistics", true, Kind::flag, "-s"},
    {"-details", true, Kind::flag, "-d"},
    {"-resolve", true, Kind::refused, ""},
    {"-oneline", true, Kind::flag, "-o"},
    {"-timestamp", true, Kind::refused, ""},
    {"-tshort", true, Kind::refused, ""},
    {"-Version", true, Kind::refused, "see: weft show version"},
    {"-force", true, Kind::refused, ""},
    {"-batch", true, Kind::refused, "see: weft -f FILE"},
    {"-brief", true, Kind::flag, "-br"},
    {"-json", true, Kind::json, ""},
    {"-pretty", true, Kind::flag, "-p"},
    {"-rcvbuf", true, Kind::refused, ""},
    {"-color", true, Kind::colour, ""},
    {"-help", true, Kind::refused, "see: weft help ip"},
    {"-netns", true, Kind::refused, choose_socket},
    {"-Numeric", true, Kind::refused, ""},
    {"-all", true, Kind::refused, ""},
    {"-echo", false, Kind::refused, ""},
};

constexpr ProgramOption bridge_options[] = {
    {"-help", true, Kind::refused, "see: weft help bridge"},
    {"-Version", true, Kind::refused, "see: weft show version"},
    {"-stats", true, Kind::flag, "-s"},
    {"-statistics", true, Kind::flag, "-s"},
    {"-details", true, Kind::flag, "-d"},
    {"-oneline", true, Kind::flag, "-o"},
    {"-timestamp", true, Kind::refused, ""},
    {"-family", true, Kind::refused, ""},
    {"-4", false, Kind::refused, ""},
    {"-6", false, Kind::refused, ""},
    {"-netns", true, Kind::refused, choose_socket},
    {"-compressvlans", true, Kind::flag, "-compressvlans"},
    {"-color", true, Kind::colour, ""},
    {"-force", true, Kind::refused, ""},
    {"-json", true, Kind::json, ""},
    {"-pretty", true, Kind::flag, "-p"},
    {"-batch", true, Kind::refused, "see: weft -f FILE"},
};

constexpr ProgramOption weft_options[] = {{"-j", false, Kind::json, ""}, {"-json", false, Kind::json, ""}};
constexpr ProgramOption ethtool_options[] = {{"--json", false, Kind::json, ""},
                                             {"-I", false, Kind::refused, ""},
                                             {"--include-statistics", false, Kind::refused, ""},
                                             {"--debug", false, Kind::refused, ""}};

constexpr Program weft_program{"weft", false, weft_options};
constexpr Program programs[] = {
    {"ip", true, ip_options},
    {"bridge", true, bridge_options},
    {"ethtool", false, ethtool_options},
    {"brctl", false, {}},
    {"sysctl", false, {}},
    {"tunctl", false, {}},
    // -j is their own
    {"conntrack", false, {}},
    {"iptables", false, {}},
    {"ip6tables", false, {}},
    {"iptables-save", false, {}},
    {"ip6tables-save", false, {}},
    {"iptables-restore", false, {}},
    {"ip6tables-restore", false, {}},
    {"ipset", false, {}},
};

constexpr std::array iptables_family = {
    string_view("iptables"),          string_view("iptables-save"),       string_view("iptables-restore"),
    string_view("ip6tables"),         string_view("ip6tables-save"),      string_view("ip6tables-restore"),
    string_view("ebtables"),          string_view("ebtables-save"),       string_view("ebtables-restore"),
    string_view("arptables"),         string_view("arptables-save"),      string_view("arptables-restore"),
    string_view("xtables-nft-multi"), string_view("xtables-legacy-multi")};

constexpr std::array other_programs = {string_view("ipset"),   string_view("conntrack"),
                                       string_view("sysctl"),  string_view("tcpdump"),
                                       string_view("ethtool"), string_view("tunctl")};

bool is_json_option(string_view word) {
    return word == "-j" || word == "-json" || word == "--json";
}

const ProgramOption* find_option(const Program& program, string_view word) {
    for (const auto& option : program.options)
        if (option.spelling == word || (option.abbreviates && option.spelling.starts_with(word)))
            return &option;
    return nullptr;
}

Error usage(int column, std::string message) {
    return {ErrorCode::usage, std::move(message), column};
}

/// iproute2's families by name; those of IPv4 and IPv6 are the same as -4 and -6.
string_view family_option(string_view family) {
    if (family == "inet") return "-4";
    if (family == "inet6") return "-6";
    if (family == "link") return "-0";
    if (family == "bridge") return "-B";
    return {};
}

/// Reads one program option at `index`; moves `index` behind it and its argument.
Result<> take_option(const Program& program, std::span<const std::string> words,
                     const std::vector<int>& columns, std::size_t& index, Match& match) {
    string_view word = words[index];
    const int column = columns[index];
    ++index;
    if (program.iproute && word.starts_with("--")) word.remove_prefix(1);
    auto value = string_view{};
    if (const auto equals = word.find('='); program.iproute && equals != string_view::npos) {
        value = word.substr(equals + 1);
        word = word.substr(0, equals);
    }
    const auto* option = find_option(program, word);
    if (option == nullptr || (!value.empty() && option->kind != Kind::colour))
        return usage(column, fmt::format("Option \"{}\" is unknown, try \"{} help\".", words[index - 1],
                                         program.iproute ? program.name : "weft"));
    const auto unsupported = [&] {
        return usage(column,
                     fmt::format("{}: option \"{}\" is not supported{}{}", program.name, words[index - 1],
                                 option->canonical.empty() ? "" : "; ", option->canonical));
    };
    switch (option->kind) {
        case Kind::flag:
            match.options.emplace_back(option->canonical);
            return {};
        case Kind::json:
            match.json = true;
            return {};
        // The answer is text for a terminal or a file alike: what may be left uncoloured is.
        case Kind::colour:
            return value == "never" || value == "auto" ? Result<>{} : unsupported();
        case Kind::refused:
            return unsupported();
        case Kind::family:
            break;
    }
    if (index == words.size())
        return usage(columns[index], "Command line is not complete. Try option \"help\"; expected a family");
    const auto family = family_option(words[index]);
    if (family.empty())
        return usage(columns[index],
                     fmt::format("Error: argument \"{}\" is wrong: invalid protocol family", words[index]));
    match.options.emplace_back(family);
    ++index;
    return {};
}

}  // namespace

const Program& program_of(string_view word) noexcept {
    const auto* program = std::find_if(std::begin(programs), std::end(programs),
                                       [&](const Program& p) { return p.name == word; });
    return program == std::end(programs) ? weft_program : *program;
}

std::vector<int> columns_of(std::span<const std::string> words) {
    std::vector<int> columns;
    columns.reserve(words.size() + 1);
    std::size_t column = 1;
    for (const auto& word : words) {
        columns.push_back(static_cast<int>(column));
        column += word.size() + 1;
    }
    columns.push_back(static_cast<int>(column));
    return columns;
}

Result<> take_options(std::span<const std::string> words, Line& line, Match& match) {
    auto columns = columns_of(words);
    line.end_column = columns.back();
    std::size_t at = 0;
    while (at < words.size() && is_json_option(words[at])) {
        match.json = true;
        ++at;
    }
    if (at == words.size()) return usage(columns[at], "no command given");
    line.program = &program_of(words[at]);
    const auto program_at = at++;
    // ethtool's and sysctl's other options are words of their syntax lines.
    const auto is_option = [&](string_view word) {
        if (word.size() < 2 || word.front() != '-') return false;
        return line.program->iproute || find_option(*line.program, word) != nullptr;
    };
    const auto first_option = at;
    while (at < words.size() && is_option(words[at])) {
        if (words[at] == "--" && line.program->iproute) {
            ++at;
            break;
        }
        if (auto taken = take_option(*line.program, words, columns, at, match); !taken) return taken.error();
    }
    if (words[program_at] == "tcpdump") {
        line.stripped.assign(words.begin() + static_cast<std::ptrdiff_t>(program_at), words.end());
        line.columns.assign(columns.begin() + static_cast<std::ptrdiff_t>(program_at), columns.end() - 1);
        auto spread = spread_tcpdump_options(line.stripped, line.columns, line.unfinished);
        line.words = line.stripped;
        return spread;
    }
    if (at == first_option) {
        line.words = words.subspan(program_at);
        line.columns.assign(columns.begin() + static_cast<std::ptrdiff_t>(program_at), columns.end() - 1);
        return {};
    }
    line.stripped.push_back(words[program_at]);
    line.stripped.insert(line.stripped.end(), words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    line.columns.push_back(columns[program_at]);
    line.columns.insert(line.columns.end(), columns.begin() + static_cast<std::ptrdiff_t>(at),
                        columns.end() - 1);
    line.words = line.stripped;
    return {};
}

string_view program_word(std::span<const std::string> words) noexcept {
    const auto word =
        std::find_if(words.begin(), words.end(), [](const auto& w) { return !is_json_option(w); });
    return word == words.end() ? string_view{} : string_view(*word);
}

int exit_status(std::span<const std::string> words, const Error& error) {
    const auto program = program_word(words);
    const bool unreachable = error.code == ErrorCode::unreachable;
    const auto is_in = [&](const auto& names) {
        return std::find(names.begin(), names.end(), program) != names.end();
    };
    // iproute2 exits with -1 on bad usage; what a command's function returns, ip turns round (-1 is 1) and
    // bridge does not (-EINVAL is 234).
    const std::string_view said = error.message;
    const bool on_or_off = said.starts_with("Error: argument of \"");
    if (program == "ip") {
        if (said == "Error: Unknown device type." || said == "Error: Attribute failed policy validation.")
            return 2;
        return unreachable || on_or_off || said.starts_with("Object \"") ||
                       said.ends_with(" is invalid lladdr.") ||
                       said.starts_with("Error: any valid prefix is expected") ||
                       said.starts_with("Error: any valid address is expected")
                   ? 1
                   : 255;
    }
    if (program == "bridge") return unreachable ? 1 : on_or_off ? 234 : 255;
    if (program == "brctl" || program == "tc" || is_in(other_programs)) return 1;
    if (is_in(iptables_family)) return unreachable ? 4 : 2;
    return static_cast<int>(error.code);
}

}  // namespace weft::command
