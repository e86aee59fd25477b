// What workers know of rules and of connections. Published as one pointer.
#pragma once

#include <array>
#include <memory>

#include "dataplane/flow/tracker.hpp"
#include "dataplane/hook/hook_program.hpp"

namespace weft {

/// Immutable after publication, but for what rules and the tracker count.
struct Filtering {
    /// By hook::Family; null: the family has no rules, which costs it one test.
    std::array<std::shared_ptr<const hook::HookProgram>, 2> rules;
    /// By hook::Family: some rule asks for connections (nf_ct_netns_get). Then tracker is there.
    std::array<bool, 2> tracks{};
    /// By hook::Family: the table nat is asked about new connections, and kept apart are those it leaves as
    /// they are. Then it tracks.
    std::array<bool, 2> translates{};
    std::shared_ptr<FlowTracker> tracker;
    FlowConfig flows;
    bool checks_sums = true;       ///< net.netfilter.nf_conntrack_checksum
    std::uint32_t generation = 0;  ///< another one for each that is published

    [[nodiscard]] const hook::HookProgram* of(bool v6) const noexcept { return rules[v6].get(); }
};

}  // namespace weft
