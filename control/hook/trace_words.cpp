#include "control/hook/trace_words.hpp"

#include <fmt/format.h>

#include <variant>

namespace weft::hook {

std::string trace_words(TableId table, const Chain& chain, std::size_t index) {
    const Rule* const rule = index < chain.rules.size() ? chain.rules[index].rule.get() : nullptr;
    const bool ends = !rule || (std::holds_alternative<Verdict>(rule->target) && unconditional(*rule));
    return fmt::format("{}:{}:{}:{}", to_string(table), chain.name,
                       !ends        ? "rule"
                       : chain.hook ? "policy"
                                    : "return",
                       index + 1);
}

}  // namespace weft::hook
