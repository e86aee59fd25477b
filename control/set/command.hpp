// A line of ipset taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "control/set/element.hpp"

namespace weft::ipset {

/// In the order in which ipset looks for the word: it decides what an abbreviation means.
enum class Action : std::uint8_t {
    create,
    add,
    del,
    test,
    destroy,
    list,
    save,
    restore,
    flush,
    rename,
    swap,
    help,
    version,
    quit
};

struct Command {
    Action action = Action::list;
    std::string name;   ///< of the set; empty: all
    std::string other;  ///< rename, swap: the second set
    bool exist = false, quiet = false, names_only = false, terse = false;
    std::optional<bool> saves;  ///< -output save or plain

    Options options{};  ///< create
    std::optional<std::uint32_t> initval{};

    Element element{};  ///< add, del, test
    bool nomatch = false;
    std::optional<std::uint32_t> timeout{};
    std::optional<std::uint64_t> packets{}, bytes{};
    std::optional<std::string> comment{};
};

/// `words` without the program's name. `restoring`: a line of a file. Sets are looked up for the type that
/// their elements have. `quiet` tells of -quiet also when the line is refused. Throws Refusal.
[[nodiscard]] Command read_command(std::span<const std::string> words, const Sets&, bool restoring,
                                   bool& quiet);

}  // namespace weft::ipset
