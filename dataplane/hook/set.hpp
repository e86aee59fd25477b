// A set of addresses, as rules ask it.
#pragma once

#include <cstdint>

#include "weft/hook/match.hpp"
#include "weft/net/address.hpp"

namespace weft::hook {

/// What a rule asks (struct ip_set_adt_opt).
struct SetQuery {
    IpAddress address;
    std::uint32_t bytes = 0;      ///< of the packet
    bool count = true;            ///< the member counts the packet, if the set counts
    bool return_nomatch = false;  ///< members that are exceptions match, all others do not
    SetMatch::Count packet_count{}, byte_count{};
    std::uint64_t now_us = 0;
};

/// Asked by workers without a lock while control writes.
class AddressSet {
  public:
    virtual ~AddressSet() = default;
    [[nodiscard]] virtual bool holds(const SetQuery&) const noexcept = 0;
    [[nodiscard]] virtual bool of_family(Family) const noexcept = 0;
    [[nodiscard]] virtual bool counts() const noexcept = 0;
};

}  // namespace weft::hook
