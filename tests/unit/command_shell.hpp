// Types lines at a model and a fake switch, as a daemon's client would.
#pragma once

#include <nlohmann/json.hpp>
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
    int status = 0;                       ///< of the last line that was not refused
    Json data;                            ///< of the last line
    std::vector<std::string> warnings{};  ///< of the last line
    std::string input;                    ///< goes along with each line
    bool running = true;                  ///< false: as a file is read, without a switch

    /// What the line prints; if refused "[STATUS] message". A refused line leaves the model as it was.
    std::string operator()(const std::string& line);

    /// Lines that have to succeed and print nothing; what the first one that does not says.
    std::string type(const std::string& lines);
};

}  // namespace weft
