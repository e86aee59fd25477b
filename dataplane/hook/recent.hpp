// The lists of the match recent: addresses and when they were seen (xt_recent.c).
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "weft/hook/match.hpp"
#include "weft/net/address.hpp"

namespace weft::hook {

/// One list. Holds most_addresses, then forgets the one seen longest ago. All workers share it under its
/// lock, on the slow way only. Its hash is keyed, as outsiders choose what it holds.
class RecentTable {
  public:
    static constexpr std::size_t most_addresses = 100;  // ip_list_tot
    static constexpr std::uint32_t fewest_stamps = 32;  // what a list keeps when no rule says --hitcount
    RecentTable(std::uint64_t secret, const IpAddress& mask);

    /// A rule with this --hitcount uses it from now on. One that needs more stamps empties the list, as Linux
    /// does.
    void need(std::uint32_t hit_count);

    /// True if the rule matches, inversion included.
    [[nodiscard]] bool ask(const RecentMatch&, const IpAddress&, std::uint8_t ttl, std::uint64_t now_us);

    /// What ask() would say, of a list that stays as it is.
    [[nodiscard]] bool would_match(const RecentMatch&, const IpAddress&, std::uint8_t ttl,
                                   std::uint64_t now_us) const;

    [[nodiscard]] std::size_t size() const;

  private:
    struct Entry {
        IpAddress address;
        std::uint8_t ttl;
        std::uint32_t next;                 ///< where the next stamp goes
        std::vector<std::uint64_t> stamps;  ///< milliseconds
    };
    using Entries = std::list<Entry>;
    struct Hash {
        std::uint64_t secret;
        std::size_t operator()(const IpAddress&) const noexcept;
    };

    [[nodiscard]] IpAddress masked(const IpAddress&) const noexcept;
    Entries::iterator find(const IpAddress&, std::uint8_t ttl);
    [[nodiscard]] const Entry* look_for(const IpAddress&, std::uint8_t ttl) const;
    void remove(Entries::iterator);
    void add(const IpAddress&, std::uint8_t ttl, std::uint64_t now);
    void stamp(Entries::iterator, std::uint64_t now);
    [[nodiscard]] static bool hit(const RecentMatch&, const Entry&, std::uint64_t now) noexcept;

    mutable std::mutex mutex_;
    IpAddress mask_;
    std::uint32_t most_stamps_ = 0;  ///< a power of two; 0: no rule yet
    Entries entries_;                ///< the one seen longest ago first
    std::unordered_multimap<IpAddress, Entries::iterator, Hash> index_;
};

}  // namespace weft::hook
