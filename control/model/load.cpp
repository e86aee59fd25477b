#include "control/model/load.hpp"

#include <fmt/format.h>

#include "control/config/file.hpp"
#include "control/model/refusal.hpp"
#include "control/model/unsupported.hpp"
#include "control/model/validate.hpp"

namespace weft {

namespace {

/// iptables' first line says what is wrong, the others where to read on.
std::string sentence(const Error& error) {
    return error.message.substr(0, error.message.find('\n', 1));
}

Result<> run_line(Session& session, const config::Command& line) {
    const auto match = command::grammar().parse(line.words);
    if (!match) return match.error();
    // what has to come later is said before that it has no place in a file
    if (match->spec->effect != command::Effect::configure && !is_unsupported(*match->spec))
        return refuse_at(
            fmt::format("{} cannot stand in a file: only commands that configure can", match->spec->name), 1);
    auto reply = run(session, *match, line.input.value_or(std::string{}));
    // the file is refused, whatever the program of one of its lines would end with
    if (!reply)
        return Error{ErrorCode::refused, session.reason.empty() ? sentence(reply.error()) : session.reason,
                     reply.error().column, reply.error().line};
    return {};
}

}  // namespace

Result<> run_lines(Session& session, std::string_view text, const std::string& file) {
    const auto lines = config::read(text, file);
    if (!lines) return lines.error();
    for (const auto& line : *lines)
        if (auto done = run_line(session, line); !done) {
            const auto& error = done.error();
            const auto place =
                error.line == 0 ? line.place(error.column) : line.input_place(error.line, error.column, text);
            return Error{error.code, config::point_into_file(file, text, place, error.message), 0};
        }
    return {};
}

Result<Model> load(std::string_view text, const std::string& file) {
    Model model;
    Session session{.model = model, .live = nullptr, .json = false, .warnings = {}};
    if (auto done = run_lines(session, text, file); !done) return done.error();
    if (auto valid = validate(model); !valid)
        return refuse(fmt::format("{}: {}\n", file, valid.error().message));
    return model;
}

Result<> check_offline(std::string_view text, const std::string& file) {
    auto model = load(text, file);
    if (!model) return model.error();
    return {};
}

}  // namespace weft
