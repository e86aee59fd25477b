// iptables and ip6tables as a test types them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/hook/program.hpp"

namespace weft::test {

/// A ruleset of one family, without a daemon. Sets: "s4" of IPv4, "any" of both.
class HookShell {
  public:
    explicit HookShell(hook::Family family = hook::Family::ip) : rules(family) {}

    /// Words apart by blanks; "…" is one word.
    hook::Outcome run(std::string_view line);
    hook::Outcome restore(std::string_view input, std::string_view options = "");
    /// At a fixed time, without the dated comments.
    std::string save(std::string_view options = "");
    /// The rule of the chain after `-A CHAIN line` succeeded; the first if it made more.
    const hook::Rule& rule(std::string_view chain, std::string_view line, std::string_view table = "filter");
    /// `line` appended to INPUT, and how -S prints it, without "-A INPUT ".
    std::string printed(std::string_view line);

    hook::Ruleset rules;

  private:
    [[nodiscard]] std::string program() const;
};

[[nodiscard]] std::vector<std::string> hook_words(std::string_view line);

}  // namespace weft::test
