#include "control/kernel/hold.hpp"

#include <cstring>
#include <deque>
#include <iterator>
#include <list>
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
    std::uint64_t since_us = 0, asked_us = 0;
    std::list<NextHop>::iterator place;  ///< in Table::order_
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
        bool ask = false;
        {
            const std::lock_guard lock(mutex_);
            Waiting& waiting = waiting_for(to, now_us);
            if (waiting.packets.size() >= per_neighbour) drop_oldest(waiting);
            waiting.packets.push_back(&packet);
            if (++count_ > capacity) drop_oldest(by_next_hop_.at(order_.front()));
            // A request may have been refused, by a TAP that was down.
            ask = waiting.asked_us + ask_again_us <= now_us;
            if (ask) waiting.asked_us = now_us;
        }
        if (ask) wiring_.ask(to);
    }

    void release(const NextHop& to) {
        std::vector<Packet*> packets;
        {
            const std::lock_guard lock(mutex_);
            const auto found = by_next_hop_.find(to);
            if (found == by_next_hop_.end()) return;
            packets.assign(found->second.packets.begin(), found->second.packets.end());
            count_ -= packets.size();
            remove(found);
        }
        for (Packet* packet : packets)
            packet->meta.flags |= PacketFlags::resolved;
        if (!packets.empty()) wiring_.give(packets.data(), static_cast<unsigned>(packets.size()));
    }

    void expire(std::uint64_t now_us) {
        const std::lock_guard lock(mutex_);
        while (!order_.empty()) {
            const auto oldest = by_next_hop_.find(order_.front());
            if (oldest->second.since_us + give_up_us > now_us) return;
            drop_all(oldest, DropReason::route_neighbour_failed);
        }
    }

    void forget(IfIndex interface) {
        const std::lock_guard lock(mutex_);
        for (auto at = by_next_hop_.begin(); at != by_next_hop_.end();) {
            const auto here = at++;
            if (here->first.interface == interface) {
                drop_all(here, DropReason::handover_gone);
                continue;
            }
            count_ -= std::erase_if(here->second.packets, [&](Packet* packet) {
                if (packet->meta.iif != interface) return false;
                drop(*packet, DropReason::handover_gone);
                return true;
            });
        }
    }

    void drop_outside(Packet& packet, DropReason reason) {
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
    using Entries = std::unordered_map<NextHop, Waiting, Hash>;

    // All under mutex_.
    Waiting& waiting_for(const NextHop& to, std::uint64_t now_us) {
        if (const auto found = by_next_hop_.find(to); found != by_next_hop_.end()) return found->second;
        if (by_next_hop_.size() >= max_neighbours)
            drop_all(by_next_hop_.find(order_.front()), DropReason::route_hold_full);
        order_.push_back(to);
        Waiting waiting;
        waiting.since_us = now_us;
        waiting.place = std::prev(order_.end());
        return by_next_hop_.emplace(to, std::move(waiting)).first->second;
    }
    void remove(Entries::iterator entry) {
        order_.erase(entry->second.place);
        by_next_hop_.erase(entry);
    }
    void drop_all(Entries::iterator entry, DropReason reason) {
        for (Packet* packet : entry->second.packets)
            drop(*packet, reason);
        count_ -= entry->second.packets.size();
        remove(entry);
    }
    void drop_oldest(Waiting& of) {
        drop(*of.packets.front(), DropReason::route_hold_full);
        of.packets.pop_front();
        --count_;
        if (of.packets.empty()) remove(by_next_hop_.find(*of.place));
    }
    void drop(Packet& packet, DropReason reason) noexcept {
        (*wiring_.counters)[packet.meta.oif].dropped[static_cast<std::size_t>(reason)].add(1,
                                                                                           packet.length());
        Packet::free(&packet);
    }

    Wiring wiring_;
    mutable std::mutex mutex_;
    Entries by_next_hop_;
    std::list<NextHop> order_;  ///< the one that waits longest first
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
    table_->drop_outside(packet, reason);
}
void Hold::forget(IfIndex interface) {
    table_->forget(interface);
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
