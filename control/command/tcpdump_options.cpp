#include "control/command/tcpdump_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "control/command/types.hpp"

namespace weft::command {

namespace {

using std::string_view;

constexpr string_view valued = "iwcsQ";
// Names are never looked up, lines and packets never held back, link headers always shown, nothing is put
// into or out of promiscuous mode, no checksum judged.
constexpr string_view without_effect = "nelUpqK";
constexpr std::uint64_t most_packets = 1'000'000'000, longest_snapshot = 262'144;

bool is_in(string_view letters, char letter) {
    return letters.find(letter) != string_view::npos;
}

class Spreader {
  public:
    Spreader(const std::vector<std::string>& words, const std::vector<int>& columns, bool unfinished)
        : words_(words), columns_(columns), unfinished_(unfinished) {}

    Result<> run() {
        put(words_.front(), columns_.front());
        std::vector<std::size_t> filter;
        for (at_ = 1; at_ < words_.size(); ++at_) {
            const auto& word = words_[at_];
            if (word == "--") break;
            if (word.size() < 2 || word.front() != '-') {
                filter.push_back(at_);
                continue;
            }
            auto taken = word.starts_with("--") ? take_long(word) : take_letters(word);
            if (!taken) return taken;
        }
        if (verbose_ != 0 && !writes_)
            return refused(verbose_, "-v", " without -w: a line a frame is all there is");
        for (++at_; at_ < words_.size(); ++at_)
            filter.push_back(at_);
        for (const auto at : filter)
            put(words_[at], columns_[at]);
        return {};
    }

    std::vector<std::string> spread;
    std::vector<int> places;

  private:
    void put(const std::string& word, int column) {
        spread.push_back(word);
        places.push_back(column);
    }
    static Result<> refused(int column, string_view option, string_view why = {}) {
        return Error{ErrorCode::usage, fmt::format("tcpdump: option \"{}\" is not supported{}", option, why),
                     column};
    }

    Result<> take_long(const std::string& word) {
        constexpr string_view interface = "--interface";
        if (word == "--drops") {
            put(word, columns_[at_]);
            return {};
        }
        if (word == "--immediate-mode") return {};
        if (word == interface) return take_value('i', "");
        if (word.starts_with("--interface=")) return take_value('i', word.substr(interface.size() + 1));
        return refused(columns_[at_], word);
    }

    Result<> take_letters(const std::string& word) {
        for (std::size_t letter = 1; letter < word.size(); ++letter) {
            if (is_in(valued, word[letter])) return take_value(word[letter], word.substr(letter + 1));
            if (word[letter] == 'v')
                verbose_ = columns_[at_];
            else if (!is_in(without_effect, word[letter]))
                return refused(columns_[at_], word);
        }
        return {};
    }

    Result<> take_value(char option, std::string value) {
        const int column = columns_[at_];
        const std::string name{'-', option};
        if (value.empty() && ++at_ == words_.size()) {
            if (!unfinished_)
                return Error{ErrorCode::usage,
                             fmt::format("tcpdump: option requires an argument -- '{}'", option), column};
            if (option != 'Q') put(name, column);
            return {};
        }
        if (value.empty()) value = words_[at_];
        if (auto right = check(option, value); !right) return right;
        if (option == 'Q') return value == "inout" ? Result<>{} : refused(column, "-Q " + value);
        forget(name);
        put(name, column);
        put(value, columns_[at_]);
        writes_ |= option == 'w';
        return {};
    }

    [[nodiscard]] Result<> check(char option, const std::string& value) const {
        const auto number = parse_unsigned(value);
        const auto wrong = [&](std::string sentence) {
            return Error{ErrorCode::usage, "tcpdump: " + std::move(sentence), columns_[at_]};
        };
        if (option == 'c' && (!number || *number == 0 || *number > most_packets))
            return wrong(fmt::format("invalid packet count {}", value));
        if (option == 's' && (!number || *number > longest_snapshot))
            return wrong(fmt::format("invalid snaplen {} (must be >= 0 and <= {})", value, longest_snapshot));
        if (option == 'Q' && value != "in" && value != "out" && value != "inout")
            return wrong(fmt::format("unknown capture direction `{}'", value));
        return {};
    }

    /// The option and its value where they were given before.
    void forget(const std::string& option) {
        const auto before = std::find(spread.begin() + 1, spread.end(), option);
        if (before == spread.end()) return;
        const auto place = places.begin() + (before - spread.begin());
        places.erase(place, place + 2);
        spread.erase(before, before + 2);
    }

    const std::vector<std::string>& words_;
    const std::vector<int>& columns_;
    bool unfinished_, writes_ = false;
    int verbose_ = 0;  ///< column of -v
    std::size_t at_ = 0;
};

}  // namespace

Result<> spread_tcpdump_options(std::vector<std::string>& words, std::vector<int>& columns, bool unfinished) {
    Spreader spreader(words, columns, unfinished);
    auto done = spreader.run();
    if (!done) return done;
    words = std::move(spreader.spread);
    columns = std::move(spreader.places);
    return {};
}

}  // namespace weft::command
