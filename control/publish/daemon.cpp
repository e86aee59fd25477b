#include "control/publish/daemon.hpp"

#include <fmt/format.h>

#include <exception>
#include <sstream>

#include "control/command/program.hpp"
#include "control/model/commands.hpp"
#include "control/model/load.hpp"
#include "control/model/validate.hpp"
#include "control/publish/capture_stream.hpp"
#include "control/publish/log.hpp"
#include "control/publish/monitor_stream.hpp"
#include "control/publish/top_stream.hpp"
#include "control/tuntap/past_rules.hpp"
#include "weft/clock.hpp"

namespace weft {

namespace {

server::Answer refused(const Error& error) {
    return server::refusal(error, static_cast<int>(error.code));
}

/// What the kernel would write to its log, and iptables points there.
void add_reason(server::Answer& answer, const server::Request& request, const std::string& reason) {
    const auto place = answer.line > 0 ? fmt::format("line {}: ", answer.line) : std::string();
    answer.warnings.push_back(fmt::format("weft: {}{}", place, reason));
    log_line(fmt::format("{} refused: {}{}", request.argv.front(), place, reason));
}

/// Text that has no fields (save, diff, brctl, sysctl) is its lines.
Json lines_of(const std::string& text) {
    Json lines = Json::array();
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

server::Answer answer(Reply reply, std::vector<std::string> warnings, bool json) {
    server::Answer out;
    out.exit = reply.exit;
    out.pieces = std::move(reply.pieces);
    out.pieces_are_json = json;
    if (json && !out.pieces && !reply.data && reply.encoded.empty())
        reply.data = std::make_shared<Json>(lines_of(reply.text));
    out.text = std::move(reply.text);
    out.encoded = std::move(reply.encoded);
    if (reply.data) out.data = std::move(*reply.data);
    out.warnings = std::move(warnings);
    return out;
}

bool is_of_rules(std::string_view program) {
    return program.starts_with("iptables") || program.starts_with("ip6tables");
}

// What the kernel or a device refuses when a Linux program's word is made true, with that program's status.
Error in_program_terms(Error error, const std::vector<std::string>& argv) {
    const auto program = command::program_word(argv);
    if (is_of_rules(program) || program == "brctl" || program == "sysctl" || program == "ipset")
        error.code = ErrorCode::usage;
    return error;
}

}  // namespace

Daemon::Daemon(boost::asio::io_context& io, Switch& live, std::function<void()> end)
    : io_(io),
      live_(live),
      end_(std::move(end)),
      connection_events_(io, live.connections()),
      confirmation_(io) {
    live_.on_stop = [this](bool keep) {
        if (keep) live_.keep();
        stopping_ = true;
    };
}

Result<> Daemon::make_true(const Model& next) {
    if (auto judged = validate(next); !judged) return judged;
    if (!(next == live_.model())) return live_.apply(next);
    live_.take_counters(next);
    return {};
}

Result<> Daemon::make_true(Session& session) {
    for (auto& line : past_rules(live_.model(), session.model))
        session.warnings.push_back(std::move(line));
    if (auto done = make_true(session.model); !done) return done;
    for (const auto& action : session.afterwards)
        if (auto done = action(live_); !done) return done;
    return {};
}

Result<> Daemon::apply_text(const std::string& text, const std::string& name) {
    if (waiting_) return refuse("an apply waits to be confirmed: confirm it or roll it back first");
    auto next = load(text, name);
    if (!next) return std::move(next).error();
    live_.read_back_sysctls();
    live_.read_back_fdb();
    live_.read_back_rules();
    const Model before = live_.model();
    hook::keep_counters(next->rules, before.rules);
    before.sets.keep_running(next->sets, coarse_microseconds());
    if (auto done = make_true(*next); !done) return done;
    previous_ = before;
    return {};
}

server::Answer Daemon::answer_to(Result<> done) const {
    return done ? server::Answer{} : refused(done.error());
}

server::Answer Daemon::handle(const server::Request& request) {
    live_.read_back_sysctls();
    live_.read_back_fdb();
    if (is_of_rules(command::program_word(request.argv)) || request.argv.front() == "-f")
        live_.read_back_rules();
    server::Answer out = request.argv.front() == "-f" ? run_transaction(request) : run_command(request);
    if (stopping_) out.then = end_;
    return out;
}

server::Answer Daemon::run_transaction(const server::Request& request) {
    const std::string name = request.argv.size() > 1 ? request.argv[1] : "-";
    Model next = live_.model();
    Session session{.model = next, .live = &live_, .json = false, .warnings = {}};
    if (auto read = run_lines(session, request.input, name); !read) return refused(read.error());
    server::Answer out = answer_to(make_true(session));
    out.warnings = std::move(session.warnings);
    return out;
}

server::Answer Daemon::run_command(const server::Request& request) {
    auto match = command::grammar().parse(request.argv);
    if (!match) return server::refusal(match.error(), command::exit_status(request.argv, match.error()));
    const std::string_view name = match->spec->name;
    if (name == "tcpdump") return tcpdump(io_, live_, *match, match->json || request.json);
    if (name == "monitor") return monitor(io_, live_, match->json || request.json);
    if (name == "top") return top(io_, live_, *match, match->json || request.json);
    if (name == "conntrack events") return connection_events(*match, match->json || request.json);
    if (name == "apply") return apply_file(request, *match);
    if (name == "confirm") {
        if (!waiting_) return refused(refuse("nothing waits to be confirmed"));
        waiting_ = false;
        confirmation_.cancel();
        return {};
    }
    if (name == "rollback") {
        if (!previous_)
            return refused(
                refuse("there is nothing to go back to: nothing was applied since the start, or it was "
                       "taken back"));
        roll_back("rollback");
        return {};
    }
    Model next = live_.model();
    Session session{.model = next, .live = &live_, .json = match->json || request.json, .warnings = {}};
    auto reply = run(session, *match, request.input);
    if (!reply) {
        auto answer = refused(reply.error());
        answer.text = std::move(session.printed);
        if (!session.reason.empty()) add_reason(answer, request, session.reason);
        return answer;
    }
    if (match->spec->effect == command::Effect::configure)
        if (auto done = make_true(session); !done)
            return refused(in_program_terms(done.error(), request.argv));
    return answer(std::move(*reply), std::move(session.warnings), session.json);
}

server::Answer Daemon::connection_events(const command::Match& match, bool json) {
    std::vector<std::string> words;
    for (const auto& item : match.items)
        words.push_back(item.value);
    auto command = conntrack::read_command(words);
    if (!command) return refused(command.error());
    return connection_events_.listen(std::move(*command), json);
}

server::Answer Daemon::apply_file(const server::Request& request, const command::Match& match) {
    if (auto done = apply_text(request.input, match.argument("FILE")->value); !done)
        return refused(done.error());
    const auto* seconds = match.argument("SECONDS");
    if (!seconds) return {};
    waiting_ = true;
    confirmation_.expires_after(std::chrono::seconds(std::stoul(seconds->value)));
    confirmation_.async_wait([this](const boost::system::error_code& error) {
        if (!error && waiting_) roll_back("not confirmed in time");
    });
    return {};
}

void Daemon::roll_back(const char* why) {
    waiting_ = false;
    confirmation_.cancel();
    if (!previous_) return;
    live_.read_back_rules();
    Model target = *previous_;
    hook::keep_counters(target.rules, live_.model().rules);
    live_.model().sets.keep_running(target.sets, coarse_microseconds());
    previous_.reset();
    log_line(std::string(why) + ": back to the configuration before");
    try {
        if (auto done = make_true(target); !done) log_line(done.error().message);
    } catch (const std::exception& error) {
        log_line(std::string("internal error while going back: ") + error.what());
    }
}

}  // namespace weft
