// What a command answers: text for people, or data for programs.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace weft {

class Pieces;

/// Keeps the fields in the order given, which is the Linux program's order. Include <nlohmann/json.hpp> to
/// use it.
using Json = nlohmann::ordered_json;

/// The outcome of a command that was carried out. A refused one is an Error.
struct Reply {
    int exit = 0;        ///< not 0 where the Linux program of that name answers and yet ends otherwise
    std::string text{};  ///< goes to stdout as it is
    std::shared_ptr<Json> data{};  ///< set where JSON was asked for and the command has some
    /// In the place of text, or of data where JSON was asked for: what is too long to be made at once.
    std::shared_ptr<Pieces> pieces{};
    std::string encoded{};  ///< in the place of data: what is too long for a tree, as JSON already
};

}  // namespace weft
