#include "tests/unit/command_shell.hpp"

#include <sstream>

#include "control/command/program.hpp"
#include "control/config/file.hpp"
#include "control/model/validate.hpp"
#include "control/server/pieces.hpp"

namespace weft {

std::string Shell::operator()(const std::string& line) {
    const auto words = config::read(line, "line");
    if (!words) return "[1] " + words.error().message;
    const auto& argv = words->front().words;
    const auto refused = [&](const Error& error) {
        return "[" + std::to_string(static_cast<int>(error.code)) + "] " + error.message;
    };
    const auto match = command::grammar().parse(argv);
    if (!match)
        return "[" + std::to_string(command::exit_status(argv, match.error())) + "] " + match.error().message;
    Model next = model;
    Session session{.model = next, .live = running ? &live : nullptr, .json = false};
    auto reply = run(session, *match, input);
    if (!reply) return refused(reply.error());
    warnings = session.warnings;
    if (reply->pieces) {
        auto& whole = session.json ? reply->encoded : reply->text;
        while (reply->pieces->next(whole)) {
        }
        reply->exit = reply->pieces->exit;
        warnings = reply->pieces->warnings;
    }
    status = reply->exit;
    if (auto valid = validate(next); !valid) return refused(valid.error());
    model = std::move(next);
    for (const auto& action : session.afterwards)
        if (auto done = action(live); !done) return refused(done.error());
    data = reply->data ? *reply->data : reply->encoded.empty() ? Json{} : Json::parse(reply->encoded);
    return reply->text;
}

std::string Shell::type(const std::string& lines) {
    std::istringstream in{lines};
    for (std::string line; std::getline(in, line);) {
        if (line.find_first_not_of(' ') == std::string::npos) continue;
        if (auto said = (*this)(line); !said.empty()) return line + ": " + said;
    }
    return {};
}

}  // namespace weft
