// The manners of the programs whose words weft takes: which abbreviate, which options stand before the
// object, and what status they exit with.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/command/grammar.hpp"

namespace weft::command {

struct ProgramOption {
    enum class Kind { flag, json, family, colour, refused };
    std::string_view spelling;
    bool abbreviates;  ///< may be typed by a prefix; the first listed wins, as in iproute2
    Kind kind;
    std::string_view canonical;  ///< flag: as Match::options has it; refused: what to do instead, or empty
};

struct Program {
    std::string_view name;
    bool
        iproute;  ///< abbreviates its words, takes "--option" for "-option", and words its errors as iproute2
    std::span<const ProgramOption> options;
};

/// The manners of the program that a line's first word names; weft's own words have those of "weft".
[[nodiscard]] const Program& program_of(std::string_view word) noexcept;

/// A line with its leading options taken off.
struct Line {
    std::vector<std::string> stripped;  ///< used if there were options
    std::span<const std::string> words;
    std::vector<int> columns;
    int end_column = 1;  ///< where one more word would stand
    const Program* program = nullptr;
    bool unfinished = false;  ///< in: more words may follow, so that an option may lack its value

    Line() = default;
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
};

/// Takes the options before and after the program's word off `words` into `match`. `line` borrows `words`.
[[nodiscard]] Result<> take_options(std::span<const std::string> words, Line& line, Match& match);

/// The column of each word in the line of `words` joined by single blanks, 1-based, in bytes; one more for
/// its end.
[[nodiscard]] std::vector<int> columns_of(std::span<const std::string> words);

/// The exit status that the program of these words has for a line that Grammar::parse refused, and for a
/// daemon that cannot be reached. What a handler refuses carries its status itself, as Error::code.
[[nodiscard]] int exit_status(std::span<const std::string> words, const Error& error);

/// The first word that is no option: the program, or weft's own word; empty if none.
[[nodiscard]] std::string_view program_word(std::span<const std::string> words) noexcept;

}  // namespace weft::command
