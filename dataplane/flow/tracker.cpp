// A packet's way through conntrack.
#include "dataplane/flow/tracker.hpp"

#include "dataplane/flow/gre.hpp"
#include "dataplane/flow/icmp.hpp"
#include "dataplane/flow/sctp.hpp"
#include "dataplane/flow/tcp.hpp"
#include "dataplane/flow/udp.hpp"

namespace weft {

namespace {

constexpr Tracked nothing(Tracked::Kind kind) noexcept {
    return {kind, CtInfo::established, false, 0, 0};
}
template <class Header>
constexpr bool is_ipv6 = std::is_same_v<Header, Ipv6Header>;

/// The other family's ICMP is nobody's.
template <class Header>
IcmpClass classify(const L4View& l4) noexcept {
    if (l4.protocol == ip_protocol::icmp) return is_ipv6<Header> ? IcmpClass::query : classify_icmp(l4);
    if (l4.protocol == ip_protocol::icmpv6) return is_ipv6<Header> ? classify_icmpv6(l4) : IcmpClass::query;
    return IcmpClass::query;
}

/// What is told of when a packet changes it.
struct FlowNews {
    std::uint16_t status = 0;
    std::uint8_t protocol_state = 0;

    static FlowNews of(const FlowState& state, std::uint8_t protocol) noexcept {
        constexpr std::uint16_t bits = FlowStatus::seen_reply | FlowStatus::assured;
        return {static_cast<std::uint16_t>(state.status.load(std::memory_order_relaxed) & bits),
                static_cast<std::uint8_t>(
                    protocol == ip_protocol::tcp    ? static_cast<unsigned>(state.tcp.state())
                    : protocol == ip_protocol::sctp ? static_cast<unsigned>(state.sctp.state())
                                                    : 0)};
    }
    /// As ToldEvents.
    [[nodiscard]] std::uint16_t until(const FlowNews& now) const noexcept {
        const unsigned fresh = now.status & ~status;
        return static_cast<std::uint16_t>((fresh & FlowStatus::seen_reply ? ToldEvents::reply : 0) |
                                          (fresh & FlowStatus::assured ? ToldEvents::assured : 0) |
                                          (now.protocol_state != protocol_state ? ToldEvents::protocol : 0));
    }
    friend bool operator==(const FlowNews&, const FlowNews&) = default;
};

}  // namespace

FlowTracker::FlowTracker(std::uint32_t capacity, unsigned workers, std::uint64_t secret_lo,
                         std::uint64_t secret_hi)
    : capacity_(capacity),
      table_(capacity, workers, secret_lo, secret_hi),
      sources_(table_.pool().size()),
      insides_(table_.pool().size()),
      ends_(table_.pool().size() << 1),
      place_memory_((std::size_t{table_.pool().size()} << 1) * sizeof(EndPlace)),
      places_(place_memory_.as<EndPlace>()),
      wheels_(std::make_unique<std::unique_ptr<FlowWheel>[]>(workers)),
      workers_(workers),
      extra_memory_(std::size_t{table_.pool().size()} * sizeof(FlowExtra)),
      extras_(extra_memory_.as<FlowExtra>()),
      expectations_(secret_lo, secret_hi),
      counts_(std::make_unique<FlowCounts[]>(workers)),
      events_(std::make_unique<FlowEvents[]>(workers)) {
    for (unsigned w = 0; w < workers; ++w)
        wheels_[w] = std::make_unique<FlowWheel>(table_.pool(), table_.pool().size());
}

Tracked FlowTracker::in(const FlowPacket& packet, FlowZones zones, FlowZone hint,
                        const FlowMoment& moment) noexcept {
    const Tracked found = in_any(packet, zones, hint, moment);
    if (found.kind == Tracked::invalid) [[unlikely]]
        FlowCounts::add(counts_[moment.worker].invalid);
    return found;
}

Tracked FlowTracker::in_any(const FlowPacket& packet, FlowZones zones, FlowZone hint,
                            const FlowMoment& moment) noexcept {
    FlowKind kind{zones.original, 0, hint ? FlowKind::hinted : std::uint8_t{0}};
    if (packet.head == 0) return nothing(Tracked::invalid);
    switch (static_cast<unsigned>(packet.ip[0]) >> 4) {
        case 4:
            return in_family(*reinterpret_cast<const Ipv4Header*>(packet.ip), packet, kind, zones, moment);
        case 6:
            kind.flags |= FlowKind::ipv6;
            return in_family(*reinterpret_cast<const Ipv6Header*>(packet.ip), packet, kind, zones, moment);
        default:
            return nothing(Tracked::invalid);
    }
}

template <class Header>
Tracked FlowTracker::in_family(const Header& ip, const FlowPacket& packet, FlowKind kind, FlowZones zones,
                               const FlowMoment& moment) noexcept {
    auto l4 = find_l4(ip, packet.head);
    if (!l4) return nothing(Tracked::invalid);
    // Of a datagram in pieces the header tells the first one's length only.
    l4->length = packet.bytes - static_cast<std::uint32_t>(l4->data - packet.ip);
    kind.protocol = l4->protocol;
    switch (classify<Header>(*l4)) {
        case IcmpClass::query:
            break;
        case IcmpClass::error:
            return related(ip, *l4, kind, zones, moment);
        case IcmpClass::untracked:
            return nothing(Tracked::untracked);
        case IcmpClass::invalid:
            return nothing(Tracked::invalid);
    }
    TupleOf<Header> tuple;
    if (!read_tuple(ip, *l4, tuple)) return nothing(Tracked::invalid);
    for (;;) {
        Tracked t = nothing(Tracked::tracked);
        if (const FlowRef ref = find(tuple, kind, zones, moment.now)) {
            const std::uint32_t version = state_of(ref).version();
            t = {Tracked::tracked, CtInfo::established, false, ref, version};
            if ((version & FlowState::owner_mask) != moment.worker) {
                t.kind = Tracked::elsewhere;
                return t;
            }
        } else {
            t = begin(tuple, kind, zones, moment);
            if (t.kind != Tracked::tracked) return t;
        }
        t.info = info_of(t.ref);
        const L4Verdict verdict = follow(t.ref, *l4, packet.bytes, moment);
        if (verdict == L4Verdict::repeat) continue;
        if (verdict != L4Verdict::invalid) return t;
        if (t.fresh) discard(t.ref, moment);
        return nothing(Tracked::invalid);
    }
}

CtInfo FlowTracker::info_of(FlowRef ref) const noexcept {
    if (FlowTable::direction(ref)) return CtInfo::established_reply;
    const FlowState& state = state_of(ref);
    if (state.has(FlowStatus::seen_reply)) return CtInfo::established;
    return state.has(FlowStatus::expected) ? CtInfo::related : CtInfo::fresh;
}

L4Verdict FlowTracker::follow(FlowRef ref, const L4View& l4, std::uint32_t bytes,
                              const FlowMoment& moment) noexcept {
    FlowState& state = state_of(ref);
    const FlowConfig& config = moment.config;
    const unsigned direction = FlowTable::direction(ref);
    const bool fresh = !state.has(FlowStatus::confirmed);
    const bool told = !fresh && events_[moment.worker].wanted();
    const FlowNews before = told ? FlowNews::of(state, l4.protocol) : FlowNews{};
    const bool ipv6 = table_.direction_of(ref).kind.flags & FlowKind::ipv6;
    L4Verdict verdict = L4Verdict::accept;
    switch (l4.protocol) {
        case ip_protocol::tcp: {
            auto segment = parse_tcp(l4);
            if (!segment) return L4Verdict::invalid;
            // nf_ct_seq_offset: the acknowledged numbers are those that the other side was given.
            if (state.has(FlowStatus::seq_adjust)) [[unlikely]]
                segment->ack_change =
                    static_cast<std::uint32_t>(extra(ref).adjust[!direction].of_sent(segment->ack - 1));
            verdict = track_tcp(state, direction, *segment, config, moment.now);
            break;
        }
        case ip_protocol::udp:
            if (!is_sound_udp(l4)) return L4Verdict::invalid;
            track_udp(state, config, moment.now);
            break;
        case ip_protocol::udplite:
            if (!is_sound_udplite(l4)) return L4Verdict::invalid;
            track_udplite(state, config, moment.now);
            break;
        case ip_protocol::icmp:
            if (ipv6 || (fresh && !icmp_begins(static_cast<std::uint8_t>(l4.data[0]))))
                return L4Verdict::invalid;
            refresh(state, config.icmp_timeout, moment.now);
            break;
        case ip_protocol::icmpv6:
            if (!ipv6 || (fresh && !icmpv6_begins(static_cast<std::uint8_t>(l4.data[0]))))
                return L4Verdict::invalid;
            refresh(state, config.icmpv6_timeout, moment.now);
            break;
        case ip_protocol::sctp:
            verdict = track_sctp(state, direction, l4, config, moment.now);
            break;
        case ip_protocol::gre:
            track_gre(state, config, moment.now);
            break;
        default:
            refresh(state, config.generic_timeout, moment.now);
    }
    if (verdict == L4Verdict::invalid) return verdict;
    if (verdict == L4Verdict::repeat) {
        end_own(FlowTable::index(ref));
        return verdict;
    }
    if (table_.direction_of(ref).kind.flags & FlowKind::accounted) account(ref, bytes);
    if (verdict == L4Verdict::remove && !fresh) end_own(FlowTable::index(ref));
    if (direction == 1 && !state.has(FlowStatus::seen_reply)) state.set(FlowStatus::seen_reply);
    if (told) [[unlikely]]
        if (verdict == L4Verdict::accept && before != FlowNews::of(state, l4.protocol))
            tell(FlowEventKind::updated, before.until(FlowNews::of(state, l4.protocol)),
                 FlowTable::index(ref), moment);
    return verdict;
}

template <class Tuple>
Tracked FlowTracker::begin(const Tuple& tuple, FlowKind kind, FlowZones zones,
                           const FlowMoment& moment) noexcept {
    if (!has_answer(tuple, kind.protocol)) return nothing(Tracked::invalid);
    const Tuple reply = answer_of(tuple, kind.protocol);
    const std::uint64_t hash = table_.hash(tuple, kind.protocol, hint_of(kind));
    const std::uint32_t before = count_.fetch_add(1, std::memory_order_relaxed), max = moment.config.max;
    const bool room = !max || before < max || make_room(hash, moment);
    const std::uint32_t index = room ? table_.pool().allocate(moment.worker) : 0;
    if (!index) {
        count_.fetch_sub(1, std::memory_order_relaxed);
        FlowCounts::add(counts_[moment.worker].drop);
        return nothing(Tracked::full);
    }
    FlowEntry& entry = table_.pool()[index];
    if (moment.config.acct) kind.flags |= FlowKind::accounted;
    if (moment.config.timestamp) kind.flags |= FlowKind::stamped;
    entry.direction[0].set(tuple, kind);
    FlowKind reply_kind = kind;
    reply_kind.zone = zones.reply;
    entry.direction[1].set(reply, reply_kind);
    for (FlowDirection& direction : entry.direction) {
        direction.shared.store(0, std::memory_order_relaxed);
        direction.path = direction.epoch = 0;
        direction.slow = SlowWay::unseen;
        direction.owner.store(static_cast<std::uint8_t>(moment.worker), std::memory_order_release);
    }
    entry.state.deadline.store(0, std::memory_order_relaxed);
    if (moment.config.acct || moment.config.timestamp) {
        FlowAccount& account = table_.pool().account(index);
        for (unsigned d = 0; d < 2; ++d) {
            account.bytes[d].store(0, std::memory_order_relaxed);
            account.packets_low[d].store(0, std::memory_order_relaxed);
            account.packets_high[d].store(0, std::memory_order_relaxed);
        }
        account.start.store(0, std::memory_order_relaxed);
    }
    if (!kind.zone) kind.zone = zones.reply;  // nf_ct_zone_equal_any
    if (expectations_.any()) [[unlikely]]
        meet_expectation(index << 1, tuple, kind, moment);
    return {Tracked::tracked, CtInfo::fresh, true, index << 1, entry.state.version()};
}

/// ICMP errors belong to the connection of the packet they quote (nf_conntrack_inet_error).
template <class Header>
Tracked FlowTracker::related(const Header& outer, const L4View& error, FlowKind kind, FlowZones zones,
                             const FlowMoment& moment) noexcept {
    const std::uint32_t there = std::min(error.head, error.length);
    if (there < icmp_header_size + sizeof(Header)) return nothing(Tracked::invalid);
    const auto& inner = *reinterpret_cast<const Header*>(error.data + icmp_header_size);
    const auto l4 = find_l4(inner, there - icmp_header_size, true);
    if (!l4) return nothing(Tracked::invalid);
    TupleOf<Header> quoted;
    if (!read_tuple(inner, *l4, quoted)) return nothing(Tracked::invalid);
    const auto tuple = inverted(quoted, l4->protocol);
    if (!tuple) return nothing(Tracked::invalid);
    kind.protocol = l4->protocol;
    const FlowRef ref = find(*tuple, kind, zones, moment.now);
    if (!ref) return nothing(Tracked::invalid);
    // It must go to where an answer would: otherwise anybody could send it to a third with a packet quoted
    // that a connection fits.
    if (!(outer.destination == tuple->destination)) return nothing(Tracked::invalid);
    const std::uint32_t version = state_of(ref).version();
    // Another worker may have ended it, and begun another one there, before its version was read.
    if (!(table_.direction_of(ref).template tuple_now<TupleOf<Header>>() == *tuple))
        return nothing(Tracked::invalid);
    const bool own = (version & FlowState::owner_mask) == moment.worker;
    return {own ? Tracked::tracked : Tracked::elsewhere,
            FlowTable::direction(ref) ? CtInfo::related_reply : CtInfo::related, false, ref, version};
}

void FlowTracker::account(FlowRef ref, std::uint32_t bytes) noexcept {
    FlowAccount& account = table_.pool().account(FlowTable::index(ref));
    const unsigned d = FlowTable::direction(ref);
    constexpr auto relaxed = std::memory_order_relaxed;
    account.bytes[d].store(account.bytes[d].load(relaxed) + bytes, relaxed);
    const std::uint32_t low = account.packets_low[d].load(relaxed) + 1;
    if (low == 0)
        account.packets_high[d].store(static_cast<std::uint16_t>(account.packets_high[d].load(relaxed) + 1),
                                      relaxed);
    account.packets_low[d].store(low, relaxed);
}

}  // namespace weft
