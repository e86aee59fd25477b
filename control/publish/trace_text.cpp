#include "control/publish/trace_text.hpp"

#include <arpa/inet.h>

#include <fmt/format.h>

#include "dataplane/bridge/fdb_word.hpp"

namespace weft {

namespace {

using Kind = TraceStep::Kind;

std::string tag_text(const TraceStep& step) {
    if (step.tag_place == TagPlace::none) return "untagged";
    return fmt::format("{} {}", step.tpid == ether_type::service_vlan ? "802.1ad VLAN" : "VLAN", step.vid);
}

std::string age_text(const TracedStation& station) {
    if (station.flags & FdbFlags::stationary) return "static";
    return fmt::format("heard {} s ago", station.age);
}

std::string station_text(const TracedStation& station, const Names& names) {
    if (station.found == TracedStation::Found::unknown) return "unknown";
    if (station.flags & FdbFlags::local)
        return station.port == no_index ? "the bridge's own"
                                        : fmt::format("{}'s own", names.bridge_port(station.port));
    if (station.flags & FdbFlags::blackhole) return "a blackhole";
    return fmt::format("on {} ({})", names.bridge_port(station.port), age_text(station));
}

/// What a bridge stage found before it decided; empty for the others.
std::string findings(const TraceStep& step, const Names& names) {
    using Found = TracedStation::Found;
    std::string text;
    const auto add = [&](std::string part) { text += (text.empty() ? "" : ", ") + std::move(part); };
    if (step.stage != StageId::bridge_input && step.stage != StageId::bridge_output) return text;
    if (step.bridge_vid) add(fmt::format("VLAN {}", step.bridge_vid));
    if (step.source.found != Found::not_asked) add("source is " + station_text(step.source, names));
    if (step.destination.found != Found::not_asked)
        add("destination is " + station_text(step.destination, names));
    return text;
}

std::string consumed_text(const TraceStep& asked, const Names& names) {
    switch (asked.stage) {
        case StageId::bridge_input:
        case StageId::bridge_output:
            return "a copy to each port that takes it";
        case StageId::egress:
            return fmt::format("waits to be sent by {}", names.interface(asked.oif));
        case StageId::punt:
            return fmt::format("waits for the kernel's TAP {}", names.interface(asked.iif));
        default:
            return "handed on";
    }
}

std::string decision_text(const TraceStep& asked, const TraceStep& step, const Names& names) {
    if (step.verdict.is_drop()) return "drops it";
    if (!step.verdict.is_stage()) return consumed_text(asked, names);
    const StageId next = step.verdict.stage();
    const std::string to(stage_names[static_cast<std::size_t>(next)]);
    switch (next) {
        case StageId::egress:
        case StageId::bridge_output:
            return fmt::format("to {}, {} by {}", to, tag_text(step), names.interface(step.oif));
        default:
            return fmt::format("to {}, {} on {}", to, tag_text(step), names.interface(step.iif));
    }
}

constexpr std::string_view hook_names[hook::hook_count] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                                           "POSTROUTING"};

/// What came of a rule is told by the next step.
std::string rule_text(const TracedHook& step, const FindRules& rules) {
    const RuleBook* const book = rules ? rules(step.generation) : nullptr;
    const auto family = step.v6 ? hook::Family::ip6 : hook::Family::ip;
    const auto text = !book                        ? std::string()
                      : step.rule == hook::no_rule ? book->told_end(family, step.chain)
                                                   : book->told(family, step.rule);
    return text.empty() ? "a rule that is gone" : text;
}

std::string connection_text(const TracedHook& step) {
    using State = hook::ConntrackState;
    std::string_view state = "INVALID";
    if (step.state & State::new_) state = "NEW";
    if (step.state & State::established) state = "ESTABLISHED";
    if (step.state & State::related) state = "RELATED";
    if (step.state & State::untracked) state = "UNTRACKED";
    return fmt::format("conntrack: {}{}", state, step.reply ? ", in reply direction" : "");
}

/// "nat: source becomes 198.51.100.2:40000", as iptables writes an address with its port.
std::string translation_text(const TracedHook& step) {
    char address[INET6_ADDRSTRLEN] = "?";
    inet_ntop(step.v6 ? AF_INET6 : AF_INET, step.address.bytes.data(), address, sizeof address);
    std::string end = address;
    if (step.has_port && step.port != 0)
        end = step.v6 ? fmt::format("[{}]:{}", address, step.port) : fmt::format("{}:{}", address, step.port);
    auto text = fmt::format("nat: {} becomes {}", step.source ? "source" : "destination", end);
    if (step.has_port && step.drawn.high != 0)
        text += fmt::format(", its port drawn from {}-{}", step.drawn.low, step.drawn.high);
    return text;
}

TracedStep tell_step(const TraceStep& asked, const TraceStep& step, const Names& names,
                     const RouteSource& source, const FindRules& rules) {
    switch (step.kind) {
        case Kind::received:
            if (step.iif == no_interface)
                return {"host",
                        fmt::format("{} bytes to leave by {}", step.length, names.interface(step.oif))};
            return {"received", fmt::format("{} bytes by {}", step.length, names.interface(step.iif))};
        case Kind::rule:
            return {std::string(hook_names[static_cast<std::size_t>(step.hook.at)]),
                    rule_text(step.hook, rules)};
        case Kind::connection:
            return {std::string(hook_names[static_cast<std::size_t>(step.hook.at)]),
                    connection_text(step.hook)};
        case Kind::translation:
            return {std::string(hook_names[static_cast<std::size_t>(step.hook.at)]),
                    translation_text(step.hook)};
        case Kind::decided: {
            const auto found = findings(asked, names) + route_text(asked, step, names, source);
            return {std::string(stage_names[static_cast<std::size_t>(step.stage)]),
                    (found.empty() ? "" : found + ": ") + decision_text(asked, step, names)};
        }
        case Kind::sent:
            return {"sent", fmt::format("{} bytes by {}, {}", step.length, names.interface(step.oif),
                                        tag_text(step))};
        default: {
            const auto& text = text_of(step.reason);
            return {"dropped",
                    fmt::format("{} at {}: {}", text.word, names.interface(step.oif), text.meaning)};
        }
    }
}

}  // namespace

std::vector<TracedPacket> tell(const Trace& trace, const NameHistory& history, const RouteSource& source,
                               const FindRules& rules) {
    std::vector<TracedPacket> packets(trace.packets());
    for (std::uint32_t p = 0; p < packets.size(); ++p) {
        const auto& head = trace.head(p);
        packets[p].head.assign(head.bytes.begin(), head.bytes.begin() + head.length);
    }
    // What each packet was last asked about: a stage's look and its decision are two steps. A stage that
    // decides within another one's decision (a full vector) is asked and answered in between.
    std::vector<std::vector<TraceStep>> asked(packets.size());
    std::size_t era = 0;
    Names names = history.in_era(era);
    for (std::uint32_t i = 0; i < trace.steps(); ++i) {
        const TraceStep step = trace.step(i);
        if (const auto now = history.era_of(i); now != era) {
            era = now;
            names = history.in_era(era);
        }
        if (step.kind == Kind::none || step.packet >= packets.size()) continue;
        auto& packet = packets[step.packet];
        auto& open = asked[step.packet];
        if (step.kind == Kind::received) {
            packet.length = step.length;
            packet.ifname = names.interface(step.iif == no_interface ? step.oif : step.iif);
        }
        if (step.kind == Kind::decides) {
            open.push_back(step);
            continue;
        }
        TraceStep before;
        bool answers = step.kind != Kind::decided || step.verdict.is_stage() || step.verdict.is_drop();
        if (step.kind == Kind::decided)
            for (auto at = open.rbegin(); at != open.rend(); ++at)
                if (at->stage == step.stage) {
                    before = *at;
                    open.erase(std::next(at).base());
                    answers = true;
                    break;
                }
        if (!answers) continue;  // the stage has told of it before it ended
        packet.steps.push_back(tell_step(before, step, names, source, rules));
    }
    return packets;
}

}  // namespace weft
