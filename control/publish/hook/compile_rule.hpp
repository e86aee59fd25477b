// One rule into its code: what can be compared at once, what has to be asked, what follows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/hook/rule.hpp"
#include "dataplane/hook/matches.hpp"
#include "dataplane/hook/rule_code.hpp"

namespace weft::hook {

/// Every interface that a packet may come from or go to.
using InterfaceNames = std::vector<std::pair<std::string, IfIndex>>;
using FindSet = std::function<std::shared_ptr<const AddressSet>(std::string_view name)>;
using FindChain = std::function<ChainSlot(const std::string& name)>;

/// What rules refer to by name, and what they share. Not thread safe.
class RuleCompiler {
  public:
    explicit RuleCompiler(std::uint64_t secret) : secret_(secret) {}

    /// True if the names are others than before: rules with interfaces have to be compiled again.
    bool set_names(const InterfaceNames&);
    void set_sets(FindSet find) { find_set_ = std::move(find); }

    [[nodiscard]] SharedRule compile(const Rule&, RuleId, const FindChain&);
    /// After set_names(): the same with the interfaces that its names have come to mean, and all that
    /// it remembers; `code` itself if they are what they were.
    [[nodiscard]] SharedRule with_interfaces(const Rule&, const SharedRule& code);

    /// The same but for what the rule does, and all that it remembers.
    [[nodiscard]] SharedRule with_target(const Rule&, const SharedRule& code, const FindChain&) const;

    [[nodiscard]] InterfaceTest interface(const Interface&);
    [[nodiscard]] std::shared_ptr<const AddressSet> set(std::string_view name) const {
        return find_set_(name);
    }
    /// Another one each time.
    [[nodiscard]] std::uint64_t new_seed() noexcept { return secret_ ^ ++seeds_ << 32; }
    /// The list of this name, made for the first rule that names it; gone with the last.
    [[nodiscard]] std::shared_ptr<RecentTable> recent(const RecentMatch&);

  private:
    std::uint64_t secret_, seeds_ = 0;
    InterfaceNames names_;
    std::map<std::string, std::shared_ptr<const InterfaceSet>, std::less<>> patterns_;
    std::map<std::string, std::weak_ptr<RecentTable>, std::less<>> recents_;
    FindSet find_set_;
};

/// What the kernel loads conntrack for (nf_ct_netns_get in the checkentry of matches and targets).
[[nodiscard]] bool asks_for_connections(const Rule&);

/// Puts a match into the code's checks, and into its simple part as far as that can take it.
void compile_match(RuleCompiler&, const Match&, RuleCode&, bool& may_absorb);

}  // namespace weft::hook
