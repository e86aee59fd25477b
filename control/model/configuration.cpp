#include <fmt/format.h>

#include "control/model/commands.hpp"
#include "control/model/load.hpp"
#include "control/model/save.hpp"

namespace weft {

namespace {

Result<Reply> save_command(Session& session, const command::Match&, const std::string&) {
    return Reply{.text = save(session.model)};
}

/// `input` is the file's text.
Result<Reply> diff_command(Session& session, const command::Match& match, const std::string& input) {
    const auto wanted = load(input, match.argument("FILE")->value);
    if (!wanted) return wanted.error();
    return Reply{.text = diff(session.model, *wanted)};
}

Result<Reply> check_command(Session&, const command::Match& match, const std::string& input) {
    if (auto checked = check_offline(input, match.argument("FILE")->value); !checked) return checked.error();
    return Reply{};
}

Result<Reply> stop_command(Session& session, const command::Match& match, const std::string&) {
    session.live->stop(match.has("--keep"));
    return Reply{};
}

}  // namespace

std::span<const Handler> configuration_handlers() {
    static constexpr Handler table[] = {
        {"save", save_command},
        {"diff", diff_command},
        {"check", check_command},
        {"stop", stop_command},
    };
    return table;
}

}  // namespace weft
