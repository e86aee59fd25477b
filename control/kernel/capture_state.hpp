// What is to be undone of captured devices, on disk, so that it outlives a crash.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weft/net/ethernet.hpp"
#include "weft/result.hpp"

namespace weft {

/// How a device was before it was taken.
struct CaptureRecord {
    std::string device;
    int index = 0;
    unsigned long netns = 0;  ///< inode of the namespace, so that another one's device is not taken for it
    bool up = false;
    bool noarp = false;
    std::string disable_ipv6;  ///< "0", "1"; "-" if the device has no IPv6
    std::uint32_t mtu = 0;     ///< 0: weft did not change it
    MacAddress mac{};          ///< zero: weft did not change it
    bool promiscuous = false;  ///< by IFF_PROMISC, which net_af_xdp sets and leaves set
    friend bool operator==(const CaptureRecord&, const CaptureRecord&) = default;
};

/// The records in the file; none if it is missing. Lines that are not records are left out.
Result<std::vector<CaptureRecord>> read_captures(const std::string& path);

/// Replaces the file as a whole (write, then rename); no records: removes it.
Result<> write_captures(const std::string& path, const std::vector<CaptureRecord>& records);

}  // namespace weft
