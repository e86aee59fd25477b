#include "control/hook/save_line.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

constexpr std::size_t longest_word = 1023;
constexpr std::size_t most_words = 254;
constexpr std::string_view blanks = " \t\n";

}  // namespace

Split split_line(std::string_view line, int first_column) {
    Split split;
    std::string word;
    int start = 0;
    bool quoted = false, escaped = false, was_quoted = false;
    const auto add = [&] {
        if (split.words.size() >= most_words) refuse_parameter("Parser cannot handle more arguments");
        split.words.push_back(std::move(word));
        split.columns.push_back(start);
        word.clear();
        was_quoted = false;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (word.empty() && !was_quoted) start = first_column + static_cast<int>(i);
        if (quoted && escaped) {
            escaped = false;
        } else if (quoted && c == '\\') {
            escaped = true;
            continue;
        } else if (c == '"') {
            // a word ends where its quotes end
            if (quoted) add();
            quoted = !quoted;
            was_quoted = quoted;
            continue;
        } else if (!quoted && blanks.find(c) != std::string_view::npos) {
            if (!word.empty()) add();
            continue;
        }
        word += c;
        if (word.size() > longest_word) refuse_parameter("Parameter too long!");
    }
    if (!word.empty()) add();
    return split;
}

std::optional<Counters> read_bracketed(std::string_view text) {
    Counters counters;
    if (!text.starts_with('[')) return std::nullopt;
    const auto* end = text.data() + text.size();
    auto [colon, error] = std::from_chars(text.data() + 1, end, counters.packets);
    if (error != std::errc{} || colon == end || *colon != ':') return std::nullopt;
    auto [close, second_error] = std::from_chars(colon + 1, end, counters.bytes);
    if (second_error != std::errc{} || close == end || *close != ']') return std::nullopt;
    return counters;
}

std::string_view take_word(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    const auto word = rest.substr(0, rest.find_first_of(blanks));
    rest.remove_prefix(word.size());
    return word;
}

}  // namespace weft::hook
