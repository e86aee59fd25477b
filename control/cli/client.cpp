#include "control/cli/client.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "control/cli/connection.hpp"
#include "control/cli/events.hpp"
#include "control/cli/files.hpp"
#include "control/cli/options.hpp"
#include "control/cli/rule_files.hpp"
#include "control/command/grammar.hpp"
#include "control/command/program.hpp"
#include "control/command/types.hpp"
#include "control/config/caret.hpp"

namespace weft::cli {

namespace {

constexpr int pretty_indent = 4;

int print(std::string_view text) {
    if (write_all(STDOUT_FILENO, text)) return 0;
    fmt::print(stderr, "weft: standard output: {}\n", std::strerror(errno));
    return 1;
}

bool is_own_word(std::span<const std::string> words) {
    const auto program = command::program_word(words);
    for (const auto name : compat_names())
        if (name == program) return false;
    return true;
}

/// Red, where a person looks at a terminal.
void print_error(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    const char* none = std::getenv("NO_COLOR");
    if (isatty(STDERR_FILENO) && (none == nullptr || *none == '\0'))
        fmt::print(stderr, "\x1b[31m{}\x1b[0m\n", text);
    else
        fmt::print(stderr, "{}\n", text);
}

/// `ip link help` and the like print to standard error and exit with -1.
bool asks_iproute_for_help(std::span<const std::string> words) {
    return words.size() >= 2 && words.size() <= 3 && words.back() == "help" &&
           command::program_of(words.front()).iproute;
}

/// What an answer prints: text, or data as the program prints JSON.
std::string printable(const Json& answer, bool pretty) {
    if (const auto data = answer.find("data"); data != answer.end())
        return data->dump(pretty ? pretty_indent : -1, ' ', false, Json::error_handler_t::replace) + '\n';
    const auto text = answer.find("text");
    return text != answer.end() && text->is_string() ? text->get<std::string>() : std::string();
}

void print_warnings(const Json& answer) {
    const auto warnings = answer.find("warnings");
    if (warnings == answer.end() || !warnings->is_array()) return;
    for (const auto& warning : *warnings)
        if (warning.is_string()) fmt::print(stderr, "{}\n", warning.get<std::string>());
}

/// tcpdump takes -s 0 for its greatest.
std::uint64_t snapshot_of(const command::Match& match) {
    constexpr std::uint64_t greatest = 262'144;
    const auto* snap = match.argument("SNAP");
    const auto given = snap ? *command::parse_unsigned(snap->value) : 0;
    return given == 0 ? greatest : given;
}

/// `conntrack -E expect`: its table stands in the same word or the next, and may be a beginning of the name.
bool follows_expectations(const std::vector<std::string>& words) {
    for (std::size_t at = 1; at < words.size(); ++at) {
        const std::string_view word = words[at];
        std::string_view table;
        if (word.starts_with("--ev"))
            table = word.find('=') == word.npos ? "" : word.substr(word.find('=') + 1);
        else if (word.starts_with("-E"))
            table = word.substr(2);
        else
            continue;
        if (table.empty() && at + 1 < words.size()) table = words[at + 1];
        return !table.empty() && std::string_view("expect").starts_with(table);
    }
    return false;
}

/// Paths are the caller's: a port's sockets and files too. "@NAME" is an abstract socket.
void make_absolute(const command::Match& match, const std::vector<std::string>& words,
                   std::vector<std::string>& argv) {
    if (!match.spec->name.starts_with("port add ")) return;
    const auto columns = command::columns_of(words);
    for (const auto* name : {"PATH", "RX", "TX"}) {
        const auto* item = match.argument(name);
        if (!item || item->value.starts_with('@')) continue;
        const auto at = std::find(columns.begin(), columns.end(), item->column) - columns.begin();
        argv[static_cast<std::size_t>(at)] =
            std::filesystem::absolute(item->value).lexically_normal().string();
    }
}

}  // namespace

int Client::complain(std::span<const std::string> words, const Error& error, int status) {
    const bool pointed = is_own_word(words) && !words.empty();
    print_error(config::point_into_words(words, pointed ? error.column : 0, error.message));
    return status;
}

int Client::run(const std::vector<std::string>& words, std::optional<std::string> input) const {
    if (asks_iproute_for_help(words)) {
        fmt::print(stderr, "{}", command::grammar().help(std::span(words).first(words.size() - 1)));
        return 255;
    }
    auto rule_files = take_rule_files(words);
    std::string save_to = rule_files.write.value_or("");
    auto argv = std::move(rule_files.words);
    // The daemon judges the line; here only what concerns files is looked for.
    const auto parsed = command::grammar().parse(words);
    if (parsed && parsed->spec->name == "explain pcap") return explain_file(words, *parsed);
    if (const auto* file = parsed ? parsed->argument("FILE") : nullptr) {
        if (parsed->spec->name == "save") {
            save_to = file->value;
            argv = {"save"};
        } else {
            auto text = read_file(file->value);
            if (!text) return complain(words, text.error(), is_own_word(words) ? 2 : 1);
            input = std::move(*text);
        }
    } else if (!input && rule_files.read) {
        auto text = read_file(*rule_files.read);
        if (!text) return complain(words, refuse("Can't open " + text.error().message), 1);
        input = std::move(*text);
    }
    if (parsed) make_absolute(*parsed, words, argv);
    return ask(words, std::move(argv), std::move(input), save_to);
}

/// The daemon explains frames; the file is the caller's.
int Client::explain_file(const std::vector<std::string>& words, const command::Match& match) const {
    const auto frames = read_capture(match.argument("FILE")->value);
    if (!frames) return complain(words, frames.error(), 2);
    int status = 0;
    for (const auto& frame : *frames)
        if (status == 0)
            status = ask(words, {"explain", match.argument("IF")->value, "hex", frame}, std::nullopt, {});
    return status;
}

int Client::run_file(const std::string& file) const {
    auto text = read_file(file);
    if (!text) return complain({}, text.error(), static_cast<int>(text.error().code));
    return ask({}, {"-f", file}, std::move(*text), {});
}

int Client::ask(const std::vector<std::string>& words, std::vector<std::string> argv,
                std::optional<std::string> input, const std::string& save_to) const {
    const auto unreachable = [&](const Error& error) {
        return complain(words, error,
                        words.empty() ? static_cast<int>(error.code) : command::exit_status(words, error));
    };
    auto connection = Connection::open(socket_);
    if (!connection) return unreachable(connection.error());
    const auto match = command::grammar().parse(words);
    const bool pretty = match && match->option("-p");
    int status = 0;
    const auto* out = match ? match->argument("OUT") : nullptr;
    EventSink events(out ? out->value : "");
    const Question question{std::move(argv), std::move(input), json_ && save_to.empty()};
    auto asked = connection->ask(question, [&](const Json& answer) {
        if (answer.value("ok", true)) print_warnings(answer);
        if (answer.value("stream", false)) {
            const auto opened = events.open(connection->socket());
            if (!opened) status = complain(words, opened.error(), 1);
            if (opened && match && match->spec->name == "tcpdump")
                events.listen(match->argument("IF")->value, snapshot_of(*match));
            if (opened && match && match->spec->name == "conntrack events")
                events.follow_connections(follows_expectations(words) ? "expectation" : "flow");
            return status == 0;
        }
        if (!answer.contains("exit")) {
            const auto taken = events.take(answer);
            if (!taken) status = complain(words, taken.error(), 1);
            return status == 0;
        }
        status = answer.value("exit", 1);
        if (!answer.value("ok", false)) {
            const Error error{ErrorCode::refused, answer.value("error", std::string("refused")),
                              answer.value("column", 0)};
            static_cast<void>(print(answer.value("text", std::string())));
            complain(words, error, status);
            if (!as_program_) print_warnings(answer);
        } else if (!save_to.empty()) {
            const auto saved = write_file(save_to, printable(answer, false));
            if (!saved) status = complain(words, saved.error(), static_cast<int>(saved.error().code));
        } else if (const int failed = print(printable(answer, pretty)); failed != 0) {
            status = failed;
        }
        return false;
    });
    events.summarize();
    return asked ? status : unreachable(asked.error());
}

std::vector<LinkName> Client::link_names() const {
    std::vector<LinkName> names;
    auto connection = Connection::open(socket_);
    if (!connection) return names;
    const auto each = [&](std::vector<std::string> argv, const auto& take) {
        const auto asked = connection->ask({std::move(argv), std::nullopt, true}, [&](const Json& answer) {
            for (const auto& one : answer.value("data", Json::array()))
                take(one);
            return false;
        });
        return static_cast<bool>(asked);
    };
    const bool told = each({"ip", "-d", "link"}, [&](const Json& link) {
        const auto kind = link.value("linkinfo", Json::object()).value("info_kind", std::string("port"));
        names.push_back({link.value("ifname", std::string()), kind == "tun" ? "tuntap" : kind,
                         link.value("master", std::string())});
    });
    return told ? names : std::vector<LinkName>{};
}

int Client::help(const std::vector<std::string>& words) const {
    const auto text = help_text(words, [this] { return link_names(); });
    if (text.empty())
        return complain(words, {ErrorCode::usage, "help: no command begins with these words", 1}, 1);
    return print(text);
}

}  // namespace weft::cli
