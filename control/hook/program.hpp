// iptables, ip6tables, their -save and -restore, on a Ruleset: words in, what the program would print and its
// exit status out. This is what the rest of weft calls.
//
// Nothing here does I/O but look up names in /etc/hosts, /etc/protocols and /etc/services. Not thread safe
// for one Ruleset; different Rulesets are independent.
#pragma once

#include <cstddef>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "control/hook/kind.hpp"
#include "control/hook/refusal.hpp"
#include "control/hook/ruleset.hpp"

namespace weft::hook {

struct Outcome {
    int status = 0;      ///< iptables' exit status
    std::string output;  ///< to stdout
    std::string errors;  ///< to stderr
    /// Of a refused line, or of the rule because of which a table was refused: the offending word's 1-based
    /// column, in the words joined by single blanks or in the save file's line; 0 if the fault is no word's.
    int column = 0;
    std::size_t line = 0;  ///< of a save file, 1-based; 0 otherwise
    /// Why it was refused, where iptables' own words do not tell: a sentence without a full stop.
    std::string reason;
    bool changed = false;  ///< the rules or counters are others than before
};

/// `words[0]` is iptables or ip6tables, which must be the ruleset's family. A refused command changes
/// nothing.
[[nodiscard]] Outcome run_iptables(Ruleset&, const Environment&, std::span<const std::string> words);

/// `words[0]` is iptables-save or ip6tables-save: [-c] [-t TABLE]. `now` stands in the comments.
[[nodiscard]] Outcome run_save(const Ruleset&, std::span<const std::string> words, std::time_t now);

/// `words[0]` is iptables-restore or ip6tables-restore: [-c] [-n] [-t] [-v] [-T TABLE]. Each table is
/// replaced at its COMMIT as a whole; as in Linux, tables committed before a refused line stay. Who wants all
/// or nothing restores into a copy. A file argument is refused: `input` is the file.
[[nodiscard]] Outcome run_restore(Ruleset&, const Environment&, std::span<const std::string> words,
                                  std::string_view input);

/// "iptables vVERSION: MESSAGE" and the hint of where to find help, as libxtables prints a refusal. Line 0:
/// none.
[[nodiscard]] std::string refusal_text(std::string_view program, const Refusal&, std::size_t line);

}  // namespace weft::hook
