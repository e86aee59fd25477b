// A frame in one line, in tcpdump's words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weft {

/// "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, vlan 10, ARP, who-has 10.0.0.2 tell 10.0.0.1, length 46". `bytes`
/// may be the beginning of a frame of `length` bytes; a header that is cut ends the line by "[|name]", as
/// tcpdump does. Takes any bytes.
[[nodiscard]] std::string describe_frame(std::span<const std::byte> bytes, std::uint32_t length);

}  // namespace weft
