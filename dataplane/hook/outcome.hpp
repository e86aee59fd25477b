// What the owner of connections knows of them, for `show flows`: the outcome for each direction's packets, or
// why there is none. Only the owner reads paths, conditions and outcomes, so control hands it a question
// (WorkerShare::question), which it answers between two bursts.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/flow/tracker.hpp"
#include "dataplane/hook/hooks.hpp"
#include "weft/hop.hpp"

namespace weft {

/// Why the next packet would not use an outcome that is kept.
enum class Hindrance : std::uint8_t {
    none,
    answered,         ///< it was made before the first answer
    connection_mark,  ///< the connection has another mark now
    neighbour,        ///< the next hop's address is not known
};

/// Of one direction.
struct FlowOutcome {
    SlowWay slow{};               ///< of the last packet that went the slow way
    bool kept = false;            ///< the rest is valid
    bool answered = false;        ///< it holds for a connection that has seen a reply
    bool asks_routes = false;     ///< some rule asked for the type of an address
    bool routes_changed = false;  ///< the next packet looks its route up again; gateway and mac are not valid
    Hindrance hindrance{};
    IfIndex iif = no_interface, oif = no_interface;
    std::uint32_t mark = 0;  ///< of packets that have passed
    FlowCondition condition{};
    IpAddress gateway{};
    bool gateway_v6 = false;
    MacAddress mac{};  ///< valid unless hindrance is neighbour
    /// Its rules and policies in FlowQuestion::rules, and how many more there was no room for.
    std::uint32_t first_rule = 0, rules = 0, more_rules = 0;
};

/// Made by control; filled by the worker that owns the flows.
struct FlowQuestion {
    static constexpr std::uint32_t most_rules = 64;  ///< of one outcome

    struct Flow {
        Flow(FlowRef r, std::uint32_t v) : ref(r), version(v) {}
        FlowRef ref;
        std::uint32_t version;
        bool known = false;  ///< it was still there
        FlowOutcome ways[2]{};
    };
    explicit FlowQuestion(std::size_t flows) { this->flows.reserve(flows); }
    /// The last that is asked, by control: room for the answer, so that the worker allocates nothing.
    void close() { rules.resize(flows.size() * 2 * most_rules); }

    std::vector<Flow> flows;
    std::vector<hook::RuleId> rules;
};

/// By the worker that owns the paths. It passes over flows of others.
void answer(FlowQuestion&, FlowTracker&, HookWork&, const HopTable&, const Routing&,
            unsigned worker) noexcept;

}  // namespace weft
