// The entries of a set as a value: it costs little to copy, and to change a copy costs one shard, however
// many there are. Not thread safe; a copy may be read by another thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/hook/types.hpp"

namespace weft::ipset {

/// An address, or a network: bits outside the prefix are 0.
struct Key {
    IpAddress address;
    std::uint8_t length = 32;
    friend bool operator==(const Key&, const Key&) = default;
    friend auto operator<=>(const Key& a, const Key& b) noexcept {
        const auto order = a.address.bytes <=> b.address.bytes;
        return order != 0 ? order : a.length <=> b.length;
    }
};

struct Entry {
    Key key;
    bool nomatch = false;
    std::uint64_t deadline_us = 0;  ///< coarse_microseconds() when its time is over; 0: never
    hook::Counters counters{};      ///< what it began with; the workers' table counts on
    std::string comment{};
    std::uint64_t stamp = 0;  ///< another one whenever an add wrote it: its time and counters began anew

    [[nodiscard]] bool over(std::uint64_t now_us) const noexcept {
        return deadline_us != 0 && now_us >= deadline_us;
    }
};

class Entries {
  public:
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const Entry* find(const Key&) const noexcept;
    /// Adds it, or puts it in the place of the one that is there.
    void put(Entry);
    bool erase(const Key&);
    void clear();
    /// In no order.
    void visit(const std::function<void(const Entry&)>&) const;
    /// By address, the longer prefix first, as `ipset -sorted` has it.
    [[nodiscard]] std::vector<const Entry*> sorted() const;
    /// Those of `from` and `to` that are not known to be the same ones; null where there is none.
    static void compare(const Entries& from, const Entries& to,
                        const std::function<void(const Entry* was, const Entry* is)>&);
    /// Whether nobody has changed it since one was copied from the other: a quick answer, which may be no.
    [[nodiscard]] bool shares(const Entries& other) const noexcept { return shards_ == other.shards_; }

  private:
    using Shard = std::vector<Entry>;  // in order
    [[nodiscard]] std::size_t place(const Key&) const noexcept;
    Shard& edit(std::size_t shard);
    void grow();

    std::vector<std::shared_ptr<Shard>> shards_;  ///< a power of two, or none; null: empty
    std::size_t size_ = 0;
};

}  // namespace weft::ipset
