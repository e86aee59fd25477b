#include "dataplane/observe/observer.hpp"

#include "dataplane/context.hpp"
#include "dataplane/observe/route.hpp"

namespace weft {

namespace {

using Kind = TraceStep::Kind;

TraceStep step_of(Kind kind, const Packet& packet, std::int64_t ticket) noexcept {
    const auto& meta = packet.meta;
    return {.kind = kind,
            .packet = static_cast<std::uint32_t>(ticket),
            .iif = meta.iif,
            .oif = meta.oif,
            .tag_place = meta.tag_place,
            .vid = static_cast<std::uint16_t>(meta.vlan_tci & vid_mask),
            .tpid = meta.vlan_tpid,
            .bridge_vid = meta.bridge_vid,
            .length = packet.length()};
}

TracedStation station(const MacAddress& address, FdbDomain domain, Context& context) noexcept {
    if (domain == 0) return {};
    const FdbKey64 key = fdb_key(address.raw(), domain);
    const std::uint32_t word = context.fdb->word_anywhere(context.fdb->hash(key));
    if (word == 0) return {.found = TracedStation::Found::unknown};
    return {.found = TracedStation::Found::known,
            .flags = FdbWord::flags(word),
            .port = FdbWord::port(word),
            .age = FdbWord::age(word, context.now_seconds)};
}

/// The bridge a packet is about to be decided on, or null.
const Bridge* bridge_of(StageId stage, const Packet& packet, const Topology& topology) noexcept {
    if (stage == StageId::bridge_output) return &topology.bridges[topology.interface(packet.meta.oif).bridge];
    if (stage != StageId::bridge_input) return nullptr;
    const BridgePortIndex port = topology.interface(packet.meta.iif).bridge_port;
    return &topology.bridges[topology.bridge_ports[port].bridge];
}

}  // namespace

void observe_drop(const Observer& observer, Packet& packet, DropReason reason, IfIndex interface,
                  Context& context) noexcept {
    observer.drops(packet, reason, interface, context);
}

void Observer::burst(Packet* packets[], std::uint16_t count, IfIndex interface,
                     Context& context) const noexcept {
    for (std::uint16_t i = 0; i < count; ++i) {
        packets[i]->meta.followed = 0;
        passes(*packets[i], interface, Seen::received, context);
    }
}

void Observer::passes(Packet& packet, IfIndex interface, Seen seen, Context& context) const noexcept {
    if (seen == Seen::received && traces(interface)) what_->trace->begin(packet, interface);
    for (const auto& look : what_->captures)
        if (look.at(interface))
            offer(*look.capture, packet, interface, seen, DropReason::count, context.worker, context.pool);
}

void Observer::sends(Packet* packets[], std::uint16_t count, IfIndex interface,
                     Context& context) const noexcept {
    for (std::uint16_t i = 0; i < count; ++i) {
        passes(*packets[i], interface, Seen::sent, context);
        const auto ticket = ticket_of(*packets[i]);
        if (ticket < 0) continue;
        TraceStep step = step_of(Kind::sent, *packets[i], ticket);
        step.oif = interface;
        add(ticket, step);
    }
}

void Observer::drops(Packet& packet, DropReason reason, IfIndex interface, Context& context) const noexcept {
    for (const auto& look : what_->captures)
        if (look.at(interface))
            offer(*look.capture, packet, interface, Seen::dropped, reason, context.worker, context.pool);
    const auto ticket = ticket_of(packet);
    if (ticket < 0) return;
    TraceStep step = step_of(Kind::dropped, packet, ticket);
    step.oif = interface;
    step.reason = reason;
    add(ticket, step);
}

void Observer::follow_traced(Packet& packet, IfIndex iif, IfIndex oif) const noexcept {
    if (what_->ruled && !follows(packet)) what_->ruled->begin(packet, iif, oif);
}

void Observer::passes_hook(const Packet& packet, Kind kind, const TracedHook& what) const noexcept {
    const auto ticket = ticket_of(packet);
    if (ticket < 0) return;
    TraceStep step = step_of(kind, packet, ticket);
    step.hook = what;
    add(ticket, step);
}

std::int64_t Observer::decides(StageId stage, Packet& packet, Context& context) const noexcept {
    const auto ticket = ticket_of(packet);
    if (ticket < 0) return ticket;
    TraceStep step = step_of(Kind::decides, packet, ticket);
    step.stage = stage;
    if (const Bridge* bridge = bridge_of(stage, packet, *context.topology)) {
        const FdbDomain domain =
            bridge->vlan_filtering ? (*bridge->vlan_domain)[step.bridge_vid] : bridge->domain;
        const auto& ethernet = packet.ethernet();
        if (stage == StageId::bridge_input) step.source = station(ethernet.source, domain, context);
        if (!ethernet.destination.is_group())
            step.destination = station(ethernet.destination, domain, context);
    }
    if (stage == StageId::ip_forward || stage == StageId::ip_output)
        step.route = route_ahead(packet, context);
    add(ticket, step);
    return ticket;
}

void Observer::decided(StageId stage, std::int64_t ticket, Packet* packet, Verdict verdict,
                       Context& context) const noexcept {
    if (ticket == by_packet) ticket = ticket_of(*packet);
    if (ticket < 0) return;
    TraceStep step{.packet = static_cast<std::uint32_t>(ticket)};
    if (packet) step = step_of(Kind::decided, *packet, ticket);
    step.kind = Kind::decided;
    step.stage = stage;
    step.verdict = verdict;
    if (packet && stage == StageId::ip_input) step.route = route_of_input(*packet, verdict, context);
    add(ticket, step);
}

}  // namespace weft
