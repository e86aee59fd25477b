#include "dataplane/hook/connection.hpp"

#include <time.h>

#include "dataplane/hook/layer4.hpp"
#include "dataplane/hook/whole.hpp"
#include "dataplane/nat/prepared.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

namespace {

using hook::ConntrackState;
using hook::ConntrackStatus;

/// Metadata::connection_state: CtInfo in the low bits.
constexpr std::uint8_t info_bits = 7, tracked = 8, invalid = 16, untracked = 32, fresh = 64,
                       handed_over = 128, gather_here = 1, about_untracked = 2;
/// With handed_over: Metadata::zone is of one direction only, and connection_index tells the Template's rest.
constexpr std::uint8_t zone_of_original = 2, zone_of_reply = 4;

/// The packet's connection is still the one that it was.
bool is_there(const Packet& packet, const Context& context) noexcept {
    return has_connection(packet) && context.filtering->tracker &&
           context.filtering->tracker->state_of(packet.meta.connection_index).version() ==
               packet.meta.connection_version;
}

std::uint8_t state_bit(CtInfo info) noexcept {
    switch (info) {
        case CtInfo::fresh:
            return ConntrackState::new_;
        case CtInfo::related:
        case CtInfo::related_reply:
            return ConntrackState::related;
        default:
            return ConntrackState::established;
    }
}

/// In place, as a copy would wait for the narrower stores before it.
template <class Tuple>
void show(const FlowDirection& way, hook::ConnectionTuple& as, std::uint8_t protocol) noexcept {
    const auto tuple = way.tuple_now<Tuple>();
    if constexpr (sizeof tuple == sizeof(Tuple4)) {
        as.source = to_address(tuple.source);
        as.destination = to_address(tuple.destination);
    } else {
        as.source.bytes = tuple.source;
        as.destination.bytes = tuple.destination;
    }
    as.source_port = tuple.source_port.host();
    as.destination_port = tuple.destination_port.host();
    as.protocol = protocol;
}

void note(Packet& packet, const Tracked& found) noexcept {
    packet.meta.connection_index = found.ref;
    packet.meta.connection_version = found.version;
    packet.meta.connection_state =
        static_cast<std::uint8_t>(static_cast<unsigned>(found.info) | tracked | (found.fresh ? fresh : 0));
}

void give(PacketVector& packets, unsigned worker, Context& context) noexcept {
    const unsigned given = context.hand_over[worker]->enqueue(packets.packets, packets.count);
    for (unsigned i = given; i < packets.count; ++i) {
        Packet& packet = *packets.packets[i];
        const bool output = packet.meta.handed_for == HandedFor::output;
        context.drop(packet, DropReason::handover_ring_full, output ? packet.meta.oif : packet.meta.iif);
    }
    packets.count = 0;
    if (given == 0) return;
    context.handed_over->add(given);
    context.wakers[worker]->wake();
}

/// A datagram goes by its pieces, which whoever gathered it hands over.
Verdict give_to(Packet& packet, HandedFor hook, unsigned owner, Context& context) noexcept {
    if (context.hooks->datagram.count == 0) return hand_over(packet, hook, owner, context);
    context.hooks->handed_to = owner;
    return Verdict::consumed();
}

/// What a CT rule asks of a packet's connection, and of its beginning if it begins (the template of xt_CT.c).
struct Template {
    FlowZones zones{0};
    FlowHelper helper = FlowHelper::none;
    ToldEvents told{};
};

/// xt_ct_target and nf_ct_zone_tmpl.
FlowZones zones_of(const hook::CtTarget& target, const Packet& packet) noexcept {
    const FlowZone zone = target.zone_from_mark ? static_cast<FlowZone>(packet.meta.mark) : target.zone;
    if (target.zone_original == target.zone_reply) return zone;
    return {target.zone_original ? zone : FlowZone{0}, target.zone_reply ? zone : FlowZone{0}};
}
Template template_of(const hook::CtTarget& target, Packet& packet, const Context& context) noexcept {
    Template asked{.zones = zones_of(target, packet), .told = {target.events, target.expectation_events}};
    if (!target.helper.empty())
        if (const auto l4 = layer4_of(packet, context)) asked.helper = helper_of(target.helper, l4->protocol);
    return asked;
}

/// Of a packet that another worker has handed over, as it noted it: where a connection's number would be.
Template noted_template(const Packet& packet) noexcept {
    const std::uint32_t asked = packet.meta.connection_index;
    const FlowZone zone = packet.meta.zone;
    return {.zones = packet.meta.connection_state & zone_of_original ? FlowZones{zone, 0}
                     : packet.meta.connection_state & zone_of_reply  ? FlowZones{0, zone}
                                                                     : FlowZones{zone},
            .helper = static_cast<FlowHelper>(asked >> 24),
            .told = {static_cast<std::uint16_t>(asked), static_cast<std::uint8_t>(asked >> 16)}};
}
void note_template(Packet& packet, const Template& asked) noexcept {
    const FlowZones zones = asked.zones;
    packet.meta.connection_state = handed_over;
    packet.meta.zone = zones.original ? zones.original : zones.reply;
    if (zones.original != zones.reply)
        packet.meta.connection_state |= zones.original ? zone_of_original : zone_of_reply;
    packet.meta.connection_index = std::uint32_t{static_cast<std::uint8_t>(asked.helper)} << 24 |
                                   std::uint32_t{asked.told.expectations} << 16 | asked.told.connection;
}

/// In zone 0, whose packets no raw rule has to name.
template <class Header>
FlowRef find(const Header& ip, Packet& packet, Context& context) noexcept {
    const auto l4 = layer4_of(packet, context);
    if (!l4) return 0;
    TupleOf<Header> tuple;
    if (!read_tuple(ip, *l4, tuple)) return 0;
    const FlowKind kind{0, l4->protocol, is_ipv6(packet) ? FlowKind::ipv6 : std::uint8_t{0}};
    return context.filtering->tracker->find(tuple, kind, static_cast<FlowTime>(context.now_us / 1000));
}

void prepare(FlowRef ref, const Template& asked, FlowTracker& tracker) noexcept {
    if (asked.told.connection != 0 || asked.told.expectations != 0) tracker.select_events(ref, asked.told);
    tracker.assign_helper(ref, asked.helper);
}

FlowPacket flow_packet(Packet& packet, const Context& context) noexcept {
    if (packet.head_length() != packet.length() || context.hooks->datagram.count != 0) [[unlikely]] {
        // Of other protocols all that is tracked lies at the beginning.
        if (const auto l4 = layer4_of(packet, context); l4 && l4->protocol == ip_protocol::sctp)
            return in_one_piece(packet, context);
    }
    return headers_in_one_piece(packet, context);
}

/// The direction of `other` whose packets have this connection's original tuple and are answered by its reply
/// tuple, in the same zones; nothing if they are two that have only one tuple in common (nf_ct_can_merge).
template <class Tuple>
std::optional<FlowRef> same_connection(FlowRef own, FlowRef other, const FlowTable& table) noexcept {
    const auto same = [&](FlowRef one, FlowRef another) {
        const FlowDirection& way = table.direction_of(another);
        return table.direction_of(one).matches(way.tuple_now<Tuple>(), way.kind_now().word());
    };
    for (const FlowRef direction : {other & ~1u, other | 1u})
        if (same(own, direction) && same(own ^ 1, direction ^ 1)) return direction;
    return std::nullopt;
}

}  // namespace

FlowMoment moment_of(const Context& context) noexcept {
    return {
        .config = context.filtering->flows,
        .worker = context.worker,
        .now = static_cast<FlowTime>(context.now_us / 1000),
        .wall_seconds = context.filtering->flows.timestamp ? static_cast<std::uint32_t>(time(nullptr)) : 0};
}

Verdict hand_over(Packet& packet, HandedFor hook, unsigned worker, Context& context) noexcept {
    packet.meta.handed_for = hook;
    PacketVector& for_it = context.hooks->for_others[worker];
    if (for_it.count == batch_size) give(for_it, worker, context);
    for_it.packets[for_it.count++] = &packet;
    return Verdict::consumed();
}

void give_to_others(Context& context) noexcept {
    auto& all = context.hooks->for_others;
    for (unsigned worker = 0; worker < all.size(); ++worker)
        if (all[worker].count) give(all[worker], worker, context);
}

bool is_to_gather_here(const Packet& packet) noexcept {
    return packet.meta.connection_state == gather_here || was_handed_over(packet);
}
Verdict hand_to_gather(Packet& packet, HandedFor hook, unsigned worker, Context& context) noexcept {
    packet.meta.connection_state = gather_here;
    return hand_over(packet, hook, worker, context);
}

bool has_connection(const Packet& packet) noexcept {
    return packet.meta.connection_state & tracked;
}

CtInfo connection_info(const Packet& packet) noexcept {
    return static_cast<CtInfo>(packet.meta.connection_state & info_bits);
}

unsigned connection_direction(const Packet& packet) noexcept {
    const CtInfo info = connection_info(packet);
    return info == CtInfo::established_reply || info == CtInfo::related_reply;
}

bool was_handed_over(const Packet& packet) noexcept {
    return packet.meta.connection_state & handed_over;
}

PacketEnd go_to_owner(Packet& packet, HandedFor hook, Context& context) noexcept {
    if (context.workers == 1) return {};
    const FlowRef ref =
        is_ipv6(packet) ? find(ipv6(packet), packet, context) : find(ipv4(packet), packet, context);
    if (!ref) return {};
    const unsigned owner = context.filtering->tracker->state_of(ref).owner();
    if (owner == context.worker) return {};
    // Its pieces would otherwise come back to the worker to which their hash brings them.
    packet.meta.connection_state = context.hooks->datagram.count ? gather_here : std::uint8_t{0};
    return give_to(packet, hook, owner, context);
}

PacketEnd track(Packet& packet, const hook::CtTarget* template_, HandedFor hook, Context& context) noexcept {
    const Template asked = was_handed_over(packet) ? noted_template(packet)
                           : template_             ? template_of(*template_, packet, context)
                                                   : Template{};
    packet.meta.connection_state = invalid;
    if (template_ && template_->notrack) {
        packet.meta.connection_state = untracked;
        return {};
    }
    if (context.filtering->checks_sums && hook == HandedFor::input)
        if (const auto l4 = layer4_of(packet, context); l4 && !has_right_sum(packet, *l4, context)) {
            context.filtering->tracker->count_invalid(context.worker);
            return {};
        }
    FlowTracker& tracker = *context.filtering->tracker;
    const Tracked found = tracker.in(flow_packet(packet, context), asked.zones, 0, moment_of(context));
    switch (found.kind) {
        case Tracked::tracked:
            note(packet, found);
            if (found.fresh) {
                context.hooks->begun.push_back(found);
                prepare(found.ref, asked, tracker);
            }
            return {};
        case Tracked::untracked:
            packet.meta.connection_state = untracked;
            return {};
        case Tracked::invalid:
            return {};
        case Tracked::full:
            context.hooks->log->table_full.add(1);
            return Verdict::drop(DropReason::conntrack_table_full);
        case Tracked::elsewhere:
            break;
    }
    if (found.info == CtInfo::related || found.info == CtInfo::related_reply) {
        note(packet, found);  // an error changes nothing of its connection
        return {};
    }
    note_template(packet, asked);
    return give_to(packet, hook, context.filtering->tracker->state_of(found.ref).owner(), context);
}

bool answers_untracked(const Packet& packet) noexcept {
    return packet.meta.connection_state == about_untracked;
}

void attach_connection(Packet& ours, const Packet& about, const Context& context) noexcept {
    if (about.meta.connection_state & untracked) ours.meta.connection_state = about_untracked;
    if (!is_there(about, context)) return;
    ours.meta.connection_index = about.meta.connection_index;
    ours.meta.connection_version = about.meta.connection_version;
    const bool reply = connection_direction(about);
    ours.meta.connection_state = static_cast<std::uint8_t>(
        static_cast<unsigned>(reply ? CtInfo::related : CtInfo::related_reply) | tracked);
}

void close_connection(const Packet& packet, Context& context) noexcept {
    if (is_there(packet, context))
        context.filtering->tracker->close(packet.meta.connection_index, moment_of(context));
}

void set_related(Packet& packet) noexcept {
    packet.meta.connection_state = static_cast<std::uint8_t>((packet.meta.connection_state & ~info_bits) |
                                                             static_cast<unsigned>(CtInfo::related));
}

bool connection_facts(const Packet& packet, hook::ConnectionFacts& facts, std::uint8_t& state,
                      Context& context) noexcept {
    if (!has_connection(packet)) {
        state =
            packet.meta.connection_state & untracked ? ConntrackState::untracked : ConntrackState::invalid;
        return false;
    }
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const FlowEntry& entry = tracker.table().pool()[FlowTable::index(ref)];
    const std::uint16_t status = entry.state.status.load(std::memory_order_relaxed);
    const auto bit = [&](std::uint16_t of, unsigned as) { return status & of ? as : 0U; };
    facts.state = state_bit(connection_info(packet));
    facts.reply = connection_direction(packet);
    facts.status =
        static_cast<std::uint8_t>(bit(FlowStatus::expected, ConntrackStatus::expected) |
                                  bit(FlowStatus::seen_reply, ConntrackStatus::seen_reply) |
                                  bit(FlowStatus::assured, ConntrackStatus::assured) |
                                  bit(FlowStatus::confirmed, ConntrackStatus::confirmed) |
                                  bit(FlowStatus::src_nat, hook::ConnectionStatus::source_nat) |
                                  bit(FlowStatus::dst_nat, hook::ConnectionStatus::destination_nat));
    facts.mark = facts.arrived_mark = tracker.mark(ref).load(std::memory_order_relaxed);
    const std::int32_t left = milliseconds_until(entry.state.deadline.load(std::memory_order_relaxed),
                                                 static_cast<FlowTime>(context.now_us / 1000));
    facts.expires = left > 0 ? static_cast<std::uint32_t>(left) / 1000 : 0;
    const FlowKind kind = entry.direction[0].kind_now();
    const auto show_way = [&](unsigned direction, hook::ConnectionTuple& as) {
        const FlowDirection& way = entry.direction[direction];
        if (kind.flags & FlowKind::ipv6)
            show<Tuple6>(way, as, kind.protocol);
        else
            show<Tuple4>(way, as, kind.protocol);
    };
    show_way(0, facts.original);
    show_way(1, facts.reversed);
    return true;
}

void set_connection_mark(const Packet& packet, std::uint32_t mark, Context& context) noexcept {
    if (is_there(packet, context))
        context.filtering->tracker->set_mark(packet.meta.connection_index, mark, moment_of(context));
}

PacketEnd confirm_connection(Packet& packet, Context& context) noexcept {
    if (!(packet.meta.connection_state & fresh) || !is_there(packet, context)) return {};
    packet.meta.connection_state &= static_cast<std::uint8_t>(~fresh);
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const FlowState& state = tracker.state_of(ref);
    if (state.has(FlowStatus::confirmed)) return {};
    if (state.has(nat_mask)) prepare_translation(tracker.table().pool()[FlowTable::index(ref)]);
    FlowRef other = 0;
    switch (tracker.confirm(ref, moment_of(context), &other)) {
        case Confirmed::done:
            return {};
        case Confirmed::full:
            return Verdict::drop(DropReason::conntrack_table_full);
        case Confirmed::clash:
            break;
    }
    if (other == 0) return Verdict::drop(DropReason::conntrack_clash);
    // The same packet's sender was quicker: the packet joins its connection.
    const FlowTable& table = tracker.table();
    const auto joined = is_ipv6(packet) ? same_connection<Tuple6>(ref, other, table)
                                        : same_connection<Tuple4>(ref, other, table);
    if (!joined) return Verdict::drop(DropReason::conntrack_clash);
    packet.meta.connection_index = *joined;
    packet.meta.connection_version = tracker.state_of(*joined).version();
    return {};
}

bool settle_connections(Context& context) noexcept {
    if (!context.filtering->tracker) return false;
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowMoment moment = moment_of(context);
    for (const Tracked& begun : context.hooks->begun) {
        const FlowState& state = tracker.state_of(begun.ref);
        if (state.version() == begun.version && !state.has(FlowStatus::confirmed))
            tracker.discard(begun.ref, moment);
    }
    context.hooks->begun.clear();
    return tracker.age(moment, FlowTracker::aged_at_once) >= FlowTracker::aged_at_once;
}

}  // namespace weft
