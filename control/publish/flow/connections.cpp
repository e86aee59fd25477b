#include "control/publish/flow/connections.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "weft/clock.hpp"

namespace weft {

namespace {

void put_address(IpAddress& to, be32 from) noexcept {
    std::memcpy(to.bytes.data(), &from, sizeof from);
}
void put_address(IpAddress& to, const std::array<std::uint8_t, 16>& from) noexcept {
    to.bytes = from;
}
void get_address(be32& to, const IpAddress& from) noexcept {
    std::memcpy(&to, from.bytes.data(), sizeof to);
}
void get_address(std::array<std::uint8_t, 16>& to, const IpAddress& from) noexcept {
    to = from.bytes;
}

template <class FlowTuple>
conntrack::Tuple shown(const FlowTuple& from, std::uint8_t protocol) noexcept {
    conntrack::Tuple to;
    put_address(to.source, from.source);
    put_address(to.destination, from.destination);
    if (ip_protocol::is_icmp(protocol)) {
        to.icmp_id = from.source_port.host();
        to.icmp_type = icmp_type(from);
        to.icmp_code = static_cast<std::uint8_t>(from.destination_port.host());
    } else {
        to.source_port = from.source_port.host();
        to.destination_port = from.destination_port.host();
    }
    return to;
}

template <class FlowTuple>
FlowTuple tuple_of(const conntrack::Entry& entry) noexcept {
    const auto& from = entry.original;
    FlowTuple to{};
    get_address(to.source, from.source);
    get_address(to.destination, from.destination);
    if (ip_protocol::is_icmp(entry.protocol)) {
        to.source_port = be16{from.icmp_id};
        to.destination_port = icmp_type_and_code(from.icmp_type, from.icmp_code);
    } else {
        to.source_port = be16{from.source_port};
        to.destination_port = be16{from.destination_port};
    }
    return to;
}

constexpr unsigned key_shift = 32;

/// What differs between incarnations and entries, spread (Knuth's multiplicative hash).
std::uint32_t id_of(const FlowView& seen) noexcept {
    constexpr std::uint32_t golden = 2'654'435'769;
    return (seen.ref >> 1) * golden ^ seen.version;
}

std::uint64_t lost_of(FlowTracker& tracker) noexcept {
    std::uint64_t sum = 0;
    for (unsigned w = 0; w < tracker.workers(); ++w)
        sum += tracker.events(w).lost();
    return sum;
}

conntrack::Event event_of(FlowEventKind kind) noexcept {
    switch (kind) {
        case FlowEventKind::created:
            return conntrack::Event::created;
        case FlowEventKind::destroyed:
            return conntrack::Event::destroyed;
        default:
            return conntrack::Event::updated;
    }
}

}  // namespace

FlowTime flow_time() noexcept {
    return static_cast<FlowTime>(coarse_microseconds() / 1000);
}

conntrack::Entry entry_of(const FlowView& seen, std::int64_t wall) noexcept {
    conntrack::Entry entry;
    entry.v6 = seen.kind.flags & FlowKind::ipv6;
    entry.protocol = seen.kind.protocol;
    entry.timeout = seen.seconds_left;
    entry.tcp_state = seen.tcp_state;
    entry.sctp_state = seen.sctp_state;
    for (unsigned d = 0; d < 2; ++d) {
        auto& tuple = d == 0 ? entry.original : entry.reply;
        tuple = entry.v6 ? shown(seen.tuple6[d], entry.protocol) : shown(seen.tuple4[d], entry.protocol);
        if (seen.kind.flags & FlowKind::accounted)
            (d == 0 ? entry.original_count : entry.reply_count) =
                conntrack::Count{seen.packets[d], seen.bytes[d]};
    }
    entry.seen_reply = seen.status & FlowStatus::seen_reply;
    entry.assured = seen.status & FlowStatus::assured;
    entry.expected = seen.status & FlowStatus::expected;
    entry.mark = seen.mark;
    entry.helper = flow_helper_names[static_cast<std::size_t>(seen.helper)];
    if (seen.kind.zone == seen.reply_zone) {
        entry.zone = seen.kind.zone;
    } else {
        entry.original.zone = seen.kind.zone;
        entry.reply.zone = seen.reply_zone;
    }
    if (seen.kind.flags & FlowKind::stamped) {
        entry.start = seen.start;
        entry.delta_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, wall - seen.start));
    }
    entry.id = id_of(seen);
    entry.key = std::uint64_t{seen.ref} << key_shift | seen.version;
    return entry;
}

conntrack::Totals TrackedConnections::totals() {
    auto* tracker = tracker_();
    return tracker ? conntrack::Totals{tracker->count(), tracker->table().buckets()} : conntrack::Totals{};
}

std::vector<conntrack::Statistics> TrackedConnections::statistics() {
    std::vector<conntrack::Statistics> all;
    auto* tracker = tracker_();
    for (unsigned worker = 0; worker < cpus_.size(); ++worker) {
        conntrack::Statistics one{.cpu = cpus_[worker]};
        if (tracker != nullptr) {
            const FlowCounts& counts = tracker->counts(worker);
            one.invalid = counts.invalid.load(std::memory_order_relaxed);
            one.insert_failed = counts.insert_failed.load(std::memory_order_relaxed);
            one.drop = counts.drop.load(std::memory_order_relaxed);
            one.early_drop = counts.early_drop.load(std::memory_order_relaxed);
            one.clash_resolve = counts.clash_resolve.load(std::memory_order_relaxed);
        }
        all.push_back(one);
    }
    return all;
}

std::uint32_t TrackedConnections::walk(std::uint32_t cursor, std::uint32_t places,
                                       const std::function<void(const conntrack::Entry&)>& visit) {
    auto* tracker = tracker_();
    if (tracker == nullptr) return 0;
    const std::int64_t wall = std::time(nullptr);
    return tracker->walk(cursor, places, now_(), [&](const FlowView& seen) { visit(entry_of(seen, wall)); });
}

bool TrackedConnections::end(const conntrack::Entry& seen) {
    auto* tracker = tracker_();
    if (tracker == nullptr) return false;
    FlowView view{};
    view.ref = static_cast<FlowRef>(seen.key >> key_shift);
    view.version = static_cast<std::uint32_t>(seen.key);
    return tracker->remove(view);
}

std::optional<conntrack::Entry> TrackedConnections::find(const conntrack::Entry& like) {
    auto* tracker = tracker_();
    if (tracker == nullptr) return std::nullopt;
    const FlowKind kind{like.zone, like.protocol, like.v6 ? FlowKind::ipv6 : std::uint8_t{0}};
    const FlowTime now = now_();
    const bool one_way = like.original.zone != 0 || like.reply.zone != 0;
    const auto zones = one_way ? FlowZones{like.original.zone, like.reply.zone} : FlowZones{like.zone};
    const FlowRef ref = like.v6 ? tracker->find(tuple_of<Tuple6>(like), kind, zones, now)
                                : tracker->find(tuple_of<Tuple4>(like), kind, zones, now);
    const auto seen = ref ? tracker->view(FlowTable::index(ref), now) : std::nullopt;
    if (!seen) return std::nullopt;
    return entry_of(*seen, std::time(nullptr));
}

void TrackedConnections::want_events(bool wanted) {
    wanted_ = wanted;
    auto* tracker = tracker_();
    if (tracker == nullptr) return;
    if (wanted && !listening_) {
        // What nobody took the last time is not news.
        for (unsigned w = 0; w < tracker->workers(); ++w)
            tracker->events(w).take([](const FlowEvent&) {});
        lost_before_ = lost_of(*tracker);
    }
    listening_ = wanted ? tracker : nullptr;
    for (unsigned w = 0; w < tracker->workers(); ++w)
        tracker->events(w).listen(wanted);
}

std::uint64_t TrackedConnections::take_events(const std::function<void(const conntrack::Happened&)>& tell) {
    auto* tracker = tracker_();
    if (tracker == nullptr) return 0;
    if (wanted_ && listening_ != tracker) {  // rules ask for connections only now
        listening_ = nullptr;
        want_events(true);
    }
    const std::int64_t wall = std::time(nullptr);
    for (unsigned w = 0; w < tracker->workers(); ++w)
        tracker->events(w).take([&](const FlowEvent& event) {
            auto entry = entry_of(event.view, wall);
            if (event.kind == FlowEventKind::destroyed && entry.start) entry.stop = wall;
            tell({event_of(event.kind), event.kind == FlowEventKind::mark_changed, std::move(entry)});
        });
    const auto lost = lost_of(*tracker);
    return lost - std::exchange(lost_before_, lost);
}

}  // namespace weft
