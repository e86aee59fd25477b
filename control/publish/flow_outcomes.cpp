#include "control/publish/flow_outcomes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "control/route/commands/words.hpp"

namespace weft {

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(SlowWay::count)> slow_texts{
    "no packet of it has come yet",
    "",
    "it comes in fragments",
    "another worker receives it",
    "it has a mark before any rule",
    "it is neither TCP nor UDP",
    "TCP begins or ends",
    "a rule asks for its length",
    "a rule asks for its TTL",
    "a rule asks for a TCP option",
    "a rule asks when the connection expires",
    "a rule has a limit",
    "a rule asks or fills a recent list",
    "its headers are broken, or it is a fragment",
    "a set counts it",
    "a rule logs it",
    "a rule traces it",
    "a rule sets its maximum segment size",
    "a rule asks a set",
    "a rule asks for a status that the connection may get yet",
    "rules give the connection another mark",
    "a rule in nat marked it",
    "it was dropped",
    "a helper reads what it says",
    "its connection is in a zone",
    "it goes to the host",
    "it comes from the host",
    "no neighbour's address is asked for on its way",
    "it leaves by the interface by which it came",
    "routes or routing rules ask for its TOS",
    "its next hop is chosen by its flow label",
    "there are too many different outcomes",
};
static_assert(!slow_texts.back().empty());

std::string_view text_of(Hindrance hindrance) {
    switch (hindrance) {
        case Hindrance::none:
            return {};
        case Hindrance::answered:
            return "the connection has been answered since";
        case Hindrance::connection_mark:
            return "the connection has another mark now";
        case Hindrance::neighbour:
            return "the next hop's MAC address is not known";
    }
    return {};
}

/// So many at once keep a worker for some 10 us.
constexpr std::uint32_t most_at_once = 128;

}  // namespace

conntrack::Outcome FlowOutcomes::told(const FlowOutcome& outcome, const FlowQuestion& question,
                                      hook::Family family, const Names& names) const {
    conntrack::Outcome text;
    // Rules that are no more have kept nothing.
    text.slow = outcome.slow == SlowWay::kept && !outcome.kept
                    ? "the rules are others since"
                    : slow_texts[static_cast<std::size_t>(outcome.slow)];
    text.kept = outcome.kept;
    if (!outcome.kept) return text;
    const auto& interfaces = shared_.topology.get();
    text.hindrance = text_of(outcome.hindrance);
    if (text.hindrance.empty() && !interfaces.exists(outcome.oif))
        text.hindrance = "the interface by which it left is gone";
    text.in = names.interface(outcome.iif);
    text.out = names.interface(outcome.oif);
    if (!outcome.routes_changed) {
        text.gateway = ip_text(outcome.gateway_v6, outcome.gateway);
        if (outcome.hindrance != Hindrance::neighbour) text.gateway_mac = outcome.mac;
    }
    text.mark = outcome.mark;
    for (std::uint32_t i = 0; i < outcome.rules; ++i)
        if (auto place = rules_.place_of(family, question.rules[outcome.first_rule + i]))
            text.rules.push_back(std::move(*place));
    text.more_rules = outcome.more_rules;
    text.answered = outcome.answered;
    const FlowCondition& condition = outcome.condition;
    if (condition.asks_mac) text.source_mac = MacAddress::from_raw(condition.mac);
    if (condition.asks_connection_mark) text.connection_mark = condition.connection_mark;
    text.tcp_mask = condition.tcp_mask;
    text.tcp_flags = condition.tcp_flags;
    text.routes = outcome.asks_routes;
    return text;
}

std::uint32_t FlowOutcomes::walk(std::uint32_t cursor, std::uint32_t places,
                                 const std::function<bool(const conntrack::Entry&)>& wanted,
                                 const std::function<void(const conntrack::Flow&)>& visit) {
    FlowTracker* const tracker = shared_.filtering.get().tracker.get();
    if (!tracker) return 0;
    const std::size_t workers = shared_.workers.size();
    std::vector<FlowQuestion> questions(workers, FlowQuestion(most_at_once));
    std::vector<conntrack::Flow> flows;
    std::vector<std::size_t> asked;  // by flow: which of its owner's
    const std::int64_t wall = std::time(nullptr);
    cursor = tracker->walk(cursor, std::min(places, most_at_once), now_(), [&](const FlowView& seen) {
        auto entry = entry_of(seen, wall);
        if (!wanted(entry) || seen.owner >= workers) return;
        auto& question = questions[seen.owner];
        asked.push_back(question.flows.size());
        question.flows.emplace_back(seen.ref, seen.version);
        flows.push_back({.entry = std::move(entry), .worker = seen.owner});
    });
    if (flows.empty()) return cursor;
    for (auto& question : questions)
        question.close();
    rules_.ask(questions);
    const Names names = names_();
    for (std::size_t i = 0; i < flows.size(); ++i) {
        auto& flow = flows[i];
        const auto& question = questions[flow.worker];
        const auto& answer = question.flows[asked[i]];
        const auto family = flow.entry.v6 ? hook::Family::ip6 : hook::Family::ip;
        flow.known = answer.known;
        flow.original = told(answer.ways[0], question, family, names);
        flow.reply = told(answer.ways[1], question, family, names);
        visit(flow);
    }
    return cursor;
}

}  // namespace weft
