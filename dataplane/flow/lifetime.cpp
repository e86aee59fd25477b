// How connections are entered, end and are shown.
#include <array>
#include <cstddef>
#include <cstring>

#include "dataplane/flow/sctp.hpp"
#include "dataplane/flow/tcp.hpp"
#include "dataplane/flow/tracker.hpp"

namespace weft {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// First buckets that are searched for a victim (NF_CT_EVICTION_RANGE).
constexpr unsigned eviction_range = 8;

}  // namespace

void FlowTracker::set_reply(FlowRef ref, const Tuple4& tuple) noexcept {
    FlowDirection& reply = table_.direction_of(ref | 1);
    reply.set(tuple, reply.kind);
}
void FlowTracker::set_reply(FlowRef ref, const Tuple6& tuple) noexcept {
    FlowDirection& reply = table_.direction_of(ref | 1);
    reply.set(tuple, reply.kind);
}

Confirmed FlowTracker::confirm(FlowRef ref, const FlowMoment& moment, FlowRef* other) noexcept {
    const std::uint32_t index = FlowTable::index(ref);
    FlowState& state = state_of(ref);
    const std::uint32_t span = state.deadline.load(relaxed);
    const bool exclusive = state.has(FlowStatus::endpoint_independent | FlowStatus::inward);
    for (;;) {
        state.deadline.store(moment.now + span, relaxed);
        if (exclusive && !claim_ends(index, moment.now)) {
            state.deadline.store(span, relaxed);
            FlowCounts::add(counts_[moment.worker].insert_failed);
            return Confirmed::clash;
        }
        const FlowInserted inserted = table_.insert(index);
        if (inserted.kind == FlowInserted::done) break;
        state.deadline.store(span, relaxed);
        if (exclusive) leave_ends(index);
        if (inserted.kind == FlowInserted::full) {
            FlowCounts::add(counts_[moment.worker].insert_failed);
            FlowCounts::add(counts_[moment.worker].drop);
            return Confirmed::full;
        }
        // One that somebody is taking out, or whose time is over, does not count.
        const FlowState& rival = state_of(inserted.other);
        const std::uint32_t version = rival.version();
        if (rival.has(FlowStatus::dying)) continue;
        if (!expired(rival, moment.now) || !end(inserted.other, table_.hash_of(inserted.other), version)) {
            FlowCounts::add(counts_[moment.worker].insert_failed);
            if (other) {
                *other = inserted.other;
                FlowCounts::add(counts_[moment.worker].clash_resolve);
            }
            return Confirmed::clash;
        }
    }
    if (table_.direction_of(ref).kind.flags & FlowKind::stamped)
        table_.pool().account(index).start.store(moment.wall_seconds, relaxed);
    if (state.has(FlowStatus::src_nat_done)) join_sources(index);
    wheels_[moment.worker]->add(index, moment.now + span, moment.now);
    if (events_[moment.worker].wanted()) [[unlikely]]
        tell(FlowEventKind::created, news_of_beginning(index), index, moment);
    return Confirmed::done;
}

void FlowTracker::close(FlowRef ref, const FlowMoment& moment) noexcept {
    FlowState& state = state_of(ref);
    if (!state.has(FlowStatus::confirmed) || state.tcp.state() == TcpState::close) return;
    state.tcp.set_now(TcpState::close, state.tcp.last_kind(), state.tcp.last_direction());
    refresh(state, moment.config.tcp_timeout.close, moment.now);
}

void FlowTracker::discard(FlowRef ref, const FlowMoment& moment) noexcept {
    forget_expectations(FlowTable::index(ref));
    table_.pool().release(moment.worker, FlowTable::index(ref));
    count_.fetch_sub(1, relaxed);
}

bool FlowTracker::end(FlowRef ref, std::uint64_t hash, std::uint32_t version) noexcept {
    if (!table_.remove_found(ref, hash, version)) return false;
    forget_expectations(FlowTable::index(ref));
    count_.fetch_sub(1, relaxed);
    table_.pool().bury(FlowTable::index(ref));
    return true;
}

void FlowTracker::end_own(std::uint32_t index) noexcept {
    if (!table_.remove(index)) return;
    forget_expectations(index);
    count_.fetch_sub(1, relaxed);
    table_.pool().bury(index);
}

/// early_drop: ends one that is over, or not assured.
bool FlowTracker::make_room(std::uint64_t hash, const FlowMoment& moment) noexcept {
    bool made = false;
    table_.near(hash, eviction_range, [&](FlowRef ref) {
        const FlowState& state = state_of(ref);
        const std::uint32_t version = state.version();
        if (state.has(FlowStatus::assured) && !expired(state, moment.now)) return true;
        made = end(ref, table_.hash_of(ref), version);
        return !made;
    });
    if (made) FlowCounts::add(counts_[moment.worker].early_drop);
    return made;
}

std::uint64_t FlowTracker::source_hash(FlowRef from_inside) const noexcept {
    const FlowDirection& way = table_.direction_of(from_inside);
    const FlowKind kind = way.kind_now();
    return kind.flags & FlowKind::ipv6 ? hash_of_source(way.tuple_now<Tuple6>(), kind)
                                       : hash_of_source(way.tuple_now<Tuple4>(), kind);
}
std::uint64_t FlowTracker::end_hash(FlowRef holder) const noexcept {
    const FlowDirection& towards = table_.direction_of(holder ^ 1u);
    const FlowKind kind = towards.kind_now();
    return kind.flags & FlowKind::ipv6 ? hash_of_end(towards.tuple_now<Tuple6>(), kind)
                                       : hash_of_end(towards.tuple_now<Tuple4>(), kind);
}

template <class Tuple>
bool FlowTracker::claim_end_of(FlowRef holder, FlowTime now) noexcept {
    using Claim = FlowSources::Claim;
    const FlowKind kind = table_.direction_of(holder & ~FlowRef{1}).kind_now();
    const auto end = table_.direction_of(holder ^ 1u).tuple_now<Tuple>(),
               source = table_.direction_of(holder).tuple_now<Tuple>();
    return ends_.claim(holder, hash_of_end(end, kind), [&](FlowRef other) {
        const FlowKind its_kind = table_.direction_of(other & ~FlowRef{1}).kind_now();
        if ((its_kind.word() ^ kind.word()) & FlowKind::compared) return Claim::unrelated;
        const auto its = table_.direction_of(other ^ 1u).tuple_now<Tuple>();
        if (its.destination != end.destination || !(port_of_end(its, kind) == port_of_end(end, kind)))
            return Claim::unrelated;
        // Whoever claimed it last found no other source that lives: the newest that does decides.
        const auto its_source = table_.direction_of(other).tuple_now<Tuple>();
        const bool same = its_source.source == source.source && its_source.source_port == source.source_port;
        const FlowState& state = state_of(other);
        const bool gone = state.has(FlowStatus::dying) || expired(state, now);
        if (gone && !same) return Claim::unrelated;
        return same ? Claim::allowed : Claim::refused;
    });
}
/// Of an endpoint independent connection, before others can find it: false if its outside end is another
/// source's, by a connection that another worker entered since it was chosen.
bool FlowTracker::claim_end(FlowRef holder, FlowTime now) noexcept {
    return table_.direction_of(holder).kind_now().flags & FlowKind::ipv6 ? claim_end_of<Tuple6>(holder, now)
                                                                         : claim_end_of<Tuple4>(holder, now);
}
/// Its source's, and that by which it began: between hosts inside it may have both.
bool FlowTracker::claim_ends(std::uint32_t index, FlowTime now) noexcept {
    const FlowRef ref = index << 1;
    const bool own = state_of(ref).has(FlowStatus::endpoint_independent);
    if (own && !claim_end(ref, now)) return false;
    if (!state_of(ref).has(FlowStatus::inward) || claim_end(ref | 1u, now)) return true;
    if (own) ends_.remove(ref, end_hash(ref));
    return false;
}
void FlowTracker::leave_ends(std::uint32_t index) noexcept {
    const FlowRef ref = index << 1;
    const FlowState& state = state_of(ref);
    if (state.has(FlowStatus::endpoint_independent)) ends_.remove(ref, end_hash(ref));
    if (state.has(FlowStatus::inward)) ends_.remove(ref | 1u, end_hash(ref | 1u));
}

void FlowTracker::join_sources(std::uint32_t index) noexcept {
    const FlowRef ref = index << 1;
    sources_.add(index, source_hash(ref));
    if (state_of(ref).has(FlowStatus::inward)) insides_.add(index, source_hash(ref | 1u));
    if (crowded_.some()) [[unlikely]]
        with_crowd(index, [&](std::uint64_t pair, std::uint16_t port) { crowded_.join(pair, port); });
}
/// Before its owner frees it.
void FlowTracker::leave_sources(std::uint32_t index) noexcept {
    const FlowRef ref = index << 1;
    const FlowState& state = state_of(ref);
    if (state.has(FlowStatus::endpoint_independent | FlowStatus::inward)) leave_ends(index);
    if (!state.has(FlowStatus::src_nat_done)) return;
    sources_.remove(index, source_hash(ref));
    if (state.has(FlowStatus::inward)) insides_.remove(index, source_hash(ref | 1u));
    if (crowded_.some())
        with_crowd(index, [&](std::uint64_t pair, std::uint16_t port) { crowded_.leave(pair, port); });
}

/// gc_worker: from 95 % on also those go that are not assured or close.
bool FlowTracker::stays(std::uint32_t index, const FlowMoment& moment) noexcept {
    const FlowEntry& entry = table_.pool()[index];
    const FlowState& state = entry.state;
    if (state.has(FlowStatus::dying)) return false;  // buried: reap() frees it
    const std::uint32_t crowd = moment.config.max / 100 * 95;
    const bool crowded = crowd && count() >= crowd;
    const auto may_go = [&] {
        const std::uint8_t protocol = entry.direction[1].kind.protocol;
        return !state.has(FlowStatus::assured) ||
               (protocol == ip_protocol::tcp && tcp_is_closing(state.tcp.state())) ||
               (protocol == ip_protocol::sctp && sctp_is_closing(state.sctp.state()));
    };
    if (!expired(state, moment.now) && !(crowded && may_go())) return true;
    if (table_.remove(index)) {
        forget_expectations(index);
        count_.fetch_sub(1, relaxed);
        if (events_[moment.worker].wanted()) [[unlikely]]
            tell(FlowEventKind::destroyed, ToldEvents::destroyed, index, moment);
        leave_sources(index);
        table_.pool().release(moment.worker, index);
    }
    return false;
}

template <class Tuple>
FlowRef FlowTracker::adopt(const Tuple& tuple, FlowKind kind, FlowWay way, FlowTime now) noexcept {
    const FlowTable& there = beside_->table_;
    const FlowRef ref = there.find(tuple, kind, there.hash(tuple, kind.protocol, hint_of(kind)), way);
    if (!ref) return 0;
    const FlowEntry& from = there.pool()[FlowTable::index(ref)];
    const std::uint32_t version = from.state.version();
    if (from.state.has(FlowStatus::dying) || expired(from.state, now)) return 0;
    const std::uint32_t index = table_.pool().allocate(0);
    if (!index) return 0;
    FlowEntry& to = table_.pool()[index];
    for (unsigned d = 0; d < 2; ++d) {
        to.direction[d].set(from.direction[d].tuple_now<Tuple>(), from.direction[d].kind_now());
        to.direction[d].shared.store(d ? 0 : from.direction[0].shared.load(relaxed), relaxed);
        to.direction[d].path = to.direction[d].epoch = 0;
        to.direction[d].slow = SlowWay::unseen;
        to.direction[d].owner.store(0, relaxed);
    }
    std::array<std::uint32_t, sizeof(FlowState) / 4> words;
    load_words(&from.state, words);
    const auto* const bytes = reinterpret_cast<const std::byte*>(words.data());
    constexpr std::size_t tracked_at = offsetof(FlowState, tcp_flags);
    std::memcpy(reinterpret_cast<std::byte*>(&to.state) + tracked_at, bytes + tracked_at,
                sizeof(FlowState) - tracked_at);
    std::uint16_t status;
    std::memcpy(&status, bytes + offsetof(FlowState, status), sizeof status);
    std::memcpy(&words[0], bytes + offsetof(FlowState, deadline), sizeof words[0]);
    to.state.deadline.store(words[0], relaxed);
    constexpr std::uint16_t of_helpers = FlowStatus::helper | FlowStatus::seq_adjust;
    to.state.status.store(static_cast<std::uint16_t>(status & ~of_helpers), relaxed);
    const bool same = from.state.version() == version &&
                      from.direction[FlowTable::direction(ref)].template tuple_now<Tuple>() == tuple;
    if (!same || table_.insert(index).kind != FlowInserted::done) {
        table_.pool().release(0, index);
        return 0;
    }
    count_.fetch_add(1, relaxed);
    return index << 1 | FlowTable::direction(ref);
}
template FlowRef FlowTracker::adopt<Tuple4>(const Tuple4&, FlowKind, FlowWay, FlowTime) noexcept;
template FlowRef FlowTracker::adopt<Tuple6>(const Tuple6&, FlowKind, FlowWay, FlowTime) noexcept;

unsigned FlowTracker::age(const FlowMoment& moment, unsigned limit) noexcept {
    FlowWheel& wheel = *wheels_[moment.worker];
    expectations_.age(moment.now);
    // Whoever ended a connection, its owner tells.
    const bool told = events_[moment.worker].wanted();
    const unsigned buried = table_.pool().reap(moment.worker, limit, [&](std::uint32_t index) {
        wheel.forget(index);
        forget_expectations(index);  // of its last packet, if another thread ended it meanwhile
        leave_sources(index);
        if (told) [[unlikely]]
            tell(FlowEventKind::destroyed, ToldEvents::destroyed, index, moment);
    });
    return buried + wheel.advance(moment.now, limit - buried,
                                  [&](std::uint32_t index) { return stays(index, moment); });
}

std::optional<FlowView> FlowTracker::view(std::uint32_t index, FlowTime now) const noexcept {
    const FlowState& state = table_.pool()[index].state;
    FlowView seen{};
    seen.version = state.version();
    seen.status = state.status.load(std::memory_order_acquire);
    if (!(seen.status & FlowStatus::confirmed) || seen.status & FlowStatus::dying || expired(state, now))
        return std::nullopt;
    fill(seen, index, now);
    if (state.version() != seen.version) return std::nullopt;
    return seen;
}

/// Of what may change meanwhile, unless its owner calls.
void FlowTracker::fill(FlowView& seen, std::uint32_t index, FlowTime now) const noexcept {
    const FlowEntry& entry = table_.pool()[index];
    seen.ref = index << 1;
    const std::int32_t left = milliseconds_until(entry.state.deadline.load(relaxed), now);
    seen.seconds_left = left > 0 ? static_cast<std::uint32_t>(left) / 1000 : 0;
    seen.owner = seen.version & FlowState::owner_mask;
    seen.kind = entry.direction[0].kind_now();
    seen.reply_zone = entry.direction[1].kind_now().zone;
    for (unsigned d = 0; d < 2; ++d) {
        if (seen.kind.flags & FlowKind::ipv6)
            seen.tuple6[d] = entry.direction[d].tuple_now<Tuple6>();
        else
            seen.tuple4[d] = entry.direction[d].tuple_now<Tuple4>();
    }
    if (seen.kind.protocol == ip_protocol::tcp) seen.tcp_state = entry.state.tcp.state();
    if (seen.kind.protocol == ip_protocol::sctp) seen.sctp_state = entry.state.sctp.state();
    seen.mark = entry.direction[0].shared.load(relaxed);
    if (entry.state.has(FlowStatus::helper)) seen.helper = extras_[index].helper;
    const FlowAccount& account = table_.pool().account(index);
    if (seen.kind.flags & FlowKind::accounted)
        for (unsigned d = 0; d < 2; ++d) {
            seen.bytes[d] = account.bytes[d].load(relaxed);
            seen.packets[d] = std::uint64_t{account.packets_high[d].load(relaxed)} << 32 |
                              account.packets_low[d].load(relaxed);
        }
    if (seen.kind.flags & FlowKind::stamped) seen.start = account.start.load(relaxed);
}

/// What nf_conntrack_confirm finds noted of a connection.
std::uint16_t FlowTracker::news_of_beginning(std::uint32_t index) const noexcept {
    const FlowEntry& entry = table_.pool()[index];
    const std::uint8_t protocol = entry.direction[0].kind.protocol;
    const bool has_state = protocol == ip_protocol::tcp || protocol == ip_protocol::sctp;
    return static_cast<std::uint16_t>(
        (entry.state.has(FlowStatus::expected) ? ToldEvents::related : ToldEvents::created) |
        (entry.state.has(FlowStatus::helper) ? ToldEvents::helper : 0) |
        (entry.direction[0].shared.load(relaxed) != 0 ? ToldEvents::mark : 0) |
        (has_state ? ToldEvents::protocol : 0));
}

void FlowTracker::select_events(FlowRef ref, const ToldEvents& told) noexcept {
    FlowExtra& own = extra(ref);
    own.told = told;
    for (FlowDirection& direction : table_.pool()[FlowTable::index(ref)].direction) {
        FlowKind kind = direction.kind_now();
        kind.flags |= FlowKind::selective;
        store_words(&direction.kind, kind);
    }
}

void FlowTracker::tell(FlowEventKind kind, std::uint16_t what, std::uint32_t index,
                       const FlowMoment& moment) noexcept {
    const FlowEntry& entry = table_.pool()[index];
    if (entry.direction[0].kind.flags & FlowKind::selective && !(extras_[index].told.connection & what))
        return;
    const FlowState& state = entry.state;
    FlowEvent event{};
    event.kind = kind;
    event.view.version = state.version();
    event.view.status = state.status.load(std::memory_order_acquire);
    fill(event.view, index, moment.now);
    events_[moment.worker].push(event);
}

void FlowTracker::set_mark(FlowRef ref, std::uint32_t to, const FlowMoment& moment) noexcept {
    if (mark(ref).load(relaxed) == to) return;
    mark(ref).store(to, relaxed);
    if (!events_[moment.worker].wanted()) return;
    if (state_of(ref).has(FlowStatus::confirmed))  // else its beginning is told, with the mark
        tell(FlowEventKind::mark_changed, ToldEvents::mark, FlowTable::index(ref), moment);
}

void FlowTracker::flush() noexcept {
    const std::uint32_t stop = table_.pool().end();
    for (std::uint32_t index = 1; index < stop; ++index) {
        const FlowState& state = table_.pool()[index].state;
        const std::uint32_t version = state.version();
        if (state.has(FlowStatus::confirmed)) end(index << 1, table_.hash_of(index << 1), version);
    }
}

}  // namespace weft
