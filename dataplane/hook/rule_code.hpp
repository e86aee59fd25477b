// A rule as workers run it: what can be compared at once, the checks that remain, and what it does.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/hook/check.hpp"
#include "dataplane/hook/interfaces.hpp"

namespace weft::hook {

/// Counters are kept by it: of rules, and of the policies of built-in chains. 0 is none.
using RuleId = std::uint32_t;
inline constexpr RuleId no_rule = 0;

/// A chain's place in Program::chains; it keeps it as long as it exists.
using ChainSlot = std::uint32_t;

/// Inclusive, and perhaps inverted.
struct PortTest {
    PortRange range = all_ports;
    bool inverted = false;
};

/// The part of a rule that is constant for a packet and compared without a call. Addresses are exact; the
/// rest was absorbed from matches that stand before any that remembers packets, so order makes no difference.
struct SimplePart {
    Prefix source, destination;
    bool source_inverted = false, destination_inverted = false;
    InterfaceTest in, out;
    bool in_inverted = false, out_inverted = false;
    std::uint8_t protocol = 0;
    bool protocol_inverted = false, fragment = false, fragment_inverted = false;
    bool needs_layer4 = false;  ///< of the matches that look at ports
    PortTest source_port, destination_port;
    bool has_mac = false, mac_inverted = false;
    std::uint64_t mac = 0;  ///< MacAddress::raw()
    /// If not empty, no packet with another port matches: what a classifier may hash.
    std::vector<std::uint16_t> source_ports, destination_ports;
};

/// What follows when all matches do.
enum class Step : std::uint8_t {
    next,  ///< only counts
    accept,
    drop,
    return_,
    jump,
    go,
    reject,
    log,
    mark,
    connmark,
    ct,
    tcpmss,
    trace,
    nat,
};

struct RuleCode {
    RuleId id = no_rule;
    Step step = Step::next;
    ChainSlot chain = 0;  ///< of jump and go
    Target target;        ///< of the steps after go
    SimplePart simple;
    std::vector<std::shared_ptr<const Check>> checks;  ///< every match, in the rule's order
    std::vector<const Check*> rest;                    ///< those that SimplePart did not absorb wholly

    /// A packet that its simple part matches goes no further in the chain.
    [[nodiscard]] bool final() const noexcept {
        return rest.empty() && (step == Step::accept || step == Step::drop || step == Step::return_ ||
                                step == Step::go || step == Step::reject || step == Step::nat);
    }
};
using SharedRule = std::shared_ptr<const RuleCode>;

}  // namespace weft::hook
