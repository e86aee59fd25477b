// net/netfilter/xt_conntrack.c, conntrack_mt; net/netfilter/xt_state.c
#include "dataplane/hook/match/ports.hpp"
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

/// The host bits of the rule's address may be set: iptables leaves them there (conntrack_addrcmp).
bool within(const Prefix& prefix, const IpAddress& address) noexcept {
    for (std::size_t i = 0; i < address.bytes.size(); ++i)
        if ((address.bytes[i] ^ prefix.address.bytes[i]) & prefix.mask.bytes[i]) return false;
    return true;
}

/// What is not asked for holds.
template <class T, class Test>
bool holds(const Part<T>& part, Test&& test) noexcept {
    return !part.given || test(part.value) != part.inverted;
}

bool state_holds(const ConntrackMatch& match, Look& look) noexcept {
    if (!match.state.given) return true;
    const auto wanted = match.state.value;
    unsigned bits = look.packet.connection_state();
    look.rests.on_state(look.packet);
    if (const auto* connection = look.packet.connection) {
        if (connection->status & ConnectionStatus::source_nat) bits |= ConntrackState::snat;
        if (connection->status & ConnectionStatus::destination_nat) bits |= ConntrackState::dnat;
        if (wanted & (ConntrackState::snat | ConntrackState::dnat))
            look.rests.on_status(look.packet,
                                 ConnectionStatus::source_nat | ConnectionStatus::destination_nat);
    }
    return ((bits & wanted) != 0) != match.state.inverted;
}

/// What answers will be is decided when the first packet leaves (POSTROUTING), after most rules have seen it.
bool asks_of_answers(const ConntrackMatch& match) noexcept {
    return match.reply_source.given || match.reply_destination.given || match.reply_source_port.given ||
           match.reply_destination_port.given;
}

bool tuples_hold(const ConntrackMatch& match, const ConnectionFacts& connection) noexcept {
    const auto address = [](const Part<Prefix>& part, const IpAddress& value) {
        return holds(part, [&](const Prefix& prefix) { return within(prefix, value); });
    };
    const auto port = [](const Part<PortRange>& part, std::uint16_t value) {
        return holds(part, [&](const PortRange& range) { return port_matches(range, false, value); });
    };
    const auto &original = connection.original, &reply = connection.reversed;
    return address(match.original_source, original.source) &&
           address(match.original_destination, original.destination) &&
           address(match.reply_source, reply.source) && address(match.reply_destination, reply.destination) &&
           holds(match.protocol, [&](std::uint8_t protocol) { return original.protocol == protocol; }) &&
           port(match.original_source_port, original.source_port) &&
           port(match.original_destination_port, original.destination_port) &&
           port(match.reply_source_port, reply.source_port) &&
           port(match.reply_destination_port, reply.destination_port);
}

Matched match_conntrack(const ConntrackMatch& match, Look& look) noexcept {
    if (!state_holds(match, look)) return Matched::no;
    const auto* connection = look.packet.connection;
    if (!connection) return matched_if(match.state.given);
    if (!holds(match.reply, [&](bool reply) { return connection->reply == reply; })) return Matched::no;
    if (asks_of_answers(match))
        look.rests.on_status(look.packet, ConnectionStatus::source_nat | ConnectionStatus::destination_nat);
    if (!tuples_hold(match, *connection)) return Matched::no;
    if (match.status.given) {
        look.rests.on_status(look.packet, match.status.value);
        if (((connection->status & match.status.value) != 0) == match.status.inverted) return Matched::no;
    }
    if (!match.expire.given) return Matched::yes;
    look.rests.on(Rest::expiry);
    return matched_if(holds(match.expire, [&](const Range<std::uint32_t>& seconds) {
        return connection->expires >= seconds.low && connection->expires <= seconds.high;
    }));
}

Matched match_state(const StateMatch& match, Look& look) noexcept {
    look.rests.on_state(look.packet);
    return matched_if(((look.packet.connection_state() & match.state) != 0) != match.inverted);
}

}  // namespace

SharedCheck conntrack_check(const ConntrackMatch& match) {
    return check_of<match_conntrack>(match);
}
SharedCheck state_check(const StateMatch& match) {
    return check_of<match_state>(match);
}

}  // namespace weft::hook
