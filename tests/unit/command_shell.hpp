// Types lines at a model and a fake switch, as a daemon's client would.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "control/command/program.hpp"
#include "control/config/file.hpp"
#include "control/model/commands.hpp"
#include "control/model/load.hpp"
#include "control/model/save.hpp"
#include "control/model/validate.hpp"
#include "tests/unit/fake_live.hpp"

namespace weft {

struct Shell {
    Model model;
    FakeLive live;
    Json data;            ///< of the last line
    std::string input;    ///< goes along with each line
    bool running = true;  ///< false: as a file is read, without a switch

    /// What the line prints; if refused "[STATUS] message". A refused line leaves the model as it was.
    std::string operator()(const std::string& line) {
        const auto words = config::read(line, "line");
        if (!words) return "[1] " + words.error().message;
        const auto& argv = words->front().words;
        const auto refused = [&](const Error& error) {
            return "[" + std::to_string(static_cast<int>(error.code)) + "] " + error.message;
        };
        const auto match = command::grammar().parse(argv);
        if (!match)
            return "[" + std::to_string(command::exit_status(argv, match.error())) + "] " +
                   match.error().message;
        Model next = model;
        Session session{.model = next, .live = running ? &live : nullptr, .json = false};
        auto reply = run(session, *match, input);
        if (!reply) return refused(reply.error());
        if (auto valid = validate(next); !valid) return refused(valid.error());
        model = std::move(next);
        data = reply->data ? *reply->data : Json{};
        return reply->text;
    }

    /// Lines that have to succeed and print nothing; what the first one that does not says.
    std::string type(const std::string& lines) {
        std::istringstream in{lines};
        for (std::string line; std::getline(in, line);) {
            if (line.find_first_not_of(' ') == std::string::npos) continue;
            if (auto said = (*this)(line); !said.empty()) return line + ": " + said;
        }
        return {};
    }
};

}  // namespace weft
