// The frames of a generator port.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/port/open.hpp"

namespace weft::ports {

/// The first 64 bytes of a frame (fewer count if it is shorter), copied as one cache line.
struct alignas(64) GenHead {
    std::uint8_t bytes[64];
};

/// Ethernet, perhaps a tag, IPv4, UDP, payload: valid with checksums for every flow. Immutable.
class GenFrame {
  public:
    explicit GenFrame(const GenConfig& config);

    /// Bytes without FCS.
    [[nodiscard]] std::uint16_t length() const noexcept { return length_; }
    /// The head of flow i: flow 0 with both MACs, the IPv4 source and the UDP source port counted up by i.
    void head(std::uint32_t flow, GenHead& out) const noexcept;
    /// The bytes after the head, length() - 64 of them if that is positive.
    [[nodiscard]] const std::uint8_t* tail() const noexcept { return tail_.data(); }

  private:
    std::uint16_t length_;
    std::uint16_t l3_;                    ///< offset of the IPv4 header
    std::uint64_t source_, destination_;  ///< of flow 0, as integers in host order
    GenHead first_{};                     ///< of flow 0
    std::vector<std::uint8_t> tail_;
};

}  // namespace weft::ports
