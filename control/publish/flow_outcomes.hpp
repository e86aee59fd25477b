// The workers' connections with their outcomes, as `show flows` asks for them.
#pragma once

#include <functional>

#include "control/flow/flows.hpp"
#include "control/publish/flow/connections.hpp"
#include "control/publish/names.hpp"
#include "control/publish/published_rules.hpp"

namespace weft {

/// Control thread only; outlived by what it is made of.
class FlowOutcomes final : public conntrack::Flows {
  public:
    FlowOutcomes(Shared& shared, PublishedRules& rules, std::function<Names()> names,
                 std::function<FlowTime()> now = flow_time)
        : shared_(shared), rules_(rules), names_(std::move(names)), now_(std::move(now)) {}

    std::uint32_t walk(std::uint32_t cursor, std::uint32_t places,
                       const std::function<bool(const conntrack::Entry&)>& wanted,
                       const std::function<void(const conntrack::Flow&)>& visit) override;

  private:
    [[nodiscard]] conntrack::Outcome told(const FlowOutcome&, const FlowQuestion&, hook::Family,
                                          const Names&) const;

    Shared& shared_;
    PublishedRules& rules_;
    std::function<Names()> names_;
    std::function<FlowTime()> now_;
};

}  // namespace weft
