// How ipset 7.17 refuses: its three ways to end, with their words.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace weft::ipset {

/// Thrown. The status is the program's.
struct Refusal {
    enum class Kind : std::uint8_t {
        session,  ///< of the kernel or a value: status 1, in a file with the line
        other,    ///< status 1
        usage,    ///< status 2, with a hint
    };
    Kind kind;
    std::string message;
};

template <class... Arguments>
[[noreturn]] void refuse_usage(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    throw Refusal{Refusal::Kind::usage, fmt::format(text, std::forward<Arguments>(arguments)...)};
}
template <class... Arguments>
[[noreturn]] void refuse_syntax(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    throw Refusal{Refusal::Kind::session,
                  "Syntax error: " + fmt::format(text, std::forward<Arguments>(arguments)...)};
}
/// In the words of lib/errcode.c.
[[noreturn]] inline void refuse_as_kernel(std::string sentence) {
    throw Refusal{Refusal::Kind::session, std::move(sentence)};
}
/// What ipset has and weft has not.
[[noreturn]] inline void refuse_unsupported(std::string_view what, std::string_view name) {
    throw Refusal{Refusal::Kind::other, fmt::format("{} `{}' is not supported in this version", what, name)};
}

}  // namespace weft::ipset
