// ipset on Sets: words in, what the program would print and its exit status out. This is what the rest of
// weft calls. Source: ipset 7.17 and ip_set of Linux 6.1. No I/O, no clock; not thread safe for one Sets.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "control/set/print.hpp"

namespace weft::ipset {

struct Outcome {
    int status = 0;        ///< ipset's exit status
    std::string output;    ///< to stdout
    std::string errors;    ///< to stderr
    bool refused = false;  ///< nothing was changed; a test that fails only has a status
    unsigned line = 0;     ///< of a file that was refused, 1-based
};

/// `words[0]` is ipset. `input` is the file of `restore`: all of its lines are carried out, or none, where
/// ipset would leave done what came before the refused one. A refused command changes nothing.
[[nodiscard]] Outcome run(Sets&, const Environment&, std::span<const std::string> words,
                          std::string_view input);

}  // namespace weft::ipset
