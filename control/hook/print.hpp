// Rules as text: the form of iptables-save and -S, and the tables of -L.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/hook/ruleset.hpp"

namespace weft::hook {

enum class CounterStyle : std::uint8_t { none, brackets, option };  ///< -S -v prints "-c PACKETS BYTES"

/// "-A CHAIN …\n", as iptables-save 1.8.9 prints it.
void save_rule(std::string& out, Family, std::string_view chain, const RuleEntry&, CounterStyle);
/// The words of that line, without what quotes them.
[[nodiscard]] std::vector<std::string> rule_words(Family, std::string_view chain, const RuleEntry&);
/// "*TABLE\n" … "COMMIT\n"; policies have their counters in any style.
void save_table(std::string& out, Family, const Table&, CounterStyle);

struct ListStyle {
    bool verbose = false, numeric = false, exact = false, line_numbers = false;
};
/// "Chain …" and the line of column titles.
void list_header(std::string& out, const Table&, const Chain&, const ListStyle&);
void list_rule(std::string& out, Family, std::size_t number, const RuleEntry&, const ListStyle&);
/// What -v prints of a rule that is added, removed or looked for.
void echo_rule(std::string& out, Family, const Rule&);

}  // namespace weft::hook
