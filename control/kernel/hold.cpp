#include "control/kernel/hold.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace weft {
namespace {

struct Hash {
    std::size_t operator()(const NextHop& to) const noexcept {
        const std::string_view bytes(reinterpret_cast<const char*>(to.address.bytes.data()),
                                     to.address.bytes.size());
        return (std::hash<std::string_view>{}(bytes)*31 + to.interface) * 31 +
               static_cast<std::size_t>(to.device);
    }
};

struct Waiting {
    std::deque<Packet*> packets;
    std::uint64_t since_us = 0, asked_us = 0;
    std::list<NextHop>::iterator place;  ///< in Line::order
    bool wanted = false;
    std::list<NextHop>::iterator wanted_place{};  ///< in Table::wanted_, if wanted
};

/// What waits to leave by one interface.
struct Line {
    std::list<NextHop> order;  ///< the one that waits longest first
    std::size_t packets = 0;
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

    void add(Packet& packet, std::uint64_t now_us) {
        const NextHop to = read_next_hop(packet);
        bool ask = false;
        {
            const std::lock_guard lock(mutex_);
            Waiting& waiting = waiting_for(to, now_us);
            waiting.packets.push_back(&packet);
            ++lines_.at(to.interface).packets;
            ++count_;
            // A request may have been refused, by a TAP that was down.
            if (!waiting.wanted && waiting.asked_us + ask_again_us <= now_us) {
                waiting.asked_us = now_us;
                waiting.wanted_place = wanted_.insert(wanted_.end(), to);
                waiting.wanted = ask = true;
            }
            if (waiting.packets.size() > per_neighbour) drop_oldest(to);
            if (count_ > capacity) drop_oldest(longest(&Line::packets).order.front());
        }
        if (ask) wiring_.ask();
    }

    std::vector<NextHop> take_wanted() {
        const std::lock_guard lock(mutex_);
        std::vector<NextHop> all(wanted_.begin(), wanted_.end());
        for (const NextHop& to : all)
            by_next_hop_.at(to).wanted = false;
        wanted_.clear();
        return all;
    }

    void release(const NextHop& to) {
        std::vector<Packet*> packets;
        {
            const std::lock_guard lock(mutex_);
            const auto found = by_next_hop_.find(to);
            if (found == by_next_hop_.end()) return;
            packets.assign(found->second.packets.begin(), found->second.packets.end());
            remove(found);
        }
        for (Packet* packet : packets)
            packet->meta.flags |= PacketFlags::resolved;
        if (!packets.empty()) wiring_.give(packets.data(), static_cast<unsigned>(packets.size()));
    }

    void expire(std::uint64_t now_us) {
        const std::lock_guard lock(mutex_);
        for (auto line = lines_.begin(); line != lines_.end();) {
            auto& order = (line++)->second.order;  // which goes with its last next hop
            for (auto left = order.size(); left > 0; --left) {
                const auto oldest = by_next_hop_.find(order.front());
                if (oldest->second.since_us + give_up_us > now_us) break;
                drop_all(oldest, DropReason::route_neighbour_failed);
            }
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
            const auto gone = std::erase_if(here->second.packets, [&](Packet* packet) {
                if (packet->meta.iif != interface) return false;
                drop(*packet, DropReason::handover_gone);
                return true;
            });
            count_ -= gone;
            lines_.at(here->first.interface).packets -= gone;
            if (here->second.packets.empty()) remove(here);
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
            drop_all(by_next_hop_.find(longest(&Line::order).order.front()), DropReason::route_hold_full);
        auto& order = lines_[to.interface].order;
        order.push_back(to);
        Waiting waiting;
        waiting.since_us = now_us;
        waiting.place = std::prev(order.end());
        return by_next_hop_.emplace(to, std::move(waiting)).first->second;
    }
    static std::size_t size_of(const std::list<NextHop>& order) noexcept { return order.size(); }
    static std::size_t size_of(std::size_t packets) noexcept { return packets; }
    /// The line that has most.
    template <class Member>
    Line& longest(Member Line::*of) {
        return std::max_element(lines_.begin(), lines_.end(),
                                [&](const auto& a, const auto& b) {
                                    return size_of(a.second.*of) < size_of(b.second.*of);
                                })
            ->second;
    }
    void remove(Entries::iterator entry) {
        const auto line = lines_.find(entry->first.interface);
        count_ -= entry->second.packets.size();
        line->second.packets -= entry->second.packets.size();
        line->second.order.erase(entry->second.place);
        if (line->second.order.empty()) lines_.erase(line);
        if (entry->second.wanted) wanted_.erase(entry->second.wanted_place);
        by_next_hop_.erase(entry);
    }
    void drop_all(Entries::iterator entry, DropReason reason) {
        for (Packet* packet : entry->second.packets)
            drop(*packet, reason);
        remove(entry);
    }
    void drop_oldest(const NextHop& of) {
        const auto entry = by_next_hop_.find(of);
        auto& packets = entry->second.packets;
        drop(*packets.front(), DropReason::route_hold_full);
        packets.pop_front();
        --count_;
        --lines_.at(of.interface).packets;
        if (packets.empty()) remove(entry);
    }
    void drop(Packet& packet, DropReason reason) noexcept {
        (*wiring_.counters)[packet.meta.oif].dropped[static_cast<std::size_t>(reason)].add(1,
                                                                                           packet.length());
        Packet::free(&packet);
    }

    Wiring wiring_;
    mutable std::mutex mutex_;
    Entries by_next_hop_;
    std::unordered_map<IfIndex, Line> lines_;  ///< none is empty
    std::list<NextHop> wanted_;
    std::size_t count_ = 0;
};

Hold::Hold(Wiring wiring) : table_(std::make_unique<Table>(std::move(wiring))) {}
Hold::~Hold() = default;
void Hold::add(Packet& packet, std::uint64_t now_us) {
    table_->add(packet, now_us);
}
std::vector<NextHop> Hold::take_wanted() {
    return table_->take_wanted();
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
