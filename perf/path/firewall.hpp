// A stateful firewall for benchmarks: its rules, and what workers get of them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/hook/program.hpp"
#include "control/publish/hook/compile.hpp"
#include "dataplane/flow/ahead.hpp"
#include "dataplane/hook/filtering.hpp"
#include "perf/path/measure.hpp"

namespace weft::perf {

/// `count` rules that fit no packet of the benchmark.
inline std::string unmet_rules(unsigned count) {
    std::string text;
    for (unsigned i = 0; i < count; ++i)
        text += fmt::format("-A FORWARD -p tcp -m tcp --dport {} -m mark --mark {} -j DROP\n",
                            10000 + i % 50000, i + 1);
    return text;
}
/// What a router with a stateful firewall has, and such rules.
inline std::string rules_of(unsigned count, const char* translation) {
    return std::string(translation) +
           "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" +
           unmet_rules(count) + "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n";
}
/// The same without a rule that asks for connections.
inline std::string stateless_rules_of(unsigned count) {
    return "*filter\n:FORWARD DROP [0:0]\n" + unmet_rules(count) + "-A FORWARD -j ACCEPT\nCOMMIT\n";
}

/// `text`: of a save file; for `connections` of them. `translates`: it has a nat table.
inline std::unique_ptr<Filtering> firewall(hook::Compiler& compiler, bool v6, const std::string& text,
                                           bool translates, const std::map<std::string, IfIndex>& interfaces,
                                           std::uint32_t connections, unsigned workers) {
    hook::Ruleset rules(v6 ? hook::Family::ip6 : hook::Family::ip);
    const std::vector<std::string> words{v6 ? "ip6tables-restore" : "iptables-restore"};
    if (hook::run_restore(rules, {}, words, text).status != 0) std::abort();
    auto filtering = std::make_unique<Filtering>();
    filtering->rules[v6] =
        compiler.compile(rules, {interfaces.begin(), interfaces.end()},
                         [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); });
    filtering->tracks[v6] = true;
    filtering->translates[v6] = translates;
    filtering->flows.max = 2 * std::max(connections, 1U << 17);
    filtering->tracker = std::make_shared<FlowTracker>(filtering->flows.max, workers, 3, 4);
    filtering->generation = 1;
    return filtering;
}

/// Workers find it, and memory for its connections as in weftd. By a thread on another CPU than `cpu`; the
/// tracker has to outlive what is returned.
[[nodiscard]] inline std::unique_ptr<FlowAhead> publish_firewall(Shared& shared,
                                                                 std::unique_ptr<Filtering> filtering,
                                                                 unsigned cpu) {
    std::unique_ptr<FlowAhead> ahead;
    std::thread([&] {
        run_beside(cpu);
        filtering->tracker->populate();
        ahead = std::make_unique<FlowAhead>(filtering->tracker->table().pool());
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }).join();
    shared.filtering.replace(std::move(filtering), shared.quiescence);
    return ahead;
}

}  // namespace weft::perf
