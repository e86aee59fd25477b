// How a command line is refused inside this library: by an exception that the one entry (program.cpp) turns
// into the program's message and status. What is thrown never leaves the library.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace weft::hook {

/// Exit statuses of include/xtables.h.
enum class Status : int { ok = 0, other = 1, parameter = 2, version = 3, resource = 4 };

/// Printed as "PROGRAM vVERSION: MESSAGE", and for a parameter with where to find help.
struct Refusal {
    Status status = Status::parameter;
    std::string message;
    bool bare = false;  ///< the message is printed as it is, without the program's name
};

template <class... Arguments>
[[noreturn]] void refuse_parameter(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    throw Refusal{Status::parameter, fmt::format(text, std::forward<Arguments>(arguments)...)};
}

}  // namespace weft::hook
