// A command line taken apart as getopt_long does it for iptables: short options in clusters, long ones by any
// prefix that names one, arguments attached or in the next word, everything else in its place.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/hook/option.hpp"

namespace weft::hook {

enum class Takes : std::uint8_t { nothing, argument, maybe };

/// A long option: one of iptables itself, by its letter, or one of a match or target.
struct LongOption {
    std::string_view name;
    Takes takes = Takes::nothing;
    char letter = 0;
    const Option* extension = nullptr;
    unsigned owner = 0;  ///< which match or target added it
};

/// What the next piece of the line is.
struct Item {
    enum class Kind : std::uint8_t { end, letter, extension, plain, missing_argument, unknown };
    Kind kind = Kind::end;
    char letter = 0;
    const LongOption* option = nullptr;  ///< of an extension; good until options are added
    std::string_view text;               ///< the argument, or the plain word
    bool has_text = false;
    std::size_t word = 0;  ///< the word that holds the option
};

/// Borrows the words. Options that are added come before those added earlier, and after iptables' own.
class Words {
  public:
    Words(std::span<const std::string> words, std::size_t first, Family family);

    [[nodiscard]] Item next();
    /// Read the last long option again, when options were added.
    void again() noexcept { at_ = last_; }
    /// The next word if it can be an argument (is no option and no '!'), which is then taken.
    [[nodiscard]] const std::string* take_argument();
    [[nodiscard]] const std::string* peek() const noexcept {
        return at_ < words_.size() ? &words_[at_] : nullptr;
    }
    void skip() noexcept { ++at_; }
    [[nodiscard]] bool done() const noexcept { return at_ >= words_.size(); }
    [[nodiscard]] std::size_t at() const noexcept { return at_; }

    void add(unsigned owner, std::span<const Option> options);

  private:
    Item long_option(const std::string& word);
    Item short_option();

    std::span<const std::string> words_;
    std::vector<LongOption> options_;
    std::size_t own_ = 0;  ///< of `options_`: before those of matches and targets
    std::size_t at_, last_ = 0;
    std::size_t in_cluster_ = 0;  ///< where in the current word of short options, 0 if in none
};

}  // namespace weft::hook
