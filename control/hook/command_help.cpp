// -h: the program's own words, then the options of the matches and the target that the line names before it.
#include "control/hook/command_reader.hpp"

namespace weft::hook {

namespace {

std::string usage(std::string_view program) {
    return fmt::format(
        "{0} v{1}\n\n"
        "Usage: {0} -[ACD] chain rule-specification [options]\n"
        "       {0} -I chain [rulenum] rule-specification [options]\n"
        "       {0} -R chain rulenum rule-specification [options]\n"
        "       {0} -D chain rulenum [options]\n"
        "       {0} -[LS] [chain [rulenum]] [options]\n"
        "       {0} -[FZ] [chain] [options]\n"
        "       {0} -[NX] chain\n"
        "       {0} -E old-chain-name new-chain-name\n"
        "       {0} -P chain target [options]\n"
        "       {0} -h (print this help information)\n",
        program, version);
}

constexpr std::string_view help_commands = R"(
Commands:
  --append       -A CHAIN                  a rule behind the others
  --check        -C CHAIN                  whether there is such a rule
  --delete       -D CHAIN [NUMBER]         takes a rule away, by its words or its number
  --insert       -I CHAIN [NUMBER]         a rule before that one, or before all
  --replace      -R CHAIN NUMBER           another rule in its place
  --list         -L [CHAIN [NUMBER]]       rules as a table
  --list-rules   -S [CHAIN [NUMBER]]       rules as they are entered
  --flush        -F [CHAIN]                takes all rules away
  --zero         -Z [CHAIN [NUMBER]]       counters begin anew
  --new-chain    -N CHAIN                  a chain of one's own
  --delete-chain -X [CHAIN]                takes it away
  --policy       -P CHAIN VERDICT          what happens at the end of a built-in chain
  --rename-chain -E CHAIN NAME             rules that jump there follow
)";

constexpr std::string_view help_options = R"(
Options ([!]: may be inverted):
    --ipv4          -4                     in files: of iptables-restore alone
    --ipv6          -6                     in files: of ip6tables-restore alone
[!] --protocol      -p PROTOCOL            name or number
[!] --source        -s ADDRESS[/MASK],...
[!] --destination   -d ADDRESS[/MASK],...
[!] --in-interface  -i NAME[+]             +: all names that begin so
[!] --out-interface -o NAME[+]
    --jump          -j TARGET
    --goto          -g CHAIN               as --jump, but RETURN there leads to this chain's caller
    --match         -m MATCH
    --table         -t TABLE               filter, if it is not said
    --numeric       -n                     numbers instead of names
    --verbose       -v                     counters, too
    --exact         -x                     all digits of counters
    --line-numbers
    --set-counters  -c PACKETS BYTES
    --wait          -w [SECONDS]           nothing to wait for: there is one writer
    --modprobe=WORD                        there are no modules
    --version       -V
)";
constexpr std::string_view help_fragments =
    "[!] --fragments     -f                     all but first fragments\n";

std::string_view argument_of(const Option& option) {
    switch (option.argument) {
        case Argument::none:
            return "";
        case Argument::number8:
        case Argument::number16:
        case Argument::number32:
            return " number";
        case Argument::range16:
        case Argument::range32:
            return " number[:number]";
        case Argument::masked_mark:
            return " value[/mask]";
        case Argument::syslog_level:
            return " level";
        case Argument::address:
            return " address";
        case Argument::prefix:
            return " address[/mask]";
        case Argument::protocol:
            return " protocol";
        case Argument::port_range:
            return " port[:port]";
        case Argument::mac:
            return " XX:XX:XX:XX:XX:XX";
        default:
            return " value";
    }
}

template <class Variant>
void add_kind_options(std::string& out, const Kind<Variant>& kind, std::string_view what) {
    append(out, "\n{} {} options:\n", kind.name, what);
    for (const Option& option : kind.options)
        append(out, "{}--{}{}\n", option.invertible ? "[!] " : "    ", option.name, argument_of(option));
    if (kind.help) kind.help(out);
}

}  // namespace

void CommandReader::help() {
    if (matches_.empty()) static_cast<void>(load_protocol());
    auto& out = command_.output;
    out = usage(reading_.program);
    out += help_commands;
    out += help_options;
    if (reading_.family == Family::ip) out += help_fragments;
    if (target_.kind) add_kind_options(out, *target_.kind, "target");
    for (const auto& match : matches_)
        add_kind_options(out, *match.kind, "match");
    end();
}

}  // namespace weft::hook
