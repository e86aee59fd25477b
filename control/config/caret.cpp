#include "control/config/caret.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace weft::config {

namespace {

using std::string_view;

constexpr std::size_t longest_behind = 200;  // bytes of a line shown behind the caret

/// What stands above the caret's left, as blanks: tabs stay, a UTF-8 sequence is one character.
std::string indent(string_view line, std::size_t bytes) {
    std::string blanks;
    for (const char c : line.substr(0, bytes))
        if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) blanks += c == '\t' ? '\t' : ' ';
    blanks.append(bytes - std::min(bytes, line.size()), ' ');
    return blanks;
}

/// Control characters would move the cursor or the terminal's colours.
std::string printable(string_view line) {
    std::string text(line);
    for (auto& c : text)
        if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') c = '?';
    return text;
}

}  // namespace

string_view line_of(string_view text, unsigned number) {
    for (; number > 1; --number) {
        const auto end = text.find('\n');
        if (end == string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find('\n'));
}

std::string point_into_file(string_view file, string_view text, Place place, string_view message) {
    if (place.line == 0) return fmt::format("{}: {}\n", file, message);
    const auto line = line_of(text, place.line);
    const std::size_t before = std::min<std::size_t>(place.column == 0 ? 0 : place.column - 1, line.size());
    return fmt::format("{}:{}:{}: {}\n{}\n{}^\n", file, place.line, place.column, message, printable(line),
                       indent(line, before));
}

std::string point_into_words(std::span<const std::string> words, int column, string_view message) {
    if (column <= 0) return fmt::format("{}\n", message);
    auto line = fmt::format("{}", fmt::join(words, " "));
    const auto before = std::min<std::size_t>(static_cast<std::size_t>(column) - 1, line.size() + 1);
    if (line.size() > before + longest_behind) line = line.substr(0, before + longest_behind) + "...";
    return fmt::format("{}\n{}\n{}^\n", message, printable(line), indent(line, before));
}

}  // namespace weft::config
