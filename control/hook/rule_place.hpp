// Where a rule stands, as -L --line-numbers has it.
#pragma once

#include <cstdint>
#include <string>

#include "weft/hook/types.hpp"

namespace weft::hook {

struct RulePlace {
    TableId table = TableId::filter;
    std::string chain;
    std::uint32_t number = 0;  ///< from 1; 0: the chain's policy
    friend bool operator==(const RulePlace&, const RulePlace&) = default;
};

}  // namespace weft::hook
