#include "dataplane/nat/bind.hpp"

#include <optional>

#include "dataplane/hook/connection.hpp"
#include "dataplane/nat/address.hpp"
#include "dataplane/nat/choose.hpp"
#include "dataplane/route/header.hpp"
#include "weft/hook/port_block.hpp"

namespace weft {

namespace {

using hook::Hook;
using hook::NatTarget;

NatTarget to_one(const IpAddress& address, const NatTarget& rule) noexcept {
    NatTarget range = rule;
    range.map_addresses = true;
    range.addresses = {address, address};
    return range;
}
NatTarget to_port(const IpAddress& address, be16 port) noexcept {
    NatTarget range = to_one(address, {});
    range.map_ports = true;
    range.ports = {port.host(), port.host()};
    return range;
}

/// xt_NETMAP.c: the host part stays.
IpAddress netmapped(IpAddress address, const NatTarget& rule) noexcept {
    const auto& [low, high] = rule.addresses;
    for (std::size_t i = 0; i < address.bytes.size(); ++i) {
        const std::uint8_t host = low.bytes[i] ^ high.bytes[i];
        address.bytes[i] = static_cast<std::uint8_t>(low.bytes[i] | (address.bytes[i] & host));
    }
    return address;
}

/// The subscriber's own ports of its own outside address. Null if it is none.
const NatTarget* block_of(const Tuple4& current, const NatTarget& rule, NatTarget& made) noexcept {
    const auto block = hook::PortBlocks(rule).of(current.source.host());
    if (!block) return nullptr;
    made = to_one(to_address(be32{block->address}), rule);
    made.map_ports = true;
    made.ports = block->ports;
    return &made;
}

/// Where the new end may lie: as the rule says, or as is `made` of it. Null if an interface has no address.
template <class Tuple>
const NatTarget* range_of(Packet& packet, const NatPlace& place, const Tuple& current, const NatTarget* rule,
                          NatTarget& made, const Context& context) noexcept {
    const NatSide side = side_at(place.at);
    if (!rule) {
        made = to_one(address_of(current, side), {});
        return &made;
    }
    IpAddress address;
    switch (rule->kind) {
        case NatTarget::Kind::snat:
            if constexpr (std::is_same_v<Tuple, Tuple4>)
                if (rule->port_block) return block_of(current, *rule, made);
            return rule;
        case NatTarget::Kind::dnat:
            return rule;
        case NatTarget::Kind::netmap:
            made = to_one(netmapped(address_of(current, side), *rule), *rule);
            return &made;
        case NatTarget::Kind::masquerade:
            address = masquerade_address(packet, place, context);
            break;
        case NatTarget::Kind::redirect:
            address = redirect_address(packet, place, context);
            break;
    }
    if (address == IpAddress{}) return nullptr;
    made = to_one(address, *rule);
    return &made;
}

/// The host behind an outside end, and how its packets go.
struct Inside {
    NatTarget range;
    EndPlace place;
    bool masqueraded = false;  ///< its outside address is an interface's, and goes with it (end_masqueraded)
};
/// To the outside end of an endpoint independent source: to that source, unless a rule says ACCEPT. From
/// where its packets go to, or come from, alone: a network beside it has to ask rules.
template <class Tuple>
std::optional<Inside> inside_of(const Tuple& current, FlowKind kind, const NatPlace& place,
                                const hook::WalkResult& said, const Context& context) noexcept {
    const auto& program = *context.filtering->of(kind.flags & FlowKind::ipv6);
    if (!program.endpoint_independent || place.at != Hook::prerouting || said.nat ||
        said.by != hook::no_rule || !ip_protocol::has_ports(kind.protocol))
        return std::nullopt;
    const FlowTime now = moment_of(context).now;
    // Below are the services of the router's own.
    constexpr std::uint16_t least_port = 1024;
    if (current.destination_port.host() < least_port) return std::nullopt;
    Inside inside;
    const auto source = context.filtering->tracker->source_behind(
        current, kind, now, [&](const FlowState& state, const EndPlace& at) {
            inside.place = at;
            inside.masqueraded = state.has(FlowStatus::masqueraded);
            return at.outside == place.iif || at.inside == place.iif;
        });
    if (!source || (source->source == current.source && source->source_port == current.source_port))
        return std::nullopt;
    inside.range = to_port(address_of(*source, NatSide::source), source->source_port);
    return inside;
}

template <class Tuple>
Tuple& foreseen(HookWork& work) noexcept {
    if constexpr (sizeof(Tuple) == sizeof(Tuple4))
        return work.foreseen4;
    else
        return work.foreseen6;
}

/// As packets of the original direction leave so far.
template <class Tuple>
Tuple current_tuple(const Packet& packet, const Context& context) noexcept {
    const FlowDirection& reply =
        context.filtering->tracker->table().direction_of(packet.meta.connection_index | 1u);
    return answer_of(reply.tuple_now<Tuple>(), reply.kind_now().protocol);
}

/// nf_nat_setup_info. `by`: the rule that said so.
template <class Tuple>
PacketEnd bind_side(Packet& packet, NatSide side, const Tuple& current, const NatTarget& range,
                    hook::RuleId by, Context& context) noexcept {
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const FlowKind kind = tracker.table().direction_of(ref).kind_now();
    const FlowMoment moment = moment_of(context);
    const NatChoice<Tuple> choice =
        choose_tuple(current, {tracker, ref, side, range, moment, context.hooks->random});
    context.hooks->drawn = choice.drawn;
    // What the destination has in common with another connection the source may still tell apart.
    if (!choice.unique && side == NatSide::source)
        return drop_without_port(by, kind.flags & FlowKind::ipv6, context);
    std::uint16_t bits = decided_bit(side);
    if (side == NatSide::source) foreseen<Tuple>(*context.hooks).source = choice.tuple.source;
    if (!(choice.tuple == current)) {
        tracker.set_reply(ref, answer_of(choice.tuple, kind.protocol));
        bits |= translated_bit(side);
    }
    tracker.state_of(ref).set_unshared(bits);
    return {};
}

/// Without a rule a destination stays, whoever else's answers come from it: only an identifier, which both
/// ends have in common, is looked at there (nf_nat_l4proto_unique_tuple).
bool stays(const NatTarget* rule, NatSide side, FlowKind kind) noexcept {
    return !rule && side == NatSide::destination && !ip_protocol::is_icmp(kind.protocol);
}

/// That one outside port is its source's own, and leads to it. Not of what the router itself sends: its
/// sockets are open to those that INPUT lets in.
bool has_mapping(const NatTarget& range, const NatPlace& place) noexcept {
    return range.endpoint_independent && place.at == Hook::postrouting && place.iif != no_interface;
}

/// Data connections of one that has a helper get ports as the rule gave them.
void note_given(const NatTarget& range, hook::RuleId by, FlowRef ref, FlowTracker& tracker) noexcept {
    if (!tracker.state_of(ref).has(FlowStatus::helper)) return;
    const bool gives = range.map_ports && (range.port_block || range.endpoint_independent);
    tracker.extra(ref).given = {gives ? range.ports : hook::PortRange{}, by};
}

template <class Tuple>
PacketEnd bind_tuple(Packet& packet, const NatPlace& place, const hook::WalkResult& said,
                     Context& context) noexcept {
    const Tuple current = current_tuple<Tuple>(packet, context);
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const FlowKind kind = tracker.table().direction_of(ref).kind_now();
    // Of a host that has no address yet, or another's answer to one (nf_nat_masquerade_ipv4).
    const bool masquerades = said.nat && said.nat->kind == NatTarget::Kind::masquerade,
               nobodys =
                   sizeof(Tuple) == sizeof(Tuple4) && address_of(current, NatSide::source) == IpAddress{};
    const NatTarget* const rule = masquerades && nobodys ? nullptr : said.nat;
    const auto inside = inside_of(current, kind, place, said, context);
    const NatSide side = side_at(place.at);
    if (!inside && stays(rule, side, kind)) {
        tracker.state_of(ref).set_unshared(decided_bit(side));
        return {};
    }
    NatTarget made;
    const NatTarget* const range =
        inside ? &inside->range : range_of(packet, place, current, rule, made, context);
    if (!range) return Verdict::drop(DropReason::nat_no_address);
    if (auto end = bind_side(packet, side, current, *range, said.by, context)) return end;
    std::uint16_t bits = 0;
    if ((rule && masquerades) || (inside && inside->masqueraded)) bits |= FlowStatus::masqueraded;
    if (has_mapping(*range, place)) {
        bits |= FlowStatus::endpoint_independent;
        tracker.set_place(ref & ~1u, {place.iif, place.oif});
    }
    if (inside) {
        bits |= FlowStatus::expected | FlowStatus::inward;
        tracker.set_place(ref | 1u, inside->place);
        set_related(packet);
    }
    if (rule && side == NatSide::source) note_given(*range, said.by, ref, tracker);
    if (bits) tracker.state_of(ref).set_unshared(bits);
    return {};
}

template <class Tuple>
PacketEnd follow(Packet& packet, const FollowMaster& master, Context& context) noexcept {
    const auto bind_to = [&](NatSide side, const NatTarget& range) -> PacketEnd {
        return bind_side(packet, side, current_tuple<Tuple>(packet, context), range, master.given.rule,
                         context);
    };
    NatTarget source = to_one(master.source, {});
    if (!master.inward) {
        source.endpoint_independent = master.endpoint_independent;
        source.ports = master.given.ports;
        source.map_ports = source.ports.high != 0;
    }
    if (auto end = bind_to(NatSide::source, source)) return end;
    if (auto end = bind_to(NatSide::destination, to_port(master.destination, master.destination_port)))
        return end;
    if (!master.endpoint_independent) return {};
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index & ~1u;
    std::uint16_t bits = master.inward ? FlowStatus::inward : FlowStatus::endpoint_independent;
    // It ends with the address, as all that lead to the source by its port.
    if (master.masqueraded) bits |= FlowStatus::masqueraded;
    tracker.state_of(ref).set_unshared(bits);
    tracker.set_place(ref | (master.inward ? 1u : 0u), master.place);
    return {};
}

}  // namespace

bool is_undecided(const Packet& packet, NatSide side, const Context& context) noexcept {
    if (connection_info(packet) == CtInfo::established ||
        connection_info(packet) == CtInfo::established_reply)
        return false;
    const FlowState& state = context.filtering->tracker->state_of(packet.meta.connection_index);
    return state.owner() == context.worker && !state.has(decided_bit(side) | FlowStatus::confirmed);
}

PacketEnd bind(Packet& packet, const NatPlace& place, const hook::WalkResult& said,
               Context& context) noexcept {
    return is_ipv6(packet) ? bind_tuple<Tuple6>(packet, place, said, context)
                           : bind_tuple<Tuple4>(packet, place, said, context);
}

const FollowMaster* follows_master(const Packet& packet, Context& context) noexcept {
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const FlowState& state = tracker.state_of(ref);
    if (!state.has(FlowStatus::expected)) return nullptr;
    // What an earlier connection of this entry has left does not count.
    const FlowExtra& extra = tracker.extra(ref);
    return extra.follow.wanted && extra.follower == state.version() ? &extra.follow : nullptr;
}

PacketEnd bind_as(Packet& packet, const FollowMaster& master, Context& context) noexcept {
    return is_ipv6(packet) ? follow<Tuple6>(packet, master, context)
                           : follow<Tuple4>(packet, master, context);
}

Verdict drop_without_port(hook::RuleId by, bool v6, Context& context) noexcept {
    HookLog& log = *context.hooks->log;
    log.exhausted.count(by, v6);
    log.no_port.add(1);
    return Verdict::drop(DropReason::nat_no_port);
}

bool has_moved(Packet& packet, const NatPlace& place, Context& context) noexcept {
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const FlowState& state = tracker.state_of(ref);
    // What began outside has only gone inside, unless a rule has given its own source an address, too.
    const bool went_out = !state.has(FlowStatus::inward) || state.has(FlowStatus::src_nat);
    if (place.at != Hook::postrouting || connection_direction(packet) != 0 ||
        !state.has(FlowStatus::masqueraded) || !went_out)
        return false;
    const bool v6 = is_ipv6(packet);
    const FlowDirection& reply = tracker.table().direction_of(ref | 1);
    const IpAddress given = v6 ? to_address(reply.tuple_now<Tuple6>().destination)
                               : to_address(reply.tuple_now<Tuple4>().destination);
    if (may_keep(packet, place, given, context)) return false;
    return tracker.end_found(ref & ~1u, packet.meta.connection_version);
}

}  // namespace weft
