// A `conntrack` command line, read as conntrack 1.4.7 reads it: getopt's order and abbreviations, the options
// that a command takes, and what is said of those that it does not. What weft does not have is refused by its
// name. Where the program takes a number that is none for 0, or one that is too great for its lower bits, it
// is refused too.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/flow/filter.hpp"
#include "control/flow/print.hpp"
#include "weft/result.hpp"

namespace weft::conntrack {

enum class Action : std::uint8_t { list, get, remove, flush, event, count, statistics, version, help };

/// Bits of -e.
struct EventMask {
    static constexpr unsigned created = 1, updated = 2, destroyed = 4, all = 7;
};

struct Command {
    Action action = Action::help;
    bool expects = false;  ///< of the table expect
    Filter filter{};
    Style style{};
    bool timestamp = false;  ///< -o timestamp: of the event
    unsigned events = EventMask::all;
    std::vector<std::string> warnings{};
};

/// "conntrack v1.4.7 (conntrack-tools)", with which the program begins what it says on stderr.
[[nodiscard]] const std::string& program_text();

/// `words[0]` is conntrack. Errors: 2 a line that the program does not take, 1 one that it or weft refuses;
/// the message is what it prints. Not thread safe: getopt is not.
[[nodiscard]] Result<Command> read_command(std::span<const std::string> words);

/// What -h prints.
[[nodiscard]] const std::string& help_text();

}  // namespace weft::conntrack
