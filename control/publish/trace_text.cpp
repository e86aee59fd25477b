#include "control/publish/trace_text.hpp"

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

TracedStep tell_step(const TraceStep& asked, const TraceStep& step, const Names& names,
                     const RouteSource& source) {
    switch (step.kind) {
        case Kind::received:
            return {"received", fmt::format("{} bytes by {}", step.length, names.interface(step.iif))};
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

std::vector<TracedPacket> tell(const Trace& trace, const NameHistory& history, const RouteSource& source) {
    std::vector<TracedPacket> packets(trace.packets());
    for (std::uint32_t p = 0; p < packets.size(); ++p) {
        packets[p].ifname = history.interface(trace.interface());
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
        if (step.kind == Kind::received) packet.length = step.length;
        if (step.kind == Kind::decides) {
            open.push_back(step);
            continue;
        }
        TraceStep before;
        if (step.kind == Kind::decided)
            for (auto at = open.rbegin(); at != open.rend(); ++at)
                if (at->stage == step.stage) {
                    before = *at;
                    open.erase(std::next(at).base());
                    break;
                }
        packet.steps.push_back(tell_step(before, step, names, source));
    }
    return packets;
}

}  // namespace weft
