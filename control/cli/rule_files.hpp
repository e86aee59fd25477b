// The files of iptables-save, iptables-restore and ipset: the client reads and writes them, the daemon sees
// neither.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace weft::cli {

struct RuleFiles {
    std::vector<std::string> words;    ///< without what names a file
    std::optional<std::string> read;   ///< to send as standard input; "-" is the client's own
    std::optional<std::string> write;  ///< in the place of standard output
};

/// Of a line of one of these programs; any other line's words come back as they are. What is no option and
/// not the only such word stays, to be refused.
[[nodiscard]] RuleFiles take_rule_files(const std::vector<std::string>& words);

}  // namespace weft::cli
