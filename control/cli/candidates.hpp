// What may come next on a line, with the names of the links that are there.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace weft::cli {

struct LinkName {
    std::string name;
    std::string kind{};    ///< "port", "tuntap", or as `ip -d link` has it: "bridge", "vlan", "veth", "dummy"
    std::string bridge{};  ///< that it is a member of, or empty
};

/// The running switch's links; asked for only where a name may stand.
using LinkNames = std::function<std::vector<LinkName>()>;

/// Completions of the last (possibly empty) word. Arguments that are no link's name have none.
[[nodiscard]] std::vector<std::string> candidates(const std::vector<std::string>& words,
                                                  const LinkNames& names);

/// What "?" shows behind these words: the commands that they begin or fit, and what may come next, arguments
/// with what they take and the names that are there. Empty if they fit no command.
[[nodiscard]] std::string help_text(const std::vector<std::string>& words, const LinkNames& names);

}  // namespace weft::cli
