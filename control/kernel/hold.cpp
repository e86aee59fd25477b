#include "control/kernel/hold.hpp"

#include <cstring>
#include <deque>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "weft/net/ip.hpp"

namespace weft {
namespace {

struct Hash {
    std::size_t operator()(const NextHop& to) const noexcept {
        const std::string_view bytes(reinterpret_cast<const char*>(to.address.bytes.data()),
                                     to.address.bytes.size());
        return std::hash<std::string_view>{}(bytes)*31 + to.interface;
    }
};

/// The gateway of its hop, or its own destination on a connected network.
NextHop next_hop_of(Packet& packet, const HopTable& hops) {
    const Hop& hop = hops[packet.meta.hop];
    NextHop to{.interface = packet.meta.oif,
               .v6 = packet.header<EthernetHeader>()->type.host() == ether_type::ipv6,
               .address = {}};
    if (hop.kind == HopKind::neighbour) {
        to.v6 = hop.v6;
        to.address = hop.gateway;
        return to;
    }
    const std::byte* l3 = packet.data() + packet.meta.l3_offset;
    if (to.v6)
        std::memcpy(to.address.bytes.data(), l3 + offsetof(Ipv6Header, destination), 16);
    else
        std::memcpy(to.address.bytes.data(), l3 + offsetof(Ipv4Header, destination), 4);
    return to;
}

struct Waiting {
    std::deque<Packet*> packets;
    std::uint64_t since_us = 0;
};

}  // namespace

class Hold::Table {
  public:
    explicit Table(Wiring wiring) : wiring_(std::move(wiring)) {}
    ~Table() {
        for (auto& [to, waiting] : by_next_hop_)
            for (Packet* packet : waiting.packets)
                Packet::free(packet);
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    void add(Packet& packet, const HopTable& hops, std::uint64_t now_us) {
        const NextHop to = next_hop_of(packet, hops);
        bool first = false;
        {
            const std::lock_guard lock(mutex_);
            auto found = by_next_hop_.find(to);
            first = found == by_next_hop_.end();
            if (first ? by_next_hop_.size() >= max_neighbours
                      : found->second.packets.size() >= per_neighbour) {
                if (first) return drop(packet, DropReason::route_hold_full);
                drop(*found->second.packets.front(), DropReason::route_hold_full);
                found->second.packets.pop_front();
                --count_;
            } else if (count_ >= capacity) {
                return drop(packet, DropReason::route_hold_full);
            }
            if (first) found = by_next_hop_.emplace(to, Waiting{.packets = {}, .since_us = now_us}).first;
            found->second.packets.push_back(&packet);
            ++count_;
        }
        if (first) wiring_.ask(to);
    }

    void release(const NextHop& to) {
        std::deque<Packet*> packets = take(to);
        for (Packet* packet : packets)
            packet->meta.flags |= PacketFlags::resolved;
        std::vector<Packet*> all(packets.begin(), packets.end());
        if (!all.empty()) wiring_.give(all.data(), static_cast<unsigned>(all.size()));
    }

    void expire(std::uint64_t now_us) {
        const std::lock_guard lock(mutex_);
        std::erase_if(by_next_hop_, [&](auto& entry) {
            auto& waiting = entry.second;
            if (waiting.since_us + give_up_us > now_us) return false;
            for (Packet* packet : waiting.packets)
                drop(*packet, DropReason::route_neighbour_failed);
            count_ -= waiting.packets.size();
            return true;
        });
    }

    void drop_locked(Packet& packet, DropReason reason) {
        const std::lock_guard lock(mutex_);
        drop(packet, reason);
    }
    std::size_t count(const NextHop& to) const {
        const std::lock_guard lock(mutex_);
        const auto found = by_next_hop_.find(to);
        return found == by_next_hop_.end() ? 0 : found->second.packets.size();
    }
    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }

  private:
    std::deque<Packet*> take(const NextHop& to) {
        const std::lock_guard lock(mutex_);
        const auto found = by_next_hop_.find(to);
        if (found == by_next_hop_.end()) return {};
        auto packets = std::move(found->second.packets);
        by_next_hop_.erase(found);
        count_ -= packets.size();
        return packets;
    }
    void drop(Packet& packet, DropReason reason) noexcept {
        (*wiring_.counters)[packet.meta.oif].dropped[static_cast<std::size_t>(reason)].add(1,
                                                                                           packet.length());
        Packet::free(&packet);
    }

    Wiring wiring_;
    mutable std::mutex mutex_;
    std::unordered_map<NextHop, Waiting, Hash> by_next_hop_;
    std::size_t count_ = 0;
};

Hold::Hold(Wiring wiring) : table_(std::make_unique<Table>(std::move(wiring))) {}
Hold::~Hold() = default;
void Hold::add(Packet& packet, const HopTable& hops, std::uint64_t now_us) {
    table_->add(packet, hops, now_us);
}
void Hold::release(const NextHop& to) {
    table_->release(to);
}
void Hold::drop(Packet& packet, DropReason reason) {
    table_->drop_locked(packet, reason);
}
void Hold::expire(std::uint64_t now_us) {
    table_->expire(now_us);
}
std::size_t Hold::count(const NextHop& to) const {
    return table_->count(to);
}
std::size_t Hold::count() const {
    return table_->count();
}

}  // namespace weft
