// Configuration files: one command a line, read as the shell reads words, without its expansions.
//
//     #        at a word's start: the rest of the line is a comment
//     ' " \    quote as in the shell; a quoted text may go over lines
//     \        at a line's end joins the next line
//     <<WORD   the lines up to one that is WORD are the command's standard input, taken as they stand;
//     <<-WORD
//              strips their leading tabs. One a command.
// A file that ends inside a quote, a joined line or a here-document is half written: refused, with the place.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/caret.hpp"
#include "weft/result.hpp"

namespace weft::config {

/// One command of a file.
struct Command {
    std::vector<std::string> words;    ///< at least one
    std::vector<Place> places;         ///< where each word begins in the file; same size as words
    Place end;                         ///< where one more word would stand
    std::optional<std::string> input;  ///< of its here-document
    unsigned input_line = 0;           ///< where that begins in the file

    /// The place of an error that names a column of the words joined by single blanks (Error::column).
    [[nodiscard]] Place place(int column) const;
    /// The place of an error in the here-document (Error::line, not 0); `text` is the file's.
    [[nodiscard]] Place input_place(unsigned line, int column, std::string_view text) const;
};

/// Reads a file's text. Errors: code usage, the message ready to print: "file:line:column: …", the line, a
/// caret.
[[nodiscard]] Result<std::vector<Command>> read(std::string_view text, std::string_view file);

/// The word as it has to stand in a file or a shell to be read as it is: quoted only if it must be.
[[nodiscard]] std::string quote(std::string_view word);
[[nodiscard]] std::string quote(const std::vector<std::string>& words);

}  // namespace weft::config
