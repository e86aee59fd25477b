#include "dataplane/nat/choose.hpp"

#include <rte_jhash.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <optional>

namespace weft {

namespace {

/// Ports looked at whose lines are asked for together; at first few, as half of all are free mostly.
constexpr std::uint32_t first_together = 4, together = 16;
/// Of a search: ports looked at before its pair counts as crowded, or if it cannot be; words of a map that
/// are filled; ports of a map that turn out to be taken; ports looked at for older connections. Places from
/// which an endpoint independent source searches.
constexpr std::uint32_t few_glances = 32, most_glances = 2048, most_filled = 32, most_mistaken = 64,
                        most_attempts = 128, few_attempts = 16, most_turns = 4;

bool has_port(std::uint8_t protocol) noexcept {
    return ip_protocol::has_ports(protocol) || ip_protocol::is_icmp(protocol);
}

struct Ports {
    std::uint32_t first, count;
};

/// Where a port is drawn from (nf_nat_l4proto_unique_tuple); nothing if it must stay.
std::optional<Ports> ports_for(const hook::NatTarget& range, NatSide side, std::uint8_t protocol,
                               std::uint16_t now) noexcept {
    if (range.map_ports) {
        const auto [low, high] = std::minmax(range.ports.low, range.ports.high);
        return Ports{low, high - low + 1u};
    }
    if (ip_protocol::is_icmp(protocol)) return Ports{0, 65536};
    if (side == NatSide::destination) return std::nullopt;
    if (now < 512) return Ports{1, 511};
    if (now < 1024) return Ports{600, 1023 - 600 + 1};
    return Ports{1024, 65536 - 1024};
}

template <class Tuple>
class Choice {
  public:
    Choice(const Tuple& wanted, const NatQuestion& question) noexcept
        : question_(question),
          range_(question.range),
          table_(question.tracker.table()),
          entry_(table_.pool()[FlowTable::index(question.ref)]),
          original_(entry_.direction[0].template tuple_now<Tuple>()),
          kind_(entry_.direction[0].kind_now()),
          reply_kind_(entry_.direction[1].kind_now()),
          tuple_(wanted) {}

    NatChoice<Tuple> run() noexcept {
        const bool draws = range_.random || range_.random_fully;
        if (question_.side == NatSide::source && !draws) {
            if (is_in_range(tuple_)) {
                if (!is_taken(tuple_)) return {tuple_, true};
            } else if (Tuple known = tuple_; is_as_before(known) && !is_taken(known)) {
                return {known, true};
            }
        }
        choose_address();
        if (!draws) {
            if (!range_.map_ports) {
                if (!is_taken(tuple_)) return {tuple_, true};
            } else if (!range_.offset && is_port_in_range(tuple_, question_.side)) {
                // A range of one port is not looked at, which leaves it to confirmation.
                if (!is_taken(tuple_)) return {tuple_, true};
                if (range_.ports.low == range_.ports.high) return {tuple_, false};
            }
        }
        const bool unique = draw_port();
        return {tuple_, unique, drawn_};
    }

  private:
    /// nf_nat_used_tuple: an answer to it would be a packet of another connection. One with the same original
    /// tuple is the same flow, seen twice at a time: confirmation decides between them.
    bool is_taken(const Tuple& tuple) const noexcept { return rival(tuple) != 0 || is_anothers_end(tuple); }
    /// An endpoint independent source shares its outside port with nobody.
    /// `apart_from`: a connection that does not count, or null.
    bool is_anothers_end(const Tuple& tuple, const FlowState* apart_from = nullptr) const noexcept {
        if (!range_.endpoint_independent) return false;
        const Tuple reply = answer_of(tuple, kind_.protocol);
        const auto owner = question_.tracker.source_behind(
            reply, kind_, question_.moment.now,
            [=](const FlowState& holder, const EndPlace&) { return &holder != apart_from; });
        return owner && (owner->source != original_.source || !(owner->source_port == original_.source_port));
    }
    FlowRef rival(const Tuple& tuple) const noexcept {
        const Tuple reply = answer_of(tuple, kind_.protocol);
        const FlowWay way = FlowTable::compared({kind_.zone, reply_kind_.zone}, 1);
        const FlowRef other = question_.tracker.find(reply, reply_kind_, question_.moment.now, way);
        if (!other || table_.direction_of(other & ~1u).matches(original_, kind_.word())) return 0;
        return is_met(other, tuple) ? FlowRef{0} : other;
    }
    /// Two that send to each other at the same moment, neither translated: confirmation makes one of them
    /// (nf_nat_used_tuple_new).
    bool is_met(FlowRef other, const Tuple& tuple) const noexcept {
        return FlowTable::direction(other) == 0 && tuple == original_ &&
               !question_.tracker.state_of(other).has(nat_mask) &&
               table_.direction_of(other | 1u).template tuple_now<Tuple>() == original_;
    }

    /// nf_nat_used_tuple_harder: a new TCP connection may have the port of one that is over and waits out its
    /// time, if its sequence numbers are beyond it.
    bool is_taken_still(const Tuple& tuple) noexcept {
        const FlowRef other = rival(tuple);
        if (!other) return is_anothers_end(tuple);
        if (kind_.protocol != ip_protocol::tcp || entry_.state.tcp.state() != TcpState::syn_sent ||
            FlowTable::direction(other) == 0)
            return true;
        const FlowState& old = question_.tracker.state_of(other);
        const std::uint32_t version = old.version();
        if (old.tcp.state() < TcpState::time_wait || old.has(FlowStatus::fixed_timeout) ||
            !old.has(FlowStatus::src_nat) || is_anothers_end(tuple, &old))
            return true;
        const auto ahead = static_cast<std::int32_t>(
            entry_.state.tcp.side[0].end -
            std::atomic_ref(const_cast<std::uint32_t&>(old.tcp.side[0].end)).load(std::memory_order_relaxed));
        return ahead <= 0 || !question_.tracker.end_found(other, version);
    }

    static bool is_between(be32 address, const IpAddress& low, const IpAddress& high) noexcept {
        return address.host() >= to_be32(low).host() && address.host() <= to_be32(high).host();
    }
    static bool is_between(const std::array<std::uint8_t, 16>& address, const IpAddress& low,
                           const IpAddress& high) noexcept {
        return address >= low.bytes && address <= high.bytes;
    }
    bool is_port_in_range(const Tuple& tuple, NatSide side) const noexcept {
        if (!has_port(kind_.protocol)) return true;
        const std::uint16_t port = port_of(tuple, side, kind_.protocol).host();
        return port >= range_.ports.low && port <= range_.ports.high;
    }
    /// nf_in_range, of the source.
    bool is_in_range(const Tuple& tuple) const noexcept {
        if (range_.map_addresses && !is_between(tuple.source, range_.addresses.low, range_.addresses.high))
            return false;
        return !range_.map_ports || is_port_in_range(tuple, NatSide::source);
    }

    /// Becomes what this source's other connections have become, if that is in range (find_appropriate_src).
    /// Only the destination of `tuple_` can have been changed so far.
    bool is_as_before(Tuple& tuple) const noexcept {
        if (!question_.tracker.map_source(tuple, kind_, question_.moment.now, range_.endpoint_independent,
                                          [&](const Tuple& left) { return is_in_range(with(left)); }))
            return false;
        tuple = with(tuple);
        return true;
    }
    Tuple with(const Tuple& source_of) const noexcept {
        return tuple_from(source_of.source, tuple_.destination, source_of.source_port,
                          tuple_.destination_port);
    }

    /// find_best_ips_proto: by a hash of the source, and of the destination unless --persistent. It is the
    /// kernel's own, so that a server sees a client come from the same address whoever translates it.
    void choose_address() noexcept {
        if (!range_.map_addresses) return;
        const auto& [low, high] = range_.addresses;
        if (low == high) return set_address_of(tuple_, question_.side, low);
        constexpr std::size_t words = address_size<Tuple> / 4;
        const auto word_of = [](const IpAddress& address, std::size_t i) {
            be32 word;
            std::memcpy(&word, address.bytes.data() + i * sizeof word, sizeof word);
            return word;
        };
        const IpAddress source = address_of(tuple_, NatSide::source);
        std::uint32_t key[4], draw = 0;
        std::memcpy(key, source.bytes.data(), sizeof key);
        if (!range_.persistent)
            draw = word_of(address_of(tuple_, NatSide::destination), words - 1).raw() ^
                   (kind_.zone | reply_kind_.zone);
        draw = rte_jhash_32b(key, std::size(key), draw);
        bool whole = false;  // a word below the highest one: those after it may be anything
        for (std::size_t i = 0; i < words; ++i) {
            const std::uint32_t least = whole ? 0 : word_of(low, i).host();
            const std::uint32_t span = whole ? ~0u : word_of(high, i).host() - least + 1;
            const be32 word{least + static_cast<std::uint32_t>(std::uint64_t{draw} * span >> 32)};
            IpAddress chosen = address_of(tuple_, question_.side);
            std::memcpy(chosen.bytes.data() + i * sizeof word, &word, sizeof word);
            set_address_of(tuple_, question_.side, chosen);
            whole |= !(word == word_of(high, i));
            if (!range_.persistent) draw ^= word_of(address_of(tuple_, NatSide::destination), i).raw();
        }
    }

    /// True if a free one was found.
    bool draw_port() noexcept {
        if (!has_port(kind_.protocol)) return !is_taken(tuple_);
        const std::uint16_t now = port_of(tuple_, question_.side, kind_.protocol).host();
        const auto ports = ports_for(range_, question_.side, kind_.protocol, now);
        if (!ports) return !is_taken(tuple_);
        if (is_drawn() && ports->count > 1)
            drawn_ = {static_cast<std::uint16_t>(ports->first),
                      static_cast<std::uint16_t>(ports->first + ports->count - 1)};
        std::uint32_t first = first_offset(now) % ports->count;
        if (!range_.endpoint_independent) return search(*ports, first, 1);
        if (was_vain(*ports)) return false;
        // Ports that are others' ends leave no trace in the map, so such a source looks elsewhere, too, and
        // the next time again elsewhere.
        if (search(*ports, first, most_turns)) return true;
        note_vain(*ports, first);
        return false;
    }
    bool search(const Ports& ports, std::uint32_t first, unsigned turns) noexcept {
        for (unsigned turn = 1;; ++turn) {
            set_port(ports.first + first);
            if (!is_taken(tuple_) || find_port(ports, first)) return true;
            if (turn == turns) break;
            first = question_.random.next() % ports.count;
        }
        // What is over but not forgotten makes room in TCP alone, or is about to be forgotten.
        const bool tcp = kind_.protocol == ip_protocol::tcp;
        return try_harder(ports, first, std::min(ports.count, tcp ? most_attempts : few_attempts));
    }
    /// Where an endpoint independent source looks for a port: towards this peer, or towards anybody.
    std::uint64_t place_of(const Ports& ports, bool of_peer) const noexcept {
        Tuple place = answer_of(tuple_, kind_.protocol);
        place.destination_port = be16{static_cast<std::uint16_t>(ports.first)};
        if (!of_peer || ip_protocol::is_icmp(kind_.protocol)) place.source_port = be16{0};
        if (!of_peer) place.source = {};
        constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
        const std::uint64_t rest = std::uint64_t{reply_kind_.zone} << 32 | ports.count;
        return table_.hash(place, kind_.protocol, kind_.zone) ^ rest * odd;
    }
    bool was_vain(const Ports& ports) noexcept {
        CrowdedPorts& crowded = question_.tracker.crowded();
        return crowded.was_vain(place_of(ports, false), question_.moment.now) ||
               crowded.was_vain(place_of(ports, true), question_.moment.now);
    }
    /// What others' ends fill is full for all peers; connections that share their ports fill it for one.
    void note_vain(const Ports& ports, std::uint32_t first) noexcept {
        bool of_peer = false;
        for (std::uint32_t i = 0; i < few_attempts && !of_peer; ++i) {
            set_port(ports.first + (first + i) % ports.count);
            of_peer = !is_anothers_end(tuple_);
        }
        question_.tracker.crowded().note_vain(place_of(ports, of_peer), question_.moment.now);
    }
    /// But for the first, which is taken.
    bool find_port(const Ports& ports, std::uint32_t first) noexcept {
        if (question_.side == NatSide::destination || ports.count <= few_glances)
            return glance(ports, first + 1, std::min(ports.count, most_glances) - 1);
        CrowdedPorts& crowded = question_.tracker.crowded();
        const std::uint64_t key = question_.tracker.crowd_of(answer_of(tuple_, kind_.protocol), kind_);
        PortMap* map = crowded.some() ? crowded.find(key) : nullptr;
        if (!map) {
            if (glance(ports, first + 1, few_glances)) return true;
            map = &crowded.make(key);
        }
        Search search{*map};
        if (find_in(search, ports.first + first, ports.first + ports.count) ||
            find_in(search, ports.first, ports.first + first))
            return true;
        map->doubt(ports.first, ports.count);
        return false;
    }
    void set_port(std::uint32_t port) noexcept {
        port_of(tuple_, question_.side, kind_.protocol) = be16{static_cast<std::uint16_t>(port)};
    }
    /// Takes the first port of which the table's bucket says nothing, or what it says is wrong. One whose
    /// bucket has the signature of an answer to it counts as taken.
    bool glance(const Ports& ports, std::uint32_t offset, std::uint32_t count) noexcept {
        std::array<std::uint64_t, together> hashes;
        for (std::uint32_t done = 0, some; done < count; done += some) {
            some = std::min(done ? together : first_together, count - done);
            const auto port_at = [&](std::uint32_t i) {
                return ports.first + (offset + done + i) % ports.count;
            };
            for (std::uint32_t i = 0; i < some; ++i)
                table_.prefetch(hashes[i] = hash_of_answer(port_at(i)));
            for (std::uint32_t i = 0; i < some; ++i) {
                if (table_.candidate(hashes[i]).ref) continue;
                set_port(port_at(i));
                if (!is_taken(tuple_)) return true;
            }
        }
        return false;
    }
    bool try_harder(const Ports& ports, std::uint32_t offset, std::uint32_t count) noexcept {
        for (std::uint32_t i = 0; i < count; ++i) {
            set_port(ports.first + (offset + i) % ports.count);
            if (!is_taken_still(tuple_)) return true;
        }
        return false;
    }
    std::uint64_t hash_of_answer(std::uint32_t port) noexcept {
        set_port(port);
        return table_.hash(answer_of(tuple_, kind_.protocol), kind_.protocol, FlowTracker::hint_of(kind_));
    }

    struct Search {
        PortMap& map;
        std::uint32_t words = most_filled, mistaken = most_mistaken;  ///< left
    };
    /// The first free port from `from` on, below `to`.
    bool find_in(Search& search, std::uint32_t from, std::uint32_t to) noexcept {
        constexpr std::uint32_t word = PortMap::word_ports;
        for (std::uint32_t port = from, end; port < to; port = end) {
            const std::uint32_t base = port / word * word;
            end = std::min(base + word, to);
            const std::uint64_t wanted =
                ~std::uint64_t{0} << (port - base) & ~std::uint64_t{0} >> (base + word - end);
            std::uint64_t free = ~search.map.taken(port).load(std::memory_order_acquire) & wanted;
            if (!free) continue;
            if (!search.map.is_filled(port)) {
                if (search.words == 0) return false;
                --search.words;
                fill(search.map, base);
                free = ~search.map.taken(port).load(std::memory_order_acquire) & wanted;
            }
            for (; free; free &= free - 1) {
                if (search.mistaken == 0) return false;
                --search.mistaken;
                if (take(search.map, base + static_cast<std::uint32_t>(std::countr_zero(free)))) return true;
            }
        }
        return false;
    }
    /// Its bit stays if another has it; whoever gets the port here sets it when it joins the table.
    bool take(PortMap& map, std::uint32_t port) noexcept {
        const std::uint64_t bit = PortMap::bit(port);
        map.taken(port).fetch_or(bit);
        set_port(port);
        const bool rivalled = rival(tuple_) != 0;
        if (!rivalled) map.taken(port).fetch_and(~bit);
        return !rivalled && !is_anothers_end(tuple_);
    }
    /// Sixty-four ports, from `base` on. Exactly, if what signatures said has been doubted.
    void fill(PortMap& map, std::uint32_t base) noexcept {
        map.taken(base).fetch_or(~std::uint64_t{0});
        const bool exactly = map.is_doubted();
        std::array<std::uint64_t, PortMap::word_ports> hashes;
        std::array<FlowRef, PortMap::word_ports> seen;
        for (std::uint32_t i = 0; i < hashes.size(); ++i)
            table_.prefetch(hashes[i] = hash_of_answer(base + i));
        for (std::uint32_t i = 0; i < hashes.size(); ++i) {
            seen[i] = table_.candidate(hashes[i]).ref;
            if (!exactly || !seen[i]) continue;
            table_.prefetch_entry(seen[i]);
            table_.prefetch_entry(seen[i] & ~1u);
        }
        std::uint64_t free = 0;
        for (std::uint32_t i = 0; i < hashes.size(); ++i) {
            if (seen[i] && !exactly) continue;
            set_port(base + i);
            if (!seen[i] || !rival(tuple_)) free |= PortMap::bit(i);
        }
        map.taken(base).fetch_and(~free);
        map.set_filled(base);
    }
    std::uint32_t first_offset(std::uint16_t port) noexcept {
        if (range_.offset) return static_cast<std::uint16_t>(port - range_.base_port);
        return is_drawn() ? random() : 0;
    }
    bool is_drawn() const noexcept {
        return !range_.offset && (range_.random || range_.random_fully || question_.side == NatSide::source);
    }
    /// An endpoint independent source draws a sequence of its own: two workers that begin two of its
    /// connections at the same moment come to the same port.
    std::uint16_t random() noexcept {
        if (!range_.endpoint_independent) return question_.random.next();
        if (own_draw_ == 0) {
            Tuple source{};
            source.source = original_.source;
            source.source_port = original_.source_port;
            own_draw_ = table_.hash(source, kind_.protocol) | 1;
        }
        own_draw_ = own_draw_ * 6364136223846793005u + 1442695040888963407u;  // Knuth, MMIX
        return static_cast<std::uint16_t>(own_draw_ >> 48);
    }

    const NatQuestion& question_;
    const hook::NatTarget& range_;
    FlowTable& table_;
    FlowEntry& entry_;
    const Tuple original_;
    const FlowKind kind_, reply_kind_;
    Tuple tuple_;
    std::uint64_t own_draw_ = 0;
    hook::PortRange drawn_{};
};

}  // namespace

void NatRandom::fill() noexcept {
    auto* to = reinterpret_cast<std::byte*>(numbers_.data());
    for (std::size_t done = 0; done < sizeof numbers_;) {
        const ssize_t got = getrandom(to + done, sizeof numbers_ - done, 0);
        if (got > 0) done += static_cast<std::size_t>(got);  // else a signal came
    }
    left_ = numbers_.size();
}

NatChoice<Tuple4> choose_tuple(const Tuple4& wanted, const NatQuestion& question) noexcept {
    return Choice<Tuple4>(wanted, question).run();
}
NatChoice<Tuple6> choose_tuple(const Tuple6& wanted, const NatQuestion& question) noexcept {
    return Choice<Tuple6>(wanted, question).run();
}

}  // namespace weft
