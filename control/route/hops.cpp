#include "control/route/hops.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace weft {

namespace {

constexpr std::uint8_t choice_bits = 1;  ///< of its two buckets

NeighbourKey neighbour_of(const HopFacts& facts) {
    return {.device = facts.device, .v6 = facts.v6, .address = facts.gateway};
}

template <class T>
std::size_t add_hash(std::size_t sum, const T& value) noexcept {
    return sum * 0x9e3779b97f4a7c15 ^
           std::hash<std::string_view>{}({reinterpret_cast<const char*>(&value), sizeof value});
}

std::vector<std::pair<HopIndex, std::uint32_t>> group_key(const std::vector<Share>& members) {
    std::vector<std::pair<HopIndex, std::uint32_t>> key;
    for (const auto& member : members)
        key.emplace_back(member.hop, member.weight);
    return key;
}

}  // namespace

std::size_t HopPool::HashFacts::operator()(const HopFacts& f) const noexcept {
    const std::uint64_t small = static_cast<std::uint64_t>(f.kind) | std::uint64_t{f.v6} << 8 |
                                std::uint64_t{f.interface} << 16 | std::uint64_t{f.mtu} << 32;
    const std::uint64_t choice = std::uint64_t{f.meant} | std::uint64_t{f.otherwise} << 32;
    const std::uint32_t asked = f.tos | std::uint32_t{f.source_length} << 8;
    return add_hash(
        add_hash(add_hash(add_hash(add_hash(add_hash(0, small), f.device), f.gateway.bytes), f.source.bytes),
                 choice),
        asked);
}

std::size_t HopPool::HashFacts::operator()(const NeighbourKey& k) const noexcept {
    return add_hash(add_hash(std::size_t{k.v6}, k.device), k.address.bytes);
}

HopIndex HopPool::take_index() {
    if (!free_.empty()) {
        const auto index = free_.back();
        free_.pop_back();
        return index;
    }
    if (infos_.size() == hop_capacity) return no_hop;
    infos_.emplace_back();
    return static_cast<HopIndex>(infos_.size() - 1);
}

HopIndex HopPool::take(const HopFacts& facts) {
    if (const auto it = by_facts_.find(facts); it != by_facts_.end()) {
        retain(it->second);
        return it->second;
    }
    const auto index = take_index();
    if (index == no_hop) return no_hop;
    infos_[index] = {.facts = facts, .references = 1, .members = {}};
    by_facts_.emplace(facts, index);
    Hop& hop = table_[index];
    hop.kind = facts.kind;
    hop.v6 = facts.v6;
    hop.interface = facts.interface;
    hop.mtu = facts.mtu;
    hop.gateway = facts.gateway;
    hop.source = facts.source;
    hop.tos = 0;
    hop.bucket_bits = 0;
    hop.device = facts.device;
    hop.used.store(0, std::memory_order_relaxed);
    const auto own = own_.find(facts.device);
    hop.own.store(own == own_.end() ? 0 : own->second, std::memory_order_relaxed);
    std::uint64_t word = 0;
    if (facts.kind == HopKind::neighbour) {
        Neighbour& neighbour = neighbours_[neighbour_of(facts)];
        neighbour.hops.push_back(index);
        if (neighbour.kernel_state == 0) neighbour.word = unasked(facts.device);
        word = neighbour.word;
    } else if (facts.kind == HopKind::no_address) {
        word = unasked(facts.device);
    }
    hop.neighbour.store(word, std::memory_order_relaxed);
    return index;
}

std::uint32_t HopPool::take_buckets(std::uint8_t bits) {
    auto& free = free_buckets_[bits];
    if (!free.empty()) {
        const auto first = free.back();
        free.pop_back();
        return first;
    }
    if (end_of_buckets_ + (1u << bits) > hop_capacity) return hop_capacity;
    return std::exchange(end_of_buckets_, end_of_buckets_ + (1u << bits));
}

HopIndex HopPool::take_group(const std::vector<Share>& members, const std::vector<bool>& alive,
                             HopIndex former) {
    const auto key = group_key(members);
    if (const auto it = by_members_.find(key); it != by_members_.end()) {
        for (const auto& member : members)
            release(member.hop);
        retain(it->second);
        write_buckets(it->second, alive, it->second);
        return it->second;
    }
    const auto needed = bucket_bits_for(members);
    // With fewer buckets than before flows of members that stay would move.
    const bool follows = former != no_hop && infos_[former].facts.kind == HopKind::group;
    auto bits = follows ? std::max(needed, table_[former].bucket_bits) : needed;
    const auto index = take_index();
    auto first = index == no_hop ? hop_capacity : take_buckets(bits);
    if (index != no_hop && first == hop_capacity && bits > needed) first = take_buckets(bits = needed);
    if (first == hop_capacity) {
        if (index != no_hop) free_.push_back(index);
        for (const auto& member : members)
            release(member.hop);
        return no_hop;
    }
    infos_[index] = {.facts = {.kind = HopKind::group}, .references = 1, .members = members};
    by_members_.emplace(key, index);
    write_group(index, bits, first);
    write_buckets(index, alive, former);
    return index;
}

HopIndex HopPool::take_choice(const HopFacts& facts) {
    const auto let_go = [&] {
        release(facts.meant);
        if (facts.otherwise != no_hop) release(facts.otherwise);
    };
    if (const auto it = by_facts_.find(facts); it != by_facts_.end()) {
        let_go();
        retain(it->second);
        return it->second;
    }
    const auto index = take_index();
    const auto first = index == no_hop ? hop_capacity : take_buckets(choice_bits);
    if (first == hop_capacity) {
        if (index != no_hop) free_.push_back(index);
        let_go();
        return no_hop;
    }
    infos_[index] = {.facts = facts, .references = 1, .members = {}};
    by_facts_.emplace(facts, index);
    write_choice(index, facts, first);
    return index;
}

void HopPool::write_choice(HopIndex index, const HopFacts& facts, std::uint32_t first) {
    Hop& hop = table_[index];
    hop.kind = HopKind::choice;
    hop.v6 = facts.v6;
    hop.tos = facts.tos;
    hop.source_length = facts.source_length;
    hop.source = facts.source;
    hop.gateway = {};
    hop.interface = no_interface;
    hop.mtu = 0;
    for (auto* word : {&hop.own, &hop.neighbour})
        word->store(0, std::memory_order_relaxed);
    hop.used.store(0, std::memory_order_relaxed);
    hop.first_bucket = first;
    table_.bucket(first).store(facts.meant, std::memory_order_relaxed);
    table_.bucket(first + 1).store(facts.otherwise, std::memory_order_relaxed);
}

void HopPool::write_group(HopIndex index, std::uint8_t bits, std::uint32_t first) {
    Hop& hop = table_[index];
    table_.set_has_groups(true);
    ++groups_;
    hop.kind = HopKind::group;
    hop.v6 = false;
    hop.tos = 0;
    hop.interface = no_interface;
    hop.mtu = 0;
    hop.gateway = hop.source = {};
    hop.own.store(0, std::memory_order_relaxed);
    hop.neighbour.store(0, std::memory_order_relaxed);
    hop.used.store(0, std::memory_order_relaxed);
    hop.bucket_bits = bits;
    hop.first_bucket = first;
    for (std::uint32_t i = 0; i < 1u << bits; ++i)
        table_.bucket(first + i).store(no_hop, std::memory_order_relaxed);
}

void HopPool::write_buckets(HopIndex group, const std::vector<bool>& alive, HopIndex former) {
    const Hop& hop = table_[group];
    const auto& members = infos_[group].members;
    std::vector<Share> shares;
    for (std::size_t i = 0; i < members.size(); ++i)
        if (alive[i]) shares.push_back(members[i]);
    std::vector<HopIndex> buckets(std::size_t{1} << hop.bucket_bits, no_hop);
    bool rebalance = false;
    if (former != no_hop && infos_[former].facts.kind == HopKind::group) {
        // The flows of a bucket of the smaller number of buckets are those of several of the larger.
        const Hop& old = table_[former];
        for (std::size_t i = 0; i < buckets.size(); ++i) {
            const auto at = old.bucket_bits >= hop.bucket_bits ? i << (old.bucket_bits - hop.bucket_bits)
                                                               : i >> (hop.bucket_bits - old.bucket_bits);
            buckets[i] = table_.bucket(old.first_bucket + static_cast<std::uint32_t>(at))
                             .load(std::memory_order_relaxed);
        }
        const auto& before = infos_[former].members;
        for (const auto& share : shares)
            rebalance |= std::find(before.begin(), before.end(), share) == before.end() ||
                         std::find(buckets.begin(), buckets.end(), share.hop) == buckets.end();
    }
    share_out(buckets, shares, rebalance);
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        auto& bucket = table_.bucket(hop.first_bucket + static_cast<std::uint32_t>(i));
        if (bucket.load(std::memory_order_relaxed) == buckets[i]) continue;
        bucket.store(buckets[i], std::memory_order_release);
        changed_ = true;
    }
    for (const auto twin : infos_[group].twins)
        mirror_buckets(twin);
}

HopIndex HopPool::take_twin(HopIndex group, const IpAddress& address) {
    if (const auto it = twins_.find({group, address.bytes}); it != twins_.end()) {
        retain(it->second);
        return it->second;
    }
    auto members = infos_[group].members;
    bool whole = true;
    for (auto& member : members) {
        HopFacts to = facts(member.hop);
        if (to.kind == HopKind::connected || (to.kind == HopKind::no_address && unasked(to.device) != 0)) {
            to.kind = HopKind::neighbour;
            to.gateway = address;
        }
        member.hop = take(to);
        whole &= member.hop != no_hop;
    }
    const auto bits = table_[group].bucket_bits;
    const auto index = whole ? take_index() : no_hop;
    const auto first = index == no_hop ? hop_capacity : take_buckets(bits);
    if (first == hop_capacity) {
        if (index != no_hop) free_.push_back(index);
        for (const auto& member : members)
            if (member.hop != no_hop) release(member.hop);
        return no_hop;
    }
    infos_[index] = {.facts = {.kind = HopKind::group},
                     .references = 1,
                     .members = std::move(members),
                     .twin_of = group,
                     .twin_address = address};
    retain(group);
    infos_[group].twins.push_back(index);
    twins_[{group, address.bytes}] = index;
    write_group(index, bits, first);
    mirror_buckets(index);
    return index;
}

void HopPool::mirror_buckets(HopIndex twin) {
    changed_ = true;
    const Info& info = infos_[twin];
    const auto& originals = infos_[info.twin_of].members;
    const Hop& from = table_[info.twin_of];
    const Hop& to = table_[twin];
    for (std::uint32_t i = 0; i < 1u << to.bucket_bits; ++i) {
        const auto hop = table_.bucket(from.first_bucket + i).load(std::memory_order_relaxed);
        const auto at = std::find_if(originals.begin(), originals.end(),
                                     [&](const Share& share) { return share.hop == hop; });
        const auto mirrored = at == originals.end()
                                  ? no_hop
                                  : info.members[static_cast<std::size_t>(at - originals.begin())].hop;
        table_.bucket(to.first_bucket + i).store(mirrored, std::memory_order_release);
    }
}

void HopPool::release(HopIndex hop) {
    Info& info = infos_[hop];
    if (--info.references != 0) return;
    if (info.facts.kind == HopKind::group) {
        if (const auto original = std::exchange(info.twin_of, no_hop); original != no_hop) {
            twins_.erase({original, info.twin_address.bytes});
            std::erase(infos_[original].twins, hop);
            release(original);
        } else {
            by_members_.erase(group_key(info.members));
        }
    } else {
        by_facts_.erase(info.facts);
        if (info.facts.kind == HopKind::neighbour) {
            const auto it = neighbours_.find(neighbour_of(info.facts));
            std::erase(it->second.hops, hop);
            if (it->second.hops.empty() && it->second.kernel_state == 0) neighbours_.erase(it);
        }
    }
    released_.push_back(hop);
}

void HopPool::reclaim() {
    const auto released = std::exchange(released_, {});
    for (const auto hop : released) {
        Info& info = infos_[hop];
        if (info.facts.kind == HopKind::choice) {
            free_buckets_[choice_bits].push_back(table_[hop].first_bucket);
            const auto [meant, otherwise] = std::pair{info.facts.meant, info.facts.otherwise};
            release(meant);
            if (otherwise != no_hop) release(otherwise);
        } else if (info.facts.kind == HopKind::group) {
            free_buckets_[table_[hop].bucket_bits].push_back(table_[hop].first_bucket);
            table_.set_has_groups(--groups_ != 0);
            // workers may have come by the group to a member until now: that one waits another round
            for (const auto& member : std::exchange(info.members, {}))
                release(member.hop);
        }
        info.facts = {};
        table_[hop].kind = HopKind::none;
        free_.push_back(hop);
    }
}

void HopPool::set_own(int device, const MacAddress& mac) {
    auto& own = own_[device];
    if (own == mac.raw()) return;
    own = mac.raw();
    for (HopIndex i = 1; i < infos_.size(); ++i)
        if (infos_[i].references && infos_[i].facts.device == device)
            table_[i].own.store(own, std::memory_order_relaxed);
}

void HopPool::set_unasked(int device, std::uint64_t word) {
    if (unasked(device) == word) return;
    unasked_[device] = word;
    for (auto& [key, neighbour] : neighbours_) {
        if (key.device != device || neighbour.kernel_state != 0) continue;
        neighbour.word = word;
        write_neighbour(neighbour);
    }
    for (HopIndex i = 1; i < infos_.size(); ++i)
        if (infos_[i].references && infos_[i].facts.device == device &&
            infos_[i].facts.kind == HopKind::no_address)
            table_[i].neighbour.store(word, std::memory_order_relaxed);
}

void HopPool::write_neighbour(const Neighbour& neighbour) {
    for (const auto hop : neighbour.hops)
        table_[hop].neighbour.store(neighbour.word, std::memory_order_relaxed);
}

void HopPool::set_neighbour(const NeighbourKey& key, std::uint16_t kernel_state, NeighbourState state,
                            const MacAddress& mac, std::uint8_t generation) {
    Neighbour& neighbour = neighbours_[key];
    neighbour.kernel_state = kernel_state;
    neighbour.generation = generation;
    neighbour.word = Hop::pack(mac, state);
    write_neighbour(neighbour);
}

void HopPool::forget_neighbour(const NeighbourKey& key) {
    const auto it = neighbours_.find(key);
    if (it == neighbours_.end()) return;
    it->second.kernel_state = 0;
    it->second.word = unasked(key.device);
    write_neighbour(it->second);
    if (it->second.hops.empty()) neighbours_.erase(it);
}

const HopPool::Neighbour* HopPool::neighbour(const NeighbourKey& key) const {
    const auto it = neighbours_.find(key);
    return it == neighbours_.end() ? nullptr : &it->second;
}

std::uint32_t HopPool::used(const Neighbour& neighbour) const {
    std::uint32_t last = 0;
    for (const auto hop : neighbour.hops)
        last = std::max(last, table_[hop].used.load(std::memory_order_relaxed));
    return last;
}

}  // namespace weft
