#include "control/cli/manual.hpp"

#include <fmt/format.h>

#include <sstream>

#include "control/cli/options.hpp"
#include "control/command/grammar.hpp"

namespace weft::cli {

namespace {

/// Text as roff takes it literally: no escapes, no requests, hyphens that can be copied.
std::string literal(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
            out += std::string("\\&") + c;
        else
            out += c;
    }
    return out;
}

std::string paragraph(std::string_view text) {
    return literal(text) + "\n.PP\n";
}

std::string example(std::string_view text) {
    return ".nf\n.RS 4\n" + literal(text) + "\n.RE\n.fi\n.PP\n";
}

/// Every command that is wanted, with its sentence, under the first word of its line.
std::string commands(bool (*wanted)(const command::Spec&)) {
    std::istringstream lines(command::grammar().help({}));
    std::string text, program, line;
    for (const auto& spec : command::grammar().specs()) {
        if (spec.name.starts_with("unsupported ") || !std::getline(lines, line)) continue;
        if (!wanted(spec)) continue;
        const auto first = line.substr(0, line.find(' '));
        if (first != program) text += fmt::format(".SS {}\n", literal(first));
        program = first;
        text +=
            fmt::format(".TP\n.B {}\n{}\n", literal(line.substr(0, line.find("  - "))), literal(spec.help));
    }
    return text;
}

bool any(const command::Spec&) {
    return true;
}
bool configures(const command::Spec& spec) {
    return spec.effect == command::Effect::configure;
}

std::string weft_page() {
    return ".TH WEFT 8 \"\" \"weft\"\n.SH NAME\nweft \\- commands of the weft switch\n.SH SYNOPSIS\n" +
           example(usage().substr(0, usage().find("\n\n"))) + ".SH DESCRIPTION\n" +
           paragraph(
               "weft gives commands to weftd(8): its own, and those of the Linux programs that configure "
               "bridges, links and addresses, in their own words and with their output and exit status. "
               "Called by the name of such a program, by a link, it is that program.") +
           paragraph(
               "Without words it is a shell, with history, completion by the tabulator key and help for what "
               "was typed by \"?\".") +
           ".SH OPTIONS\n" + example(usage().substr(usage().find("\n\n") + 2)) + ".SH COMMANDS\n" +
           commands(any) +
           ".SH ENVIRONMENT\n.TP\n.B WEFT_SOCKET\nThe socket of weftd, unless \\-s names one.\n.TP\n.B "
           "NO_COLOR\n"
           "If it is set, messages have no colours on a terminal either.\n.SH FILES\n.TP\n.I "
           "/run/weft/weft.sock\n"
           "The socket of weftd.\n.TP\n.I ~/.weft_history\nThe lines of the shell.\n.SH SEE ALSO\n"
           ".BR weftd (8),\n.BR weft.conf (5),\n.BR ip (8),\n.BR bridge (8),\n.BR tcpdump (8)\n";
}

std::string configuration_page() {
    return ".TH WEFT.CONF 5 \"\" \"weft\"\n.SH NAME\nweft.conf \\- configuration of the weft switch\n"
           ".SH DESCRIPTION\n" +
           paragraph(
               "A configuration is the commands that make it, one a line, without the word weft. Order "
               "matters "
               "as if they were typed. weftd(8) reads it at its start and at SIGHUP; \"weft apply FILE\" "
               "makes "
               "the running configuration equal to a file with the least change; \"weft save\" prints it.") +
           paragraph(
               "\"#\" at the beginning of a word begins a comment. Quotes and backslash are those of the "
               "shell; "
               "a backslash at the end of a line joins it with the next. An error names file, line and "
               "column.") +
           ".SH COMMANDS\n" + commands(configures) + ".SH EXAMPLE\n" +
           example(
               "port add lan0 up type af_packet dev eth1\nport add lan1 up type af_packet dev eth2\n"
               "ip link add br0 up type bridge vlan_filtering 1\nip link set lan0 master br0\n"
               "ip link set lan1 master br0\nbridge vlan add dev lan1 vid 8 pvid untagged\n"
               "ip addr add 192.0.2.1/24 dev br0") +
           ".SH FILES\n.TP\n.I /etc/weft/weft.conf\nRead at the start unless \\-\\-config names another.\n"
           ".SH SEE ALSO\n.BR weft (8),\n.BR weftd (8)\n";
}

}  // namespace

std::string manual(std::string_view page) {
    if (page == "weft") return weft_page();
    if (page == "weft.conf") return configuration_page();
    return {};
}

}  // namespace weft::cli
