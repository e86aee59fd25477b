// Which interfaces a rule means, as indexes: names are gone when packets are.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "weft/packet.hpp"

namespace weft::hook {

/// Interfaces that a pattern like eth+ stands for. no_interface may be one of them.
class InterfaceSet {
  public:
    void add(IfIndex index) {
        if (bits_.size() <= index / 64u) bits_.resize(index / 64u + 1);
        bits_[index / 64u] |= 1ULL << index % 64;
    }
    [[nodiscard]] bool holds(IfIndex index) const noexcept {
        return index / 64u < bits_.size() && (bits_[index / 64u] >> index % 64 & 1);
    }

    friend bool operator==(const InterfaceSet&, const InterfaceSet&) = default;

  private:
    std::vector<std::uint64_t> bits_;
};

/// All interfaces, one of them, or a set.
struct InterfaceTest {
    static constexpr IfIndex nowhere = 0xffff;  ///< the index of no interface, nor of none

    bool any = true;
    IfIndex one = nowhere;  ///< unless `any` or `set`
    std::shared_ptr<const InterfaceSet> set;

    [[nodiscard]] bool holds(IfIndex index) const noexcept {
        return any || (set ? set->holds(index) : one == index);
    }
    /// Whether both stand for the same.
    friend bool operator==(const InterfaceTest& a, const InterfaceTest& b) {
        return a.any == b.any && a.one == b.one && !a.set == !b.set && (!a.set || *a.set == *b.set);
    }
};

}  // namespace weft::hook
