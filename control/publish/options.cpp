#include "control/publish/options.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <optional>
#include <sstream>

#include "control/server/server.hpp"

namespace weft {

namespace po = boost::program_options;

namespace {

po::options_description described() {
    po::options_description options("weftd [OPTIONS] [-- EAL OPTIONS]\n\nOptions");
    options.add_options()  //
        ("config", po::value<std::string>(),
         "configuration file (default: /etc/weft/weft.conf if it exists)")  //
        ("socket", po::value<std::string>(),
         "API socket (default: /run/weft/weft.sock, or NETNS.sock there)")  //
        ("netns", po::value<std::string>(),
         "network namespace of the TAPs: a name under /run/netns, or a path")  //
        ("workers", po::value<std::string>(),
         "CPUs of the workers, as taskset -c (default: all but the lowest)")  //
        ("poll", "workers never sleep")                                       //
        ("no-kernel", "no TAPs, no netlink: bridging only")                   //
        ("no-huge", "do not use hugepages")                                   //
        ("pidfile", po::value<std::string>(), "write the process id here")    //
        ("clean", "remove what a dead weftd on this socket left, then end")   //
        ("man", "weftd's manual page")                                        //
        ("version", "weftd's version")                                        //
        ("help,h", "this text");
    return options;
}

std::optional<unsigned> number(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Error usage(std::string sentence) {
    return {ErrorCode::usage, std::move(sentence), 0};
}

}  // namespace

std::vector<unsigned> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    std::vector<unsigned> cpus;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    return cpus;
}

Result<std::vector<unsigned>> parse_cpu_list(std::string_view text, const std::vector<unsigned>& allowed) {
    std::vector<unsigned> cpus;
    const auto wrong = [&] {
        return usage(fmt::format("--workers: \"{}\" is not a CPU list like 1,3-5 or 0-6:2", text));
    };
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        std::string_view part = text.substr(at, comma - at);
        at = comma + 1;
        unsigned step = 1;
        if (const auto colon = part.find(':'); colon != part.npos) {
            const auto given = number(part.substr(colon + 1));
            if (!given || *given == 0) return wrong();
            step = *given;
            part = part.substr(0, colon);
        }
        const auto dash = part.find('-');
        const auto first = number(part.substr(0, dash));
        const auto last = dash == part.npos ? first : number(part.substr(dash + 1));
        if (!first || !last || *last < *first || *last >= CPU_SETSIZE) return wrong();
        for (unsigned cpu = *first; cpu <= *last; cpu += step) {
            if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
                return usage(fmt::format("--workers: CPU {} is not one this process may use ({})", cpu,
                                         fmt::join(allowed, ",")));
            if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) cpus.push_back(cpu);
        }
    }
    return cpus;
}

Result<DaemonOptions> parse_daemon_options(int argc, const char* const argv[]) {
    DaemonOptions options;
    const char* const* dashes = std::find(argv, argv + argc, std::string_view("--"));
    for (auto word = dashes; word != argv + argc; ++word)
        if (word != dashes) options.eal.emplace_back(*word);
    const auto own = static_cast<int>(dashes - argv);
    for (int i = 1; i < own; ++i) {
        const std::string_view word =
            std::string_view(argv[i]).substr(0, std::string_view(argv[i]).find('='));
        if (word == "--plugin" || word == "--metrics")
            return usage(fmt::format("{} is not supported in this version", word));
    }
    po::variables_map values;
    try {
        const auto style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
        po::store(po::command_line_parser(own, argv).options(described()).positional({}).style(style).run(),
                  values);
    } catch (const po::error& e) {
        return usage(e.what());
    }
    const auto text = [&](const char* name) {
        return values.count(name) ? values[name].as<std::string>() : std::string{};
    };
    options.help = values.count("help");
    options.version = values.count("version");
    options.manual = values.count("man");
    options.config = text("config");
    options.netns = text("netns");
    options.pidfile = text("pidfile");
    options.poll = values.count("poll");
    options.no_kernel = values.count("no-kernel");
    options.no_huge = values.count("no-huge");
    options.clean = values.count("clean");
    const bool named = options.netns.find('/') == std::string::npos;
    options.socket = values.count("socket") ? text("socket")
                                            : server::default_socket(named ? options.netns : std::string{});

    const auto allowed = allowed_cpus();
    if (values.count("workers")) {
        auto cpus = parse_cpu_list(text("workers"), allowed);
        if (!cpus) return std::move(cpus).error();
        options.workers = std::move(*cpus);
    } else {
        options.workers.assign(allowed.size() > 1 ? allowed.begin() + 1 : allowed.begin(), allowed.end());
    }
    for (const unsigned cpu : allowed)
        if (std::find(options.workers.begin(), options.workers.end(), cpu) == options.workers.end())
            options.control.push_back(cpu);
    if (options.control.empty()) options.control = options.workers;
    return options;
}

std::string daemon_manual() {
    const auto dashes = [](std::string text) {
        for (std::size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 2)
            text.insert(at, "\\");
        return text;
    };
    std::string text =
        ".TH WEFTD 8 \"\" \"weft\"\n.SH NAME\nweftd \\- the weft switch\n.SH SYNOPSIS\n.B weftd\n"
        "[OPTIONS] [\\-\\- EAL OPTIONS]\n.SH DESCRIPTION\n"
        "weftd switches frames between its ports on poll-mode workers, in the foreground. It takes commands "
        "on its "
        "socket, from weft(8), and logs to standard error; \"ready\" ends the line that says that it is.\n"
        ".SH OPTIONS\n";
    const auto all = described();
    for (const auto& option : all.options())
        text += fmt::format(".TP\n.B {}\n{}\n", dashes("--" + option->long_name()),
                            dashes(option->description()));
    return text +
           ".SH SIGNALS\n.TP\n.B SIGTERM, SIGINT\nEnd it; what it made and took is removed and given back.\n"
           ".TP\n.B SIGHUP\nApplies the configuration file.\n"
           ".SH EXIT STATUS\n0 ended by a signal or \"weft stop\", 1 bad command line, 2 configuration "
           "refused, "
           "3 cannot start.\n.SH FILES\n.TP\n.I /etc/weft/weft.conf\nThe configuration, if it exists.\n"
           ".TP\n.I /run/weft/weft.sock\nThe socket.\n.SH SEE ALSO\n.BR weft (8),\n.BR weft.conf (5)\n";
}

std::string daemon_usage() {
    std::ostringstream text;
    text << described();
    return text.str();
}

}  // namespace weft
