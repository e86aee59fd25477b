#include "dataplane/hook/recent.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weft::hook {

namespace {
__extension__ typedef unsigned __int128 Product;
}

std::size_t RecentTable::Hash::operator()(const IpAddress& address) const noexcept {
    std::uint64_t low, high;
    std::memcpy(&low, address.bytes.data(), 8);
    std::memcpy(&high, address.bytes.data() + 8, 8);
    const auto fold = [](std::uint64_t a, std::uint64_t b) {
        const auto product = static_cast<Product>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    };
    return fold(fold(low ^ secret, high ^ 0x9e37'79b9'7f4a'7c15), secret | 1);
}

RecentTable::RecentTable(std::uint64_t secret, const IpAddress& mask)
    : mask_(mask), index_(most_addresses, Hash{secret}) {}

void RecentTable::need(std::uint32_t hit_count) {
    const std::lock_guard lock(mutex_);
    const auto stamps = hit_count ? std::bit_ceil(hit_count) : fewest_stamps;
    if (stamps <= most_stamps_) return;
    entries_.clear();
    index_.clear();
    most_stamps_ = stamps;
}

namespace {
auto find_in(auto& index, const IpAddress& address, std::uint8_t ttl) {
    const auto [first, last] = index.equal_range(address);
    const auto found = std::find_if(first, last, [&](const auto& known) {
        return ttl == 0 || known.second->ttl == 0 || known.second->ttl == ttl;
    });
    return found == last ? index.end() : found;
}
}  // namespace

RecentTable::Entries::iterator RecentTable::find(const IpAddress& address, std::uint8_t ttl) {
    const auto found = find_in(index_, address, ttl);
    return found == index_.end() ? entries_.end() : found->second;
}

const RecentTable::Entry* RecentTable::look_for(const IpAddress& address, std::uint8_t ttl) const {
    const auto found = find_in(index_, address, ttl);
    return found == index_.end() ? nullptr : &*found->second;
}

IpAddress RecentTable::masked(const IpAddress& whole) const noexcept {
    IpAddress address;
    for (std::size_t i = 0; i < address.bytes.size(); ++i)
        address.bytes[i] = whole.bytes[i] & mask_.bytes[i];
    return address;
}

bool RecentTable::would_match(const RecentMatch& match, const IpAddress& whole, std::uint8_t ttl,
                              std::uint64_t now_us) const {
    using Action = RecentMatch::Action;
    const std::lock_guard lock(mutex_);
    const Entry* const entry = look_for(masked(whole), match.same_ttl ? ttl : std::uint8_t{0});
    if (match.action == Action::set) return !match.inverted;
    if (!entry) return match.inverted;
    return (match.action == Action::remove || hit(match, *entry, now_us / 1000)) != match.inverted;
}

void RecentTable::remove(Entries::iterator entry) {
    const auto [first, last] = index_.equal_range(entry->address);
    index_.erase(std::find_if(first, last, [&](const auto& known) { return known.second == entry; }));
    entries_.erase(entry);
}

void RecentTable::add(const IpAddress& address, std::uint8_t ttl, std::uint64_t now) {
    if (entries_.size() >= most_addresses) remove(entries_.begin());
    entries_.push_back({address, ttl, 1, {now}});
    index_.emplace(address, std::prev(entries_.end()));
}

void RecentTable::stamp(Entries::iterator entry, std::uint64_t now) {
    entry->next &= most_stamps_ - 1;
    if (entry->next == entry->stamps.size())
        entry->stamps.push_back(now);
    else
        entry->stamps[entry->next] = now;
    ++entry->next;
    entries_.splice(entries_.end(), entries_, entry);
}

bool RecentTable::hit(const RecentMatch& match, const Entry& entry, std::uint64_t now) noexcept {
    const auto oldest = static_cast<std::int64_t>(now) - std::int64_t{match.seconds} * 1000;
    std::uint32_t hits = 0;
    for (const auto stamp : entry.stamps) {
        if (match.seconds && static_cast<std::int64_t>(stamp) < oldest) continue;
        if (!match.hit_count || ++hits >= match.hit_count) return true;
    }
    return false;
}

bool RecentTable::ask(const RecentMatch& match, const IpAddress& whole, std::uint8_t ttl,
                      std::uint64_t now_us) {
    using Action = RecentMatch::Action;
    const IpAddress address = masked(whole);
    const auto now = now_us / 1000;
    const std::lock_guard lock(mutex_);
    const auto entry = find(address, match.same_ttl ? ttl : 0);
    bool matched = match.inverted;
    if (entry == entries_.end()) {
        if (match.action != Action::set) return matched;
        add(address, ttl, now);
        return !matched;
    }
    if (match.action == Action::set) {
        matched = !matched;
    } else if (match.action == Action::remove) {
        remove(entry);
        return !matched;
    } else {
        if (hit(match, *entry, now)) matched = !matched;
        const bool updated = match.action == Action::update && matched;
        // The head was seen longest ago; the entry that is updated is not reaped.
        if (match.reap && (entry != entries_.begin() || !updated)) {
            const auto head = entries_.begin();
            const auto oldest = static_cast<std::int64_t>(now) - std::int64_t{match.seconds} * 1000;
            if (static_cast<std::int64_t>(head->stamps[head->next - 1]) < oldest) remove(head);
        }
        if (!updated) return matched;
    }
    stamp(entry, now);
    entry->ttl = ttl;
    return matched;
}

std::size_t RecentTable::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace weft::hook
