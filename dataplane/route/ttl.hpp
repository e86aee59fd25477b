// One hop less to live.
#pragma once

#include <cstdint>

#include "weft/net/ip.hpp"

namespace weft {

/// Takes one from a TTL above 0 and mends the header checksum: RFC 1624 equation 3 for this one change, as
/// include/net/ip.h, ip_decrease_ttl. A right checksum stays right; 0xffff never results.
inline void decrease_ttl(Ipv4Header& ip) noexcept {
    std::uint32_t sum = ip.checksum.raw();
    sum += be16{0x0100}.raw();
    ip.checksum = be16::from_raw(static_cast<std::uint16_t>(sum + (sum >= 0xffff)));
    --ip.ttl;
}

}  // namespace weft
