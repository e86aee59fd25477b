// Connection tracking: what nf_conntrack_in, confirm and the garbage collector of
// net/netfilter/nf_conntrack_core.c do, on the table that workers share.
//
// Thread safety: functions that take a FlowMoment are called by that moment's worker, whose entries they
// write; the rest by any thread. An entry that ends is out of the table at once and freed by its owner's
// age(), which is called between batches: so all of a batch may use what was looked up for it.
//
//     Tracked t = tracker.in(packet, zone, hint, moment);      // conntrack's hook, priority -200
//     ... rules; NAT changes the reply by tracker.set_reply() ...
//     if (t.fresh) tracker.confirm(t.ref, moment);             // the last hook; discard() if dropped
//
//     tracker.age(moment, 64);                                 // each loop
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/flow/crowded.hpp"
#include "dataplane/flow/events.hpp"
#include "dataplane/flow/expect.hpp"
#include "dataplane/flow/parse.hpp"
#include "dataplane/flow/protocol.hpp"
#include "dataplane/flow/sources.hpp"
#include "dataplane/flow/table.hpp"
#include "dataplane/flow/wheel.hpp"

namespace weft {

/// enum ip_conntrack_info, with its values.
enum class CtInfo : std::uint8_t {
    established = 0,
    related = 1,
    fresh = 2,  ///< IP_CT_NEW
    established_reply = 3,
    related_reply = 4,
};

/// The world as a worker sees it while it handles a batch.
struct FlowMoment {
    const FlowConfig& config;
    unsigned worker;
    FlowTime now;                ///< milliseconds of a monotonic clock, the same for all workers
    std::uint32_t wall_seconds;  ///< since 1970; with nf_conntrack_timestamp
};

/// A packet from its IP header on, of either version. Defragmented; its headers, and what an ICMP error
/// quotes, lie within `head`; its checksums were right or not to be looked at (nf_conntrack_checksum).
struct FlowPacket {
    const std::byte* ip;
    std::uint32_t head;   ///< contiguous bytes
    std::uint32_t bytes;  ///< of the whole packet; counted
};

struct Tracked {
    enum Kind : std::uint8_t {
        tracked,
        invalid,    ///< belongs to nothing: ctstate INVALID
        untracked,  ///< ctstate UNTRACKED
        elsewhere,  ///< another worker owns the connection: hand the packet over
        full        ///< nf_conntrack_max, or no place for it: drop it, "nf_conntrack: table full"
    } kind;
    CtInfo info;
    bool fresh;             ///< not confirmed yet
    FlowRef ref;            ///< tracked and elsewhere: connection and direction
    std::uint32_t version;  ///< of the connection: compare it if the packet waited
};

enum class Confirmed : std::uint8_t {
    done,
    clash,  ///< another connection has one of the tuples, or the outside end; nothing changed
    full
};

/// Of one worker, which alone adds to it (struct ip_conntrack_stat). Zero when the tracker begins.
struct alignas(64) FlowCounts {
    std::atomic<std::uint64_t> invalid{0};        ///< packets that belong to nothing
    std::atomic<std::uint64_t> insert_failed{0};  ///< confirm() found a tuple taken, or no place
    std::atomic<std::uint64_t> drop{0};           ///< of new connections: nf_conntrack_max, or no place
    std::atomic<std::uint64_t> early_drop{0};     ///< connections that made room for others
    std::atomic<std::uint64_t> clash_resolve{0};  ///< packets that joined the connection that was quicker

    static void add(std::atomic<std::uint64_t>& count) noexcept {
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
};

class FlowTracker {
  public:
    /// For at most `capacity` connections (FlowConfig::max may be less). Secrets as FlowTable's.
    FlowTracker(std::uint32_t capacity, unsigned workers, std::uint64_t secret_lo, std::uint64_t secret_hi);

    /// nf_conntrack_in. `hint`: as FlowHash's, 0 or the zone of both directions.
    [[nodiscard]] Tracked in(const FlowPacket&, FlowZones, FlowZone hint, const FlowMoment&) noexcept;
    /// The rest of in() for a packet whose connection was looked up and is this worker's. `repeat` has ended
    /// the connection: call in().
    [[nodiscard]] L4Verdict follow(FlowRef ref, const L4View&, std::uint32_t bytes,
                                   const FlowMoment&) noexcept;
    /// What a packet is to its connection before follow().
    [[nodiscard]] CtInfo info_of(FlowRef ref) const noexcept;

    /// Expects answers from and to elsewhere; only before confirm().
    void set_reply(FlowRef ref, const Tuple4&) noexcept;
    void set_reply(FlowRef ref, const Tuple6&) noexcept;
    /// Gives a connection that in() began a helper, as a rule asks, unless it was expected
    /// (nf_ct_try_assign_helper).
    void assign_helper(FlowRef ref, FlowHelper) noexcept;
    /// Of a connection that in() began: only these of its events are told (nf_ct_ecache_ext_add).
    void select_events(FlowRef ref, const ToldEvents&) noexcept;
    /// Of a connection that has a helper, was expected or tells only some events. Owner only.
    [[nodiscard]] FlowExtra& extra(FlowRef ref) noexcept { return extras_[ref >> 1]; }
    /// nf_ct_expect_related: of a connection with a helper, by its owner.
    [[nodiscard]] Expected expect(FlowRef master, Expectation, const FlowMoment&) noexcept;
    [[nodiscard]] ExpectationTable& expectations() noexcept { return expectations_; }
    /// Enters a connection that in() began.
    /// `other`: which connection has one of its tuples, on a clash; untouched if it has the outside end
    /// alone.
    [[nodiscard]] Confirmed confirm(FlowRef ref, const FlowMoment&, FlowRef* other = nullptr) noexcept;
    /// One of TCP that a rule has reset is closed, whatever its ends say (nf_conntrack_tcp_set_closing). Its
    /// owner's.
    void close(FlowRef ref, const FlowMoment&) noexcept;
    /// Forgets one that was not confirmed.
    void discard(FlowRef ref, const FlowMoment&) noexcept;

    /// What connections of a kind were hashed with.
    [[nodiscard]] static FlowZone hint_of(FlowKind kind) noexcept {
        return kind.flags & FlowKind::hinted ? kind.zone : FlowZone{0};
    }

    /// The connection of this tuple unless it is dying or its time is over; 0 if there is none.
    template <class Tuple>
    [[nodiscard]] FlowRef find(const Tuple& tuple, FlowKind kind, FlowTime now,
                               FlowWay way = FlowWay::either) noexcept {
        const std::uint64_t hash = table_.hash(tuple, kind.protocol, hint_of(kind));
        for (;;) {
            const FlowRef ref = table_.find(tuple, kind, hash, way);
            if (!ref) return beside_ ? adopt(tuple, kind, way, now) : 0;
            const FlowState& state = state_of(ref);
            const std::uint32_t version = state.version();
            if (state.has(FlowStatus::dying)) return 0;
            if (!expired(state, now)) return ref;
            end(ref, hash, version);
        }
    }

    /// The same by the zones of a packet: of the original direction in one, of the reply in the other
    /// (resolve_normal_ct).
    template <class Tuple>
    [[nodiscard]] FlowRef find(const Tuple& tuple, FlowKind kind, FlowZones zones, FlowTime now) noexcept {
        kind.zone = zones.original;
        const FlowRef ref = find(tuple, kind, now, FlowTable::compared(zones, 0));
        if (zones.original == zones.reply || ref) return ref;
        kind.zone = zones.reply;
        return find(tuple, kind, now, FlowTable::compared(zones, 1));
    }

    /// What translation has made of the source of `tuple` (address, port or identifier) in another connection
    /// of the kind: the newest whose tuple, as it leaves, `fits` says is right. That becomes `tuple`, and the
    /// answer is true. `independent`: by a connection that others began by its outside port, too.
    template <class Tuple, class Fits>
    [[nodiscard]] bool map_source(Tuple& tuple, FlowKind kind, FlowTime now, bool independent,
                                  Fits&& fits) noexcept {
        bool found = false;
        const auto among = [&](FlowSources& those, FlowRef from_inside) {
            those.visit(hash_of_source(tuple, kind), [&](std::uint32_t index) {
                const FlowRef ref = index << 1 | from_inside;
                if (!lives_as(kind, index, now)) return true;
                const auto inside = table_.direction_of(ref).template tuple_now<Tuple>();
                if (inside.source != tuple.source || !(inside.source_port == tuple.source_port)) return true;
                const Tuple left =
                    answer_of(table_.direction_of(ref ^ 1u).template tuple_now<Tuple>(), kind.protocol);
                found = fits(left);
                if (found) tuple = left;
                return !found;
            });
        };
        among(sources_, 0);
        if (!found && independent) among(insides_, 1);
        return found || (beside_ && beside_->map_source(tuple, kind, now, independent, fits));
    }

    /// Starts loading what confirm() will ask of the connection that begins with this tuple.
    template <class Tuple>
    [[gnu::always_inline]] void foresee(const Tuple& tuple, FlowKind kind) const noexcept {
        if (!has_answer(tuple, kind.protocol)) return;
        table_.prefetch(table_.hash(answer_of(tuple, kind.protocol), kind.protocol, hint_of(kind)));
    }
    /// And what will be asked before that when it is translated, if its source becomes `foreseen`.
    template <class Tuple>
    [[gnu::always_inline]] void foresee(const Tuple& tuple, FlowKind kind,
                                        const Tuple& foreseen) const noexcept {
        sources_.prefetch(hash_of_source(tuple, kind));
        const Tuple answer =
            tuple_from(tuple.destination, foreseen.source, tuple.destination_port, tuple.source_port);
        table_.prefetch(table_.hash(answer, kind.protocol, hint_of(kind)));
    }

    /// Whose outside end this is, by a connection with FlowStatus::endpoint_independent or inward: a tuple
    /// that has it as its source. `end`: as answers are addressed to it, destination and port; of ICMP
    /// queries the identifier. Only by connections that counts(FlowState, EndPlace) says true of, the newest
    /// first.
    template <class Tuple, class Counts>
    [[nodiscard]] std::optional<Tuple> source_behind(const Tuple& end, FlowKind kind, FlowTime now,
                                                     Counts&& counts) noexcept {
        std::optional<Tuple> found;
        ends_.visit(hash_of_end(end, kind), [&](FlowRef holder) {
            if (!lives_as(kind, FlowTable::index(holder), now)) return true;
            const auto its = table_.direction_of(holder ^ 1u).template tuple_now<Tuple>();
            if (its.destination != end.destination || !(port_of_end(its, kind) == port_of_end(end, kind)) ||
                !counts(state_of(holder), places_[holder]))
                return true;
            found = table_.direction_of(holder).template tuple_now<Tuple>();
            return false;
        });
        return found || !beside_ ? found : beside_->source_behind(end, kind, now, counts);
    }
    template <class Tuple>
    [[nodiscard]] std::optional<Tuple> source_behind(const Tuple& end, FlowKind kind, FlowTime now) noexcept {
        return source_behind(end, kind, now, [](const FlowState&, const EndPlace&) { return true; });
    }
    /// Of the direction from inside of a connection that is to have an outside end; only before confirm().
    void set_place(FlowRef holder, const EndPlace& place) noexcept { places_[holder] = place; }
    [[nodiscard]] EndPlace place(FlowRef holder) const noexcept { return places_[holder]; }

    /// For a rehearsal: connections that this one does not know are copied from the other when they are
    /// looked for, without helpers; the other stays as it is, and lives longer. Has one worker; never ages.
    void look_beside(FlowTracker* other) noexcept { beside_ = other; }

    /// Ports taken of the few outside addresses and remote endpoints between which free ones are rare.
    [[nodiscard]] CrowdedPorts& crowded() noexcept { return crowded_; }
    /// Their key there: of an answer's tuple, whatever port of the outside address it is for.
    template <class Tuple>
    [[nodiscard]] std::uint64_t crowd_of(Tuple answer, FlowKind kind) const noexcept {
        (ip_protocol::is_icmp(kind.protocol) ? answer.source_port : answer.destination_port) = be16{0};
        return table_.hash(answer, kind.protocol, kind.zone) | 1;
    }

    /// Ends connections of this worker whose time is over, and frees what ended; looks at `limit` entries or
    /// a few more. Returns how many: less than `limit` means that nothing is left to do.
    unsigned age(const FlowMoment&, unsigned limit) noexcept;
    /// A limit that keeps a worker from its packets for no longer than a burst of new connections does
    /// (perf/path/age_bench.cpp).
    static constexpr unsigned aged_at_once = 64;

    /// Has memory there that connections touch in no order: for whoever makes it, before workers come to it.
    void populate() const noexcept {
        table_.populate();
        sources_.populate();
    }
    /// Connections that it was made for.
    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
    /// nf_conntrack_count: those that are not confirmed yet too.
    [[nodiscard]] std::uint32_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
    /// A packet that a worker did not show to in(), as its checksum was wrong.
    void count_invalid(unsigned worker) noexcept { FlowCounts::add(counts_[worker].invalid); }
    [[nodiscard]] const FlowCounts& counts(unsigned worker) const noexcept { return counts_[worker]; }
    /// Of all workers.
    [[nodiscard]] std::uint64_t early_drops() const noexcept {
        std::uint64_t sum = 0;
        for (unsigned w = 0; w < workers_; ++w)
            sum += counts_[w].early_drop.load(std::memory_order_relaxed);
        return sum;
    }

    /// Calls visit(FlowView) for the connections among the next `entries` entries from `cursor` on (at first
    /// 0); 0 when it has passed all. Takes no lock: what comes and goes meanwhile may be missed.
    template <class Visit>
    std::uint32_t walk(std::uint32_t cursor, std::uint32_t entries, FlowTime now, Visit&& visit) const {
        const std::uint32_t stop = table_.pool().end();
        for (std::uint32_t n = 0; cursor < stop && n < entries; ++n, ++cursor)
            if (const auto seen = view(cursor, now)) visit(*seen);
        return cursor < stop ? cursor : 0;
    }
    [[nodiscard]] std::optional<FlowView> view(std::uint32_t index, FlowTime now) const noexcept;
    /// What a worker tells of connections; control's end.
    [[nodiscard]] FlowEvents& events(unsigned worker) noexcept { return events_[worker]; }
    [[nodiscard]] unsigned workers() const noexcept { return workers_; }
    /// Ends a connection that was seen, if it is still there.
    bool remove(const FlowView& seen) noexcept {
        return end(seen.ref, table_.hash_of(seen.ref), seen.version);
    }
    /// The same of what find() has found, and of its version since.
    bool end_found(FlowRef ref, std::uint32_t version) noexcept {
        return end(ref, table_.hash_of(ref), version);
    }
    /// nf_ct_iterate_cleanup: ends all that there are.
    void flush() noexcept;

    /// By a worker, whoever owns the connection.
    void set_mark(FlowRef ref, std::uint32_t to, const FlowMoment&) noexcept;
    [[nodiscard]] std::atomic<std::uint32_t>& mark(FlowRef ref) noexcept {
        return table_.pool()[ref >> 1].direction[0].shared;
    }
    [[nodiscard]] FlowState& state_of(FlowRef ref) const noexcept { return table_.pool()[ref >> 1].state; }
    [[nodiscard]] FlowTable& table() noexcept { return table_; }
    [[nodiscard]] const FlowWheel& wheel(unsigned worker) const noexcept { return *wheels_[worker]; }

    /// nf_ct_is_expired.
    [[nodiscard]] static bool expired(const FlowState& state, FlowTime now) noexcept {
        return milliseconds_until(state.deadline.load(std::memory_order_relaxed), now) <= 0;
    }

  private:
    [[nodiscard]] Tracked in_any(const FlowPacket&, FlowZones, FlowZone hint, const FlowMoment&) noexcept;
    template <class Header>
    [[nodiscard]] Tracked in_family(const Header&, const FlowPacket&, FlowKind kind, FlowZones,
                                    const FlowMoment&) noexcept;
    template <class Header>
    [[nodiscard]] Tracked related(const Header& outer, const L4View& error, FlowKind kind, FlowZones,
                                  const FlowMoment&) noexcept;
    template <class Tuple>
    [[nodiscard]] Tracked begin(const Tuple&, FlowKind kind, FlowZones, const FlowMoment&) noexcept;
    template <class Tuple>
    void meet_expectation(FlowRef ref, const Tuple&, FlowKind kind, const FlowMoment&) noexcept;
    void forget_expectations(std::uint32_t index) noexcept;
    [[nodiscard]] bool make_room(std::uint64_t hash, const FlowMoment&) noexcept;
    bool end(FlowRef ref, std::uint64_t hash, std::uint32_t version) noexcept;
    void end_own(std::uint32_t index) noexcept;
    [[nodiscard]] bool stays(std::uint32_t index, const FlowMoment&) noexcept;
    void account(FlowRef ref, std::uint32_t bytes) noexcept;
    template <class Tuple>
    [[nodiscard]] std::uint64_t hash_of_source(const Tuple& of, FlowKind kind) const noexcept {
        return table_.hash(tuple_from(of.source, {}, of.source_port, be16{0}), kind.protocol);
    }
    /// ICMP queries have one identifier for both ends.
    template <class Tuple>
    [[nodiscard]] static be16 port_of_end(const Tuple& end, FlowKind kind) noexcept {
        return ip_protocol::is_icmp(kind.protocol) ? end.source_port : end.destination_port;
    }
    template <class Tuple>
    [[nodiscard]] std::uint64_t hash_of_end(const Tuple& end, FlowKind kind) const noexcept {
        return table_.hash(tuple_from(end.destination, {}, port_of_end(end, kind), be16{0}), kind.protocol);
    }
    /// A copy of a connection of `beside_`; 0 if there is none.
    template <class Tuple>
    [[nodiscard]] FlowRef adopt(const Tuple&, FlowKind kind, FlowWay, FlowTime now) noexcept;
    /// There is such a connection, and it is not over.
    [[nodiscard]] bool lives_as(FlowKind kind, std::uint32_t index, FlowTime now) const noexcept {
        const FlowEntry& entry = table_.pool()[index];
        return ((entry.direction[0].kind_now().word() ^ kind.word()) & FlowKind::compared) == 0 &&
               !entry.state.has(FlowStatus::dying) && !expired(entry.state, now);
    }
    [[nodiscard]] std::uint64_t source_hash(FlowRef from_inside) const noexcept;
    [[nodiscard]] std::uint64_t end_hash(FlowRef holder) const noexcept;
    template <class Tuple>
    [[nodiscard]] bool claim_end_of(FlowRef holder, FlowTime now) noexcept;
    [[nodiscard]] bool claim_end(FlowRef holder, FlowTime now) noexcept;
    [[nodiscard]] bool claim_ends(std::uint32_t index, FlowTime now) noexcept;
    void leave_ends(std::uint32_t index) noexcept;
    void join_sources(std::uint32_t index) noexcept;
    void leave_sources(std::uint32_t index) noexcept;
    /// Calls use(crowd_of its answers, the outside port).
    template <class Use>
    void with_crowd(std::uint32_t index, Use&& use) const noexcept {
        const FlowDirection& reply = table_.pool()[index].direction[1];
        const FlowKind kind = table_.pool()[index].direction[0].kind_now();
        const auto of = [&](const auto& answer) {
            use(crowd_of(answer, kind), port_of_end(answer, kind).host());
        };
        if (kind.flags & FlowKind::ipv6)
            of(reply.tuple_now<Tuple6>());
        else
            of(reply.tuple_now<Tuple4>());
    }
    void fill(FlowView& seen, std::uint32_t index, FlowTime now) const noexcept;
    /// `what` of it is news, as ToldEvents.
    void tell(FlowEventKind, std::uint16_t what, std::uint32_t index, const FlowMoment&) noexcept;
    [[nodiscard]] std::uint16_t news_of_beginning(std::uint32_t index) const noexcept;

    std::uint32_t capacity_;
    FlowTable table_;
    FlowSources sources_;  ///< by the source of the original direction: what translation has decided on
    FlowSources insides_;  ///< by the source of the reply: those that began by an outside end
    FlowSources ends_;     ///< directions from inside, by the outside end that they keep
    FlowMemory place_memory_;
    EndPlace* places_;  ///< by such a direction; touched only with it
    CrowdedPorts crowded_;
    std::unique_ptr<std::unique_ptr<FlowWheel>[]> wheels_;
    unsigned workers_;
    FlowMemory extra_memory_;
    FlowExtra* extras_;
    ExpectationTable expectations_;
    std::unique_ptr<FlowCounts[]> counts_;
    std::unique_ptr<FlowEvents[]> events_;
    FlowTracker* beside_ = nullptr;
    alignas(64) std::atomic<std::uint32_t> count_{0};
};

}  // namespace weft
