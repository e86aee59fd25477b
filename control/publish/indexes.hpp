// weft's own numbers for named things: dense, stable while the thing lives, the smallest free one given out
// next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "dataplane/bridge/fdb_word.hpp"
#include "weft/topology.hpp"

namespace weft {

/// Numbers first..limit-1 by key. Control thread only.
template <class Key>
class Numbers {
  public:
    Numbers(std::uint16_t first, std::uint32_t limit) : first_(first), limit_(limit) {}

    /// The key's number, given out if it has none; nullopt if all are in use.
    std::optional<std::uint16_t> take(const Key& key) {
        if (const auto it = by_key_.find(key); it != by_key_.end()) return it->second;
        std::uint32_t next = 0;
        if (!free_.empty()) {
            next = *free_.begin();
            free_.erase(free_.begin());
        } else {
            next = high_water_ == 0 ? first_ : high_water_;
            if (next >= limit_) return std::nullopt;
            high_water_ = next + 1;
        }
        by_key_.emplace(key, static_cast<std::uint16_t>(next));
        return static_cast<std::uint16_t>(next);
    }
    void release(const Key& key) {
        const auto it = by_key_.find(key);
        if (it == by_key_.end()) return;
        free_.insert(it->second);
        by_key_.erase(it);
    }
    [[nodiscard]] std::optional<std::uint16_t> find(const Key& key) const {
        const auto it = by_key_.find(key);
        return it == by_key_.end() ? std::nullopt : std::optional{it->second};
    }
    [[nodiscard]] const std::map<Key, std::uint16_t>& all() const { return by_key_; }
    /// One more than the highest number ever given out: the size of a table indexed by it.
    [[nodiscard]] std::size_t table_size() const { return high_water_ == 0 ? first_ : high_water_; }

  private:
    std::uint32_t first_, limit_, high_water_ = 0;
    std::map<Key, std::uint16_t> by_key_;
    std::set<std::uint16_t> free_;
};

/// Of a bridge and a VLAN; VLAN 0 is the bridge without filtering.
using DomainKey = std::pair<std::string, std::uint16_t>;

struct Indexes {
    Numbers<std::string> interfaces{1, max_interfaces};
    Numbers<std::string> ports{0, 1024};
    Numbers<std::string> bridges{0, no_index};
    Numbers<std::string> bridge_ports{0, FdbWord::max_port + 1};  ///< by the member's name
    Numbers<DomainKey> domains{1, 65536};
};

}  // namespace weft
