#include "dataplane/nat/translate.hpp"

#include "dataplane/flow/icmp.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/hook/whole.hpp"
#include "dataplane/nat/rewrite.hpp"
#include "dataplane/route/datagram.hpp"
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

/// Headers that are translated, in one piece: the packet's own, or a copy where fragments share them.
template <class Header>
struct Headers {
    Header* ip;
    std::optional<L4View> l4;
    FlowPacket copy{};  ///< nothing: they are the packet's own
};

template <class Header>
Headers<Header> headers_of(Packet& packet, const Context& context) noexcept {
    if (!is_cut(packet, context)) [[likely]]
        return {packet.header<Header>(packet.meta.l3_offset), layer4_of(packet, context)};
    const FlowPacket whole = in_one_piece(packet, context);
    auto* const ip = reinterpret_cast<Header*>(const_cast<std::byte*>(whole.ip));
    return {ip, find_l4(*ip, whole.head), whole};
}

/// One end of the packet.
template <class Header>
void translate_end(const Headers<Header>& headers, Packet& packet, NatSide side,
                   const NatEnd<TupleOf<Header>>& to, const Context& context) noexcept {
    const auto& l4 = headers.l4;
    const ChecksumState checksum = packet.meta.checksum;
    rewrite(*headers.ip, l4 ? &*l4 : nullptr, side, to, checksum);
    const bool copied = headers.copy.head != 0;
    if (l4 && l4->protocol == ip_protocol::sctp) copied ? renew_crc(*l4) : renew_crc(packet, *l4, context);
    const auto write_address = [&](Packet& piece) {
        rewrite(*piece.header<Header>(piece.meta.l3_offset), nullptr, side, to, checksum);
    };
    if (copied) {
        put_back(packet, headers.copy.ip, std::min(headers.copy.head, hook_head_bytes), context);
        write_address(packet);
    }
    const Datagram& datagram = context.hooks->datagram;
    for (unsigned i = 1; i < datagram.count; ++i)
        write_address(*datagram.pieces[i]);
}

/// gre_manip_pkt: PPTP's header as far as the call ID has to be there whatever the version, and a packet
/// whose destination changes to be of a version that it knows.
bool is_unfit(const std::optional<L4View>& l4, NatSide side) noexcept {
    if (!l4 || l4->protocol != ip_protocol::gre) return false;
    constexpr std::uint32_t header = 8, version_at = 1;
    constexpr std::uint8_t version_mask = 7, newest = 1;
    if (l4->length < header) return true;
    return side == NatSide::destination && l4->head > version_at &&
           (static_cast<std::uint8_t>(l4->data[version_at]) & version_mask) > newest;
}

template <class Header>
PacketEnd translate_family(Packet& packet, NatSide side, Context& context) noexcept {
    using Tuple = TupleOf<Header>;
    const unsigned direction = connection_direction(packet);
    const auto headers = headers_of<Header>(packet, context);
    if (is_unfit(headers.l4, side)) [[unlikely]]
        return Verdict::drop(DropReason::nat_bad_header);
    const std::uint8_t protocol = headers.l4 ? headers.l4->protocol : std::uint8_t{0};
    // As the other direction's packets are addressed, this one's come from there.
    const auto to = end_of(opposite<Tuple>(packet, direction, context), other_side(side), protocol);
    translate_end(headers, packet, side, to, context);
    return {};
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

/// sctp_manip_pkt: of all that is quoted, if that has the field.
void renew_quoted_crc(const L4View& quoted, bool copied, Packet& packet, const Context& context) noexcept {
    if (copied)
        renew_crc(L4View{quoted.data, quoted.head, quoted.head, quoted.protocol});
    else
        renew_crc(packet, quoted, context);
}

/// False if too little is quoted, which Linux drops.
template <class Header>
[[nodiscard]] bool translate_quoted(const Headers<Header>& headers, NatSide side,
                                    const TupleOf<Header>& opposite, Packet& packet,
                                    const Context& context) noexcept {
    const L4View& error = *headers.l4;
    auto* const at = const_cast<std::byte*>(error.data);
    auto& inner = *reinterpret_cast<Header*>(at + icmp_header_size);
    const auto l4 = find_l4(inner, std::min(error.head, error.length) - icmp_header_size, true);
    if (is_cut_off(l4) || is_unfit(l4, other_side(side))) return false;
    const auto to = end_of(opposite, other_side(side), l4 ? l4->protocol : std::uint8_t{0});
    const be16 before = sum_of(error);
    rewrite(inner, l4 ? &*l4 : nullptr, other_side(side), to, ChecksumState::unknown);
    if (l4 && l4->protocol == ip_protocol::sctp)
        renew_quoted_crc(*l4, headers.copy.head != 0, packet, context);
    if (packet.meta.checksum == ChecksumState::unfinished) return true;
    constexpr std::size_t field = 2;
    be16 own;
    std::memcpy(&own, at + field, sizeof own);
    own = update_checksum(own, before, sum_of(error));
    std::memcpy(at + field, &own, sizeof own);
    return true;
}

template <class Header>
PacketEnd translate_error_family(Packet& packet, NatSide side, Context& context) noexcept {
    const auto headers = headers_of<Header>(packet, context);
    const auto& error = headers.l4;
    if (!error || std::min(error->head, error->length) < icmp_header_size + sizeof(Header))
        return Verdict::drop(DropReason::nat_bad_error);
    // nf_nat_icmp_reply_translation looks at it itself, whatever nf_conntrack_checksum says.
    if (const auto own = layer4_of(packet, context);
        side == NatSide::destination && own && !has_right_sum(packet, *own, context))
        return Verdict::drop(DropReason::nat_bad_error);
    const std::uint16_t status = status_of(packet, context);
    constexpr std::uint16_t decided = FlowStatus::src_nat_done | FlowStatus::dst_nat_done;
    if (is_redirect(*error, std::is_same_v<Header, Ipv6Header>) &&
        ((status & decided) != decided || status & nat_mask))
        return Verdict::drop(DropReason::nat_redirect);
    const unsigned direction = connection_direction(packet);
    if (!changes(status, side, direction)) return {};
    const auto tuple = opposite<TupleOf<Header>>(packet, direction, context);
    // Another worker's connection may have ended, and its place be another one's, by now.
    if (context.filtering->tracker->state_of(packet.meta.connection_index).version() !=
        packet.meta.connection_version)
        return Verdict::drop(DropReason::nat_bad_error);
    if (!translate_quoted<Header>(headers, side, tuple, packet, context))
        return Verdict::drop(DropReason::nat_bad_error);
    // Of the message's own header only the address: it has no port, and its identifier is another field.
    const NatEnd<TupleOf<Header>> to = end_of(tuple, other_side(side), 0);
    translate_end(headers, packet, side, to, context);
    return {};
}

}  // namespace

bool is_error_about(Packet& packet, const Context& context) noexcept {
    const CtInfo info = connection_info(packet);
    if (info != CtInfo::related && info != CtInfo::related_reply) return false;
    const auto l4 = layer4_of(packet, context);
    return l4 && l4->protocol == (is_ipv6(packet) ? ip_protocol::icmpv6 : ip_protocol::icmp);
}

PacketEnd translate(Packet& packet, NatSide side, Context& context) noexcept {
    if (!changes(status_of(packet, context), side, connection_direction(packet))) return {};
    return is_ipv6(packet) ? translate_family<Ipv6Header>(packet, side, context)
                           : translate_family<Ipv4Header>(packet, side, context);
}

PacketEnd translate_error(Packet& packet, NatSide side, Context& context) noexcept {
    return is_ipv6(packet) ? translate_error_family<Ipv6Header>(packet, side, context)
                           : translate_error_family<Ipv4Header>(packet, side, context);
}

}  // namespace weft
