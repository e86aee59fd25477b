#include "dataplane/nat/translate.hpp"

#include "dataplane/flow/icmp.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/nat/rewrite.hpp"
#include "dataplane/route/header.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

/// Of the connection in the direction against the packet's.
template <class Tuple>
Tuple opposite(const Packet& packet, unsigned direction, const Context& context) noexcept {
    const FlowRef ref = (packet.meta.connection_index & ~1u) | (direction ^ 1u);
    return context.filtering->tracker->table().direction_of(ref).tuple_now<Tuple>();
}

std::uint16_t status_of(const Packet& packet, const Context& context) noexcept {
    return context.filtering->tracker->state_of(packet.meta.connection_index)
        .status.load(std::memory_order_acquire);
}

/// The direction that an error goes in (CTINFO2DIR).
unsigned direction_of(const Packet& packet) noexcept {
    const CtInfo info = connection_info(packet);
    return info == CtInfo::established_reply || info == CtInfo::related_reply;
}

template <class Header>
void translate_family(Packet& packet, NatSide side, Context& context) noexcept {
    using Tuple = TupleOf<Header>;
    const unsigned direction = direction_of(packet);
    const auto l4 = layer4_of(packet, context);
    const std::uint8_t protocol = l4 ? l4->protocol : std::uint8_t{0};
    // As the other direction's packets are addressed, this one's come from there.
    const auto to = end_of(opposite<Tuple>(packet, direction, context), other_side(side), protocol);
    const auto write = [&](Packet& piece, const L4View* of) {
        rewrite(*piece.header<Header>(piece.meta.l3_offset), of, side, to, packet.meta.checksum);
    };
    write(packet, l4 ? &*l4 : nullptr);
    const Datagram& datagram = context.hooks->datagram;
    for (unsigned i = 1; i < datagram.count; ++i)
        write(*datagram.pieces[i], nullptr);
    if (protocol == ip_protocol::sctp) renew_crc(packet, *l4, context);
}

/// Of IPv6 only our own belong to a connection, that of the packet which they are about.
bool is_redirect(const L4View& error, bool v6) noexcept {
    constexpr std::uint8_t redirect = 5, redirect6 = 137;
    return static_cast<std::uint8_t>(error.data[0]) == (v6 ? redirect6 : redirect);
}

/// Bytes of the error that may change, summed.
be16 sum_of(const L4View& error) noexcept {
    constexpr std::size_t field = 2;
    InternetSum sum;
    sum.add(error.data, std::min(error.head, error.length) & ~1u);
    be16 own;
    std::memcpy(&own, error.data + field, sizeof own);
    sum.subtract(own);
    return sum.sum();
}

/// nf_nat_manip_pkt asks for eight bytes of what has ports or an identifier.
bool is_cut_off(const std::optional<L4View>& quoted) noexcept {
    if (!quoted || quoted->head >= icmp_header_size) return false;
    return ip_protocol::has_ports(quoted->protocol) || ip_protocol::is_icmp(quoted->protocol);
}

/// False if too little is quoted, which Linux drops.
template <class Header>
[[nodiscard]] bool translate_quoted(const L4View& error, NatSide side, const TupleOf<Header>& opposite,
                                    ChecksumState checksum) noexcept {
    auto* const at = const_cast<std::byte*>(error.data);
    auto& inner = *reinterpret_cast<Header*>(at + icmp_header_size);
    const auto l4 = find_l4(inner, std::min(error.head, error.length) - icmp_header_size, true);
    if (is_cut_off(l4)) return false;
    const auto to = end_of(opposite, other_side(side), l4 ? l4->protocol : std::uint8_t{0});
    const be16 before = sum_of(error);
    rewrite(inner, l4 ? &*l4 : nullptr, other_side(side), to, ChecksumState::unknown);
    if (checksum == ChecksumState::unfinished) return true;
    constexpr std::size_t field = 2;
    be16 own;
    std::memcpy(&own, at + field, sizeof own);
    own = update_checksum(own, before, sum_of(error));
    std::memcpy(at + field, &own, sizeof own);
    return true;
}

template <class Header>
PacketEnd translate_error_family(Packet& packet, NatSide side, Context& context) noexcept {
    const auto error = layer4_of(packet, context);
    if (!error || std::min(error->head, error->length) < icmp_header_size + sizeof(Header))
        return Verdict::drop(DropReason::nat_bad_error);
    const std::uint16_t status = status_of(packet, context);
    constexpr std::uint16_t decided = FlowStatus::src_nat_done | FlowStatus::dst_nat_done;
    if (is_redirect(*error, std::is_same_v<Header, Ipv6Header>) &&
        ((status & decided) != decided || status & nat_mask))
        return Verdict::drop(DropReason::nat_redirect);
    const unsigned direction = direction_of(packet);
    if (!changes(status, side, direction)) return {};
    const auto tuple = opposite<TupleOf<Header>>(packet, direction, context);
    // Another worker's connection may have ended, and its place be another one's, by now.
    if (context.filtering->tracker->state_of(packet.meta.connection_index).version() !=
        packet.meta.connection_version)
        return Verdict::drop(DropReason::nat_bad_error);
    if (!translate_quoted<Header>(*error, side, tuple, packet.meta.checksum))
        return Verdict::drop(DropReason::nat_bad_error);
    // Of the message's own header only the address: it has no port, and its identifier is another field.
    const NatEnd<TupleOf<Header>> to = end_of(tuple, other_side(side), 0);
    rewrite(*packet.header<Header>(packet.meta.l3_offset), &*error, side, to, packet.meta.checksum);
    const Datagram& datagram = context.hooks->datagram;
    for (unsigned i = 1; i < datagram.count; ++i)
        rewrite(*datagram.pieces[i]->template header<Header>(datagram.pieces[i]->meta.l3_offset), nullptr,
                side, to, packet.meta.checksum);
    return {};
}

}  // namespace

bool is_error_about(Packet& packet, const Context& context) noexcept {
    const CtInfo info = connection_info(packet);
    if (info != CtInfo::related && info != CtInfo::related_reply) return false;
    const auto l4 = layer4_of(packet, context);
    return l4 && l4->protocol == (is_ipv6(packet) ? ip_protocol::icmpv6 : ip_protocol::icmp);
}

void translate(Packet& packet, NatSide side, Context& context) noexcept {
    if (!changes(status_of(packet, context), side, direction_of(packet))) return;
    if (is_ipv6(packet))
        translate_family<Ipv6Header>(packet, side, context);
    else
        translate_family<Ipv4Header>(packet, side, context);
}

PacketEnd translate_error(Packet& packet, NatSide side, Context& context) noexcept {
    return is_ipv6(packet) ? translate_error_family<Ipv6Header>(packet, side, context)
                           : translate_error_family<Ipv4Header>(packet, side, context);
}

}  // namespace weft
