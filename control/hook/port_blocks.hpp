// Rules that give subscribers blocks of ports (SNAT --port-block).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "control/hook/rule.hpp"
#include "control/hook/rulesets.hpp"

namespace weft::hook {

/// Makes the rule's source the subscribers of its blocks, if it has any. Refuses what is no one network, and
/// a pool that is too small for it. `sources`: how many networks the line named.
void complete_port_blocks(Rule&, std::size_t sources);

/// Refuses a rule of nat for IPv4 whose blocks have a port in common with those of another rule, unless both
/// give the same ports to the same subscribers. Where a rule without blocks may give such a port (of
/// MASQUERADE: if an interface has the address), `warnings` gets a line about the first such rule.
/// `replaced`: the entry whose place it takes, or null.
void compare_port_blocks(const Rule&, const Table&, const RuleEntry* replaced, std::string& warnings);

/// The target of each rule with blocks.
[[nodiscard]] std::vector<const NatTarget*> port_blocks_of(const Rulesets&);

/// Who has what, in one line: all that has to be kept to say later who had a port (RFC 7422 section 3).
[[nodiscard]] std::string describe_port_blocks(const NatTarget&);
/// What ended and what began between two rule sets, and of the later one all. Nothing at all if it is the
/// same.
struct PortBlockChange {
    std::vector<NatTarget> ended, begun, now;
};
[[nodiscard]] PortBlockChange changed_port_blocks(const Rulesets& before, const Rulesets& now);
/// A line each.
[[nodiscard]] std::vector<std::string> describe_port_blocks(const PortBlockChange&);

}  // namespace weft::hook
