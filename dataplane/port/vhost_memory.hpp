// A guest's memory as its vhost-user front end shares it: what an address in a descriptor stands for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weft::ports {

/// Regions of guest-physical addresses. Changed only while no worker uses the rings that refer to it.
struct GuestMemory {
    static constexpr unsigned max_regions = 8;  ///< of a SET_MEM_TABLE message
    struct Region {
        std::uint64_t guest, size;
        std::byte* host;
    };
    Region regions[max_regions];
    unsigned count = 0;

    /// Where `length` bytes at a guest's address lie; `length` becomes what of them lies there in one piece.
    /// Null if the first byte is outside of what the guest shares.
    [[nodiscard]] std::byte* at(std::uint64_t guest, std::uint64_t& length) const noexcept {
        for (unsigned i = 0; i < count; ++i) {
            const Region& region = regions[i];
            const std::uint64_t offset = guest - region.guest;
            if (offset >= region.size) continue;
            length = std::min(length, region.size - offset);
            return region.host + offset;
        }
        return nullptr;
    }

    /// Whether `length` bytes from an address of ours lie within one region.
    [[nodiscard]] bool holds(const void* host, std::uint64_t length) const noexcept {
        for (unsigned i = 0; i < count; ++i) {
            const auto offset =
                static_cast<std::uint64_t>(static_cast<const std::byte*>(host) - regions[i].host);
            if (offset < regions[i].size && length <= regions[i].size - offset) return true;
        }
        return false;
    }
};

}  // namespace weft::ports
