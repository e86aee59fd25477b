// The rules that workers obey, and what they have counted.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/hook/rule_place.hpp"
#include "control/hook/rulesets.hpp"
#include "control/publish/hook/compile.hpp"
#include "control/publish/rule_book.hpp"
#include "dataplane/flow/ahead.hpp"
#include "dataplane/worker/shared.hpp"
#include "weft/result.hpp"

namespace weft {

/// What a Filtering is made of.
struct FilteringInput {
    hook::Rulesets rules;
    hook::InterfaceNames interfaces;
    FlowConfig flows;
    bool checks_sums = true;
};

/// Compiles and publishes Shared::filtering. Control thread only; outlived by `shared`.
class PublishedRules {
  public:
    /// Sets that rules name are asked of `find_set`.
    PublishedRules(Shared& shared, hook::FindSet find_set);

    /// Refuses what has no room among the workers' counters.
    [[nodiscard]] Result<> judge(const hook::Rulesets&) const;

    /// Makes it what workers see, and returns when none sees what was before. Does nothing if it is what they
    /// see. Rules that judge() took.
    void publish(const FilteringInput&);

    /// The rule or policy of this number among those published last, as iptables-save writes it; empty: none.
    [[nodiscard]] std::string text_of(hook::Family, hook::RuleId) const;

    /// Adds to the counters of the rules published last, or the same ones with other counters, what workers
    /// have counted since the last call.
    void count(hook::Rulesets&);

    /// Where the rule or policy of this id stands among the rules published last; nowhere if it is none of
    /// them.
    [[nodiscard]] std::optional<hook::RulePlace> place_of(hook::Family, hook::RuleId);
    /// All of them, for who asks later. Made at the first call after a change.
    [[nodiscard]] std::shared_ptr<const RuleBook> book();
    /// Filtering's.
    [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
    /// Whether there is a TRACE rule.
    [[nodiscard]] bool traces() const noexcept;
    [[nodiscard]] const hook::Rulesets& published() const noexcept { return published_.rules; }

    /// Has each worker answer its question, by worker, and returns when all have that run.
    void ask(std::vector<FlowQuestion>&);

  private:
    /// What a worker's counters of one family are compared with.
    struct Family {
        hook::Compiler compiler;
        std::shared_ptr<const hook::HookProgram> program;  ///< null: no rule can do anything
        std::vector<hook::Counters> taken;                 ///< by RuleId: added to rules already
    };

    [[nodiscard]] std::shared_ptr<const hook::HookProgram> compile(hook::Family, const FilteringInput&);
    [[nodiscard]] std::shared_ptr<FlowTracker> tracker_for(const FlowConfig&);
    void settle_counts();
    [[nodiscard]] hook::Counters sum(hook::Family, hook::RuleId) const;
    [[nodiscard]] hook::Counters take(hook::Family, hook::RuleId);

    Shared& shared_;
    hook::FindSet find_set_;
    std::array<Family, 2> families_;
    std::shared_ptr<FlowTracker> tracker_;  ///< made when the first rule asks for connections
    std::unique_ptr<FlowAhead> ahead_;      ///< of the tracker
    FilteringInput published_;
    std::uint32_t generation_ = 0;
    std::shared_ptr<const RuleBook> book_;  ///< null: nobody has asked for it since the last change
};

}  // namespace weft
