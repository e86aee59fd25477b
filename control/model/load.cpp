#include "control/model/load.hpp"

#include <fmt/format.h>

#include "control/config/file.hpp"
#include "control/model/refusal.hpp"
#include "control/model/unsupported.hpp"
#include "control/model/validate.hpp"

namespace weft {

namespace {

Result<> run_line(Session& session, const config::Command& line) {
    const auto match = command::grammar().parse(line.words);
    if (!match) return match.error();
    // what has to come later is said before that it has no place in a file
    if (match->spec->effect != command::Effect::configure && !is_unsupported(*match->spec))
        return refuse_at(
            fmt::format("{} cannot stand in a file: only commands that configure can", match->spec->name), 1);
    auto reply = run(session, *match, line.input.value_or(std::string{}));
    // the file is refused, whatever the program of one of its lines would end with
    if (!reply) return refuse_at(reply.error().message, reply.error().column);
    return {};
}

}  // namespace

Result<> run_lines(Session& session, std::string_view text, const std::string& file) {
    const auto lines = config::read(text, file);
    if (!lines) return lines.error();
    for (const auto& line : *lines)
        if (auto done = run_line(session, line); !done)
            return Error{
                done.error().code,
                config::point_into_file(file, text, line.place(done.error().column), done.error().message),
                0};
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
