// The frames that weft-bench sends: flow i is a function of i, so that ten million flows need no memory.
//
// Locally administered stations 02:be:… send to 02:bf:…; the lower four bytes are the flow's number where
// MACs vary. The last eight bytes hold the time of sending (TSC) of one frame in many, else zero; transport
// checksums are right either way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "weft/net/checksum.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"

namespace weft::bench {

struct FlowConfig {
    std::uint16_t size = 64;  ///< with FCS
    std::uint32_t flows = 1;
    bool ipv6 = false, tcp = false;
    bool vary_mac = true, vary_ip = true, vary_port = true;
    std::uint16_t vid = 0;  ///< of the first flow; 0: untagged
    std::uint16_t vlans = 1;
    bool shuffled = false;
};

inline constexpr std::size_t stamp_bytes = 8, fcs_bytes = 4, longest_head = 14 + 4 + 40 + 20;

class Flows {
  public:
    explicit Flows(const FlowConfig& config);
    /// Frame bytes without FCS.
    [[nodiscard]] std::uint16_t length() const {
        return static_cast<std::uint16_t>(config_.size - fcs_bytes);
    }
    /// The least size with FCS that head and stamp allow.
    static std::uint16_t least_size(const FlowConfig& config);
    /// The flow that is sent i-th: each once in `flows`.
    [[nodiscard]] std::uint32_t at(std::uint64_t i) const {
        const auto turn = static_cast<std::uint32_t>(i % config_.flows);
        return config_.shuffled ? static_cast<std::uint32_t>(std::uint64_t{turn} * step_ % config_.flows)
                                : turn;
    }
    /// Writes length() bytes, all of them.
    void write(std::byte* frame, std::uint32_t flow, std::uint64_t stamp) const;
    /// A frame that says where flow's destination is: from there to broadcast.
    void announce(std::byte* frame, std::uint32_t flow) const;
    /// Makes a received frame of ours its answer: all addresses and ports change sides, so sums stay right.
    void answer(std::byte* frame) const;
    /// Whether a received frame is one of ours.
    [[nodiscard]] bool ours(const std::byte* frame, std::uint32_t length) const;
    [[nodiscard]] static std::uint64_t stamp(const std::byte* frame, std::uint32_t length);

  private:
    FlowConfig config_;
    std::uint32_t step_ = 1;  ///< coprime to flows
    std::uint16_t l3_, l4_, head_;
};

}  // namespace weft::bench
