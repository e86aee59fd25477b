// Points at a place: the line, and a caret under the word.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weft::config {

/// A place in a text: both 1-based, the column in bytes. Line 0: no place.
struct Place {
    unsigned line = 0;
    unsigned column = 0;
    friend bool operator==(const Place&, const Place&) = default;
};

/// A line of a text by its 1-based number, without its end; empty behind the text.
[[nodiscard]] std::string_view line_of(std::string_view text, unsigned number);

/// "FILE:3:7: MESSAGE\n" and below it the line and a caret under the column, each line ended. Tabs and UTF-8
/// are kept aligned; a place behind the text points at its end.
[[nodiscard]] std::string point_into_file(std::string_view file, std::string_view text, Place place,
                                          std::string_view message);

/// "MESSAGE\n", the words joined by single blanks, a caret under the 1-based column; without a column the
/// message only.
[[nodiscard]] std::string point_into_words(std::span<const std::string> words, int column,
                                           std::string_view message);

}  // namespace weft::config
