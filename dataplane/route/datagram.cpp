#include "dataplane/route/datagram.hpp"

#include <algorithm>
#include <optional>

#include "dataplane/flow/icmp.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/route/forward.hpp"
#include "dataplane/route/icmp.hpp"
#include "dataplane/route/icmp_message.hpp"
#include "dataplane/route/input.hpp"
#include "weft/net/address.hpp"
#include "weft/net/checksum.hpp"
#include "weft/net/extension.hpp"

namespace weft {

namespace {

constexpr std::uint16_t offset_mask = 0x1fff, more_fragments = 0x2000;

Fragment read4(Packet& packet) noexcept {
    const Ipv4Header& ip = ipv4(packet);
    Fragment fragment;
    std::memcpy(fragment.key.of.source.data(), &ip.source, sizeof ip.source);
    std::memcpy(fragment.key.of.destination.data(), &ip.destination, sizeof ip.destination);
    fragment.key.of.source_port = ip.id;
    fragment.key.protocol = ip.protocol;
    const std::uint16_t word = ip.fragment.host();
    fragment.place.begin = (word & offset_mask) * 8u;
    fragment.place.end = fragment.place.begin + l3_length(packet) - ip.header_size();
    fragment.place.last = !(word & more_fragments);
    return fragment;
}

struct FragmentHeader6 {
    std::uint8_t next, reserved;
    be16 offset_and_more;
    be16 id_high, id_low;
};
static_assert(sizeof(FragmentHeader6) == 8);

/// find_prev_fhdr; found, cut_off if it is not in the first segment.
Header6 find_fragment_header(Packet& packet) noexcept {
    const std::uint32_t readable = packet.head_length() - packet.meta.l3_offset;
    Header6 found = find_header6(&ipv6(packet), readable, ip_protocol::fragment);
    if (found.type != ip_protocol::fragment || found.at + sizeof(FragmentHeader6) > readable)
        found.end = Header6::End::cut_off;
    return found;
}
std::optional<std::uint32_t> fragment_header_at(Packet& packet) noexcept {
    const Header6 found = find_fragment_header(packet);
    if (found.end != Header6::End::found) return std::nullopt;
    return packet.meta.l3_offset + found.at;
}

Fragment read6(Packet& packet, std::uint32_t at) noexcept {
    const Ipv6Header& ip = ipv6(packet);
    const auto& header = *packet.header<FragmentHeader6>(at);
    Fragment fragment;
    fragment.key.of = {ip.source, ip.destination, header.id_high, header.id_low};
    fragment.key.v6 = true;
    if (address6::link_local(ip.source) || address6::link_local(ip.destination))
        fragment.key.link = packet.meta.iif;
    const std::uint16_t word = header.offset_and_more.host();
    fragment.place.begin = word & 0xfff8u;
    fragment.place.end = fragment.place.begin + packet.length() - at - std::uint32_t{sizeof header};
    fragment.place.last = !(word & 1);
    return fragment;
}

bool is_fragment4(Packet& packet) noexcept {
    return (ipv4(packet).fragment.host() & (offset_mask | more_fragments)) != 0;
}

/// ipv6frag_thdr_truncated (RFC 8200 4.5, RFC 7112): a first fragment that ends before its upper-layer header
/// does. Nobody gathers it (nf_ct_frag6_gather), and conntrack finds it too short.
bool lacks_upper_header(Packet& packet) noexcept {
    const Header6 found = find_header6(&ipv6(packet), packet.head_length() - packet.meta.l3_offset);
    if (found.end != Header6::End::found || found.type == ip_protocol::no_next_header) return false;
    const std::uint32_t needed = found.type == ip_protocol::tcp      ? sizeof(TcpHeader)
                                 : found.type == ip_protocol::udp    ? sizeof(UdpHeader)
                                 : found.type == ip_protocol::icmpv6 ? icmp_header_size
                                                                     : 1;
    return found.at + needed > l3_length(packet);
}

/// Of a datagram that can be gathered.
bool is_fragment(Packet& packet) noexcept {
    if (!is_ipv6(packet)) return is_fragment4(packet);
    const auto at = fragment_header_at(packet);
    constexpr std::uint16_t offset_or_more = 0xfff9;
    return at && packet.header<FragmentHeader6>(*at)->offset_and_more.host() & offset_or_more &&
           !lacks_upper_header(packet);
}

bool is_bad(const FragmentPlace& place) noexcept {
    return place.end <= place.begin || place.end > FragmentTable::longest ||
           (!place.last && (place.end & 7) != 0);
}

Fragment read(Packet& packet) noexcept {
    return is_ipv6(packet) ? read6(packet, *fragment_header_at(packet)) : read4(packet);
}

void share(Packet& other, const Packet& first) noexcept {
    other.meta.hop = first.meta.hop;
    other.meta.oif = first.meta.oif;
    other.meta.mark = first.meta.mark;
    other.meta.punt_class = first.meta.punt_class;
    other.meta.connection_index = first.meta.connection_index;
    other.meta.connection_version = first.meta.connection_version;
    other.meta.connection_state = first.meta.connection_state;
    other.meta.zone = first.meta.zone;
}

/// What the first fragment was told is so for all. Before any of them goes on: the first may be gone then.
void share_all(Packet* const whole[], unsigned count) noexcept {
    for (unsigned i = 1; i < count; ++i)
        share(*whole[i], *whole[0]);
}

std::uint32_t length_of(Packet* const whole[], unsigned count) noexcept {
    std::uint32_t length = l3_length(*whole[0]);
    for (unsigned i = 1; i < count; ++i) {
        const FragmentPlace place = read(*whole[i]).place;
        length += place.end - place.begin;
    }
    return length;
}

/// The header of the datagram, from its first fragment's.
void make_whole4(std::uint32_t length, std::byte* at) noexcept {
    auto& ip = *reinterpret_cast<Ipv4Header*>(at);
    ip.total_length = be16{static_cast<std::uint16_t>(length)};
    ip.fragment = be16{static_cast<std::uint16_t>(ip.fragment.host() & ~(offset_mask | more_fragments))};
    ip.checksum = be16{0};
    ip.checksum = ipv4_checksum(ip);
}
/// Also who is behind: the header before the fragment header names what follows that one. `copied`: bytes
/// that are there.
void make_whole6(Packet& first, std::uint32_t length, std::byte* at, std::uint32_t copied) noexcept {
    auto& ip = *reinterpret_cast<Ipv6Header*>(at);
    ip.payload_length = be16{static_cast<std::uint16_t>(length - sizeof ip)};
    const Header6 found = find_fragment_header(first);
    const auto& header = *first.header<FragmentHeader6>(first.meta.l3_offset + found.at);
    if (found.type_at < copied) at[found.type_at] = std::byte{header.next};
}

/// To the worker that owns the connection: each piece, to be gathered there.
void hand_all(Packet* const whole[], unsigned count, HandedFor hook, unsigned owner,
              Context& context) noexcept {
    share_all(whole, count);
    for (unsigned i = 0; i < count; ++i) {
        const Verdict verdict = hand_over(*whole[i], hook, owner, context);
        if (verdict.is_drop()) context.drop(*whole[i], verdict.reason(), whole[i]->meta.iif);
    }
}

/// Fragments that follow the first are forwarded like it, without asking again.
Verdict forwarded(Packet& piece, Packet& first, HandedFor hook, Verdict of_first, Context& context) noexcept {
    if (&piece == &first || hook == HandedFor::output || of_first.is_drop() ||
        of_first.stage() != StageId::ip_output)
        return of_first;
    return IpForward::forward(piece, context);
}

/// Nobody about what the host itself sends.
void tell_that_the_rest_is_missing(Packet& piece, Context& context) noexcept {
    const IfIndex in = piece.meta.iif;
    if (in == no_interface || !context.topology->exists(in) || read(piece).place.begin != 0) return;
    if (is_ipv6(piece) || IpInput::is_for_host(piece, context))
        send_icmp_error(piece, IcmpError::never_whole, 0, context);
}

template <class Way>
Verdict gather(Packet& packet, HandedFor hook, Context& context, Way&& way) noexcept {
    const Fragment fragment = read(packet);
    if (is_bad(fragment.place)) return Verdict::drop(DropReason::fragment_bad);
    if (context.workers > 1 && !is_to_gather_here(packet))
        if (const unsigned worker = context.hooks->fragments->hash(fragment.key) % context.workers;
            worker != context.worker)
            return hand_to_gather(packet, hook, worker, context);
    const auto drop = [&](Packet& gone, DropReason why) { context.drop(gone, why, gone.meta.iif); };
    Packet* whole[FragmentTable::most_of_one];
    const unsigned count = context.hooks->fragments->add(packet, fragment, context.now_seconds, whole, drop);
    if (count == 0) return Verdict::consumed();
    Packet& first = *whole[0];
    if (!context.topology->exists(hook == HandedFor::output ? first.meta.oif : first.meta.iif)) {
        for (unsigned i = 0; i < count; ++i)
            context.drop(*whole[i], DropReason::handover_gone, no_interface);
        return Verdict::consumed();
    }
    context.hooks->datagram = {whole, count, length_of(whole, count),
                               is_ipv6(first) ? std::uint32_t{sizeof(FragmentHeader6)} : 0};
    context.hooks->handed_to = HookWork::nobody;
    const Verdict verdict = way(first);
    context.hooks->datagram = {};
    if (context.hooks->handed_to != HookWork::nobody) {
        hand_all(whole, count, hook, context.hooks->handed_to, context);
        return Verdict::consumed();
    }
    share_all(whole, count);
    for (unsigned i = 0; i < count; ++i)
        context.follow(*whole[i], forwarded(*whole[i], first, hook, verdict, context), whole[i]->meta.iif);
    return Verdict::consumed();
}

bool own_waits_for_rest(Packet& packet, const Context& context) noexcept {
    const bool v6 = is_ipv6(packet);
    const auto& rules = *context.filtering->of(v6);
    return context.hooks->datagram.count == 0 &&
           (context.filtering->tracks[v6] || rules.active(hook::Hook::output) ||
            rules.active(hook::Hook::postrouting)) &&
           is_fragment(packet);
}

}  // namespace

bool waits_for_rest(Packet& packet, const Context& context) noexcept {
    return context.filtering->tracks[is_ipv6(packet)] && context.hooks->datagram.count == 0 &&
           is_fragment(packet);
}

bool host_waits_for_rest(Packet& packet, const Context& context) noexcept {
    return !is_ipv6(packet) && context.hooks->datagram.count == 0 &&
           context.filtering->of(false)->active(hook::Hook::input) && is_fragment4(packet);
}
bool is_to_gather_for_host(const Packet& packet) noexcept {
    return is_to_gather_here(packet) && packet.meta.handed_for == HandedFor::local;
}

Verdict gather_input(Packet& packet, Context& context) noexcept {
    return gather(packet, HandedFor::input, context, [&](Packet& first) {
        const Verdict verdict = IpInput::receive(first, context);
        return verdict == Verdict::to(StageId::ip_forward)
                   ? IpForward::decide(first, IpForward::Prepared{}, context)
                   : verdict;
    });
}

Verdict gather_local(Packet& packet, Context& context) noexcept {
    return gather(packet, HandedFor::local, context, [&](Packet& first) {
        first.meta.connection_state = 0;
        return IpInput::to_host(first, context);
    });
}

Verdict leave_host(Packet& packet, Context& context) noexcept {
    return with_own_head(packet, hook_head_bytes, context, [&](Packet& own) {
        own.meta.l3_offset = ethernet_header_size;
        // The kernel's packets are sound, but a program may write what it likes to a packet socket.
        const DropReason fault = is_ipv6(own) ? check_ipv6(own) : check_ipv4(own);
        if (fault != DropReason::count) return Verdict::to(StageId::egress);
        const Verdict way = Verdict::to(StageId::egress);
        if (!own_waits_for_rest(own, context)) return pass_host(own, way, context);
        return gather(own, HandedFor::output, context, [&](Packet& first) {
            if (!context.filtering->tracks[is_ipv6(first)]) first.meta.connection_state = 0;
            return pass_host(first, way, context);
        });
    });
}

std::uint32_t payload_at(Packet& packet) noexcept {
    if (!is_ipv6(packet)) return packet.meta.l3_offset + std::uint32_t{ipv4(packet).header_size()};
    return *fragment_header_at(packet) + std::uint32_t{sizeof(FragmentHeader6)};
}

std::uint32_t quotable_length(Packet& packet, const Context& context) noexcept {
    const bool gathered = has_rules(is_ipv6(packet), context) && context.hooks->datagram.count != 0;
    return gathered ? rule_length(packet, context) : l3_length(packet);
}

void quote(Packet& packet, std::uint32_t length, std::byte* to, const Context& context) noexcept {
    const std::uint32_t l3 = packet.meta.l3_offset;
    if (!has_rules(is_ipv6(packet), context) || context.hooks->datagram.count == 0)
        return copy_bytes(packet, l3, length, to);
    const Datagram& datagram = context.hooks->datagram;
    const std::uint32_t head = payload_at(packet) - l3 - datagram.fragment_header;
    copy_bytes(packet, l3, std::min(head, length), to);
    for (unsigned i = 0, at = head; i < datagram.count && at < length; ++i) {
        Packet& piece = *datagram.pieces[i];
        const FragmentPlace place = read(piece).place;
        const std::uint32_t part = std::min(place.end - place.begin, length - at);
        copy_bytes(piece, payload_at(piece), part, to + at);
        at += part;
    }
    if (is_ipv6(packet))
        make_whole6(packet, rule_length(packet, context), to, length);
    else
        make_whole4(rule_length(packet, context), to);
}

void put_back(Packet& packet, const std::byte* from, std::uint32_t length, const Context& context) noexcept {
    const Datagram& datagram = context.hooks->datagram;
    std::uint32_t at = payload_at(packet) - packet.meta.l3_offset - datagram.fragment_header;
    for (unsigned i = 0; i < datagram.count && at < length; ++i) {
        Packet& piece = i == 0 ? packet : *datagram.pieces[i];
        const FragmentPlace place = read(piece).place;
        const std::uint32_t begin = payload_at(piece), part = place.end - place.begin,
                            there = std::min({part, piece.head_length() - begin, length - at});
        std::memcpy(piece.header<std::byte>(begin), from + at, there);
        if (there < part) return;
        at += part;
    }
}

bool expire_fragments(Context& context) noexcept {
    bool any = false;
    context.hooks->fragments->expire(context.now_seconds, [&](Packet& gone, DropReason why) {
        tell_that_the_rest_is_missing(gone, context);
        context.drop(gone, why, gone.meta.iif);
        any = true;
    });
    return any;
}

}  // namespace weft
