// Fits a line to one command's tree: backtracking, with a bound on its steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/command/grammar.hpp"
#include "control/command/syntax.hpp"

namespace weft::command {

/// How far the attempts on a line came, over all commands tried: the place of an error, and what would have
/// fitted.
struct Reached {
    std::size_t position = 0;  ///< index of the furthest word that did not fit; words.size(): one is missing
    std::vector<const Node*> expected;  ///< keywords and arguments tried there, each once
    bool twice = false;                 ///< the word fits an alternative that was taken before
    bool exhausted = false;             ///< the bound on steps was met
    /// The first word that was no keyword and could only be an argument given before, by this keyword too.
    std::size_t again = static_cast<std::size_t>(-1);
    std::string_view again_keyword;

    /// The words before `at` fitted.
    void come_to(std::size_t at);
    /// `node` was tried at `at` and did not fit.
    void note(std::size_t at, const Node& node);
};

/// How a word fits a keyword.
enum class Fit : std::uint8_t { no, abbreviated, whole };
[[nodiscard]] Fit fits(const Node& keyword, std::string_view word, bool abbreviates) noexcept;

/// The keyword among `candidates` that the word means: a whole match, else the first that it abbreviates,
/// else null.
[[nodiscard]] const Node* choose(std::span<const Node* const> candidates, std::string_view word,
                                 bool abbreviates) noexcept;

class Matcher {
  public:
    /// `columns` has the column of each word. All are borrowed for the matcher's life.
    Matcher(std::span<const std::string> words, std::span<const int> columns, bool abbreviates,
            Reached& reached)
        : words_(words), columns_(columns), abbreviates_(abbreviates), reached_(reached) {}

    /// Whether the words from `position` on fit the tree; items() are then those of these words.
    [[nodiscard]] bool run(const Node& root, std::size_t position);
    /// Tries every way without stopping at one that fits: fills Reached for completion.
    void explore(const Node& root, std::size_t position);
    [[nodiscard]] std::vector<Item> take_items() { return std::move(items_); }

  private:
    struct Frame;
    [[nodiscard]] bool step(std::size_t count);
    bool match(const Node& node, std::size_t position, const Frame* next);
    bool match_sequence(const Node& node, std::size_t index, std::size_t position, const Frame* next);
    bool match_keyword(const Node& node, std::size_t position, const Frame* next);
    bool match_argument(const Node& node, std::size_t position, const Frame* next);
    bool match_group(const Node& node, std::uint64_t taken, std::size_t position, const Frame* next);
    bool try_alternative(const Node& group, std::size_t index, std::uint64_t taken, std::size_t position,
                         const Frame* next);
    bool resume(const Frame* frame, std::size_t position);
    [[nodiscard]] bool came_by_keyword(const Node& node, std::size_t position, std::size_t arrived) const;
    [[nodiscard]] bool gives_again(const Node& group, std::uint64_t taken, std::size_t index) const;
    void note_again(const Node& group, const Node& alternative, std::size_t position);
    void note_group(const Node& group, std::uint64_t taken, std::size_t position);

    std::span<const std::string> words_;
    std::span<const int> columns_;
    bool abbreviates_;
    Reached& reached_;
    bool explore_ = false;
    std::size_t arrived_ = 0;  ///< how often the end of the words was come to
    std::size_t steps_ = 0;
    std::vector<Item> items_;
};

}  // namespace weft::command
