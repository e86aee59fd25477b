// A command's syntax line as a tree, and the compiler that makes it (the language: grammar.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "control/command/types.hpp"
#include "weft/result.hpp"

namespace weft::command {

struct Node {
    enum class Kind : std::uint8_t {
        sequence,
        keyword,
        argument,
        optional,  ///< [ ]
        one_of,    ///< { | }
        any_of,    ///< { | }*
        some_of,   ///< { | }+
    };
    Kind kind = Kind::sequence;
    std::vector<Node> children;

    std::vector<std::string_view> spellings;  ///< keyword
    bool whole = false;                       ///< keyword: never abbreviated

    std::string_view name;  ///< argument
    std::string_view type_text;
    const Type* type = nullptr;
    std::string_view parameter;
    bool to_the_end = false;

    /// The keywords and arguments that this may begin with, in order; pointers into this tree.
    std::vector<const Node*> first;
    bool nullable = false;  ///< may match no word

    [[nodiscard]] bool is_keyword() const noexcept { return kind == Kind::keyword; }
};

/// A group's alternatives are counted in a 64-bit mask.
inline constexpr std::size_t maximum_alternatives = 64;

/// Compiles a syntax line into `root`, in place, since `first` points into it: do not move it afterwards.
/// Views point into `syntax`, which must outlive the tree. Refused with the column in the syntax line.
[[nodiscard]] Result<> compile_syntax(std::string_view syntax, Node& root);

}  // namespace weft::command
