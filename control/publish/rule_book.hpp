// The rules behind the numbers that workers know, as they were published.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/hook/rule_place.hpp"
#include "control/publish/hook/compile.hpp"

namespace weft {

/// Of one Filtering. Immutable once both families are in it.
class RuleBook {
  public:
    /// The rules that the compiler compiled last.
    void add(const hook::Ruleset&, const hook::Compiler&);

    /// Rules, policies and ends of chains in it.
    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t sum = 0;
        for (const Family& family : families_)
            sum += family.rules.size() + family.ends.size();
        return sum;
    }
    [[nodiscard]] std::optional<hook::RulePlace> place(hook::Family, hook::RuleId) const;
    /// "filter:FORWARD:rule:1 -A FORWARD -j DROP", "filter:FORWARD:policy:2 -P FORWARD ACCEPT"; empty: there
    /// is none of this number.
    [[nodiscard]] std::string told(hook::Family, hook::RuleId) const;
    /// "filter:LAN:return:3"; empty: there is no such chain.
    [[nodiscard]] std::string told_end(hook::Family, hook::ChainSlot) const;

  private:
    /// A rule of a chain, or, at the number of its rules, the chain's end.
    struct Entry {
        hook::TableId table{};
        std::uint32_t index = 0;
        std::shared_ptr<const hook::Chain> chain;  ///< null: there is none
    };
    struct Family {
        std::vector<Entry> rules, ends;  ///< by RuleId, by ChainSlot
    };
    [[nodiscard]] const Family& of(hook::Family family) const {
        return families_[static_cast<std::size_t>(family)];
    }
    static void put(std::vector<Entry>& to, std::size_t number, Entry entry);

    std::array<Family, 2> families_;
};

/// By Filtering::generation; null: it is not known any more.
using FindRules = std::function<const RuleBook*(std::uint32_t generation)>;

}  // namespace weft
