// Deterministic port blocks: which outside address and ports a subscriber has follows from its inside address
// alone, so nobody has to log who had them (RFC 7422 section 2, sequential assignment; RFC 6888 REQ-14).
//
//     subscriber   n-th address of the rule's source, from 0
//     address      the pool's (n / blocks of an address)-th
//     block        its (n % blocks of an address)-th: that many ports from the range's first one on
#pragma once

#include <cstdint>
#include <optional>

#include "weft/hook/target.hpp"
#include "weft/net/address.hpp"

namespace weft::hook {

/// IPv4, host byte order.
struct PortBlock {
    std::uint32_t address;
    PortRange ports;
    friend bool operator==(const PortBlock&, const PortBlock&) = default;
};

/// Reads a NatTarget with `port_block`, whose addresses are IPv4 and ordered. A view: it outlives nothing.
class PortBlocks {
  public:
    explicit PortBlocks(const NatTarget& nat) noexcept
        : size_(nat.port_block),
          ports_(nat.map_ports ? nat.ports : usual),
          first_subscriber_(to_be32(nat.subscribers.low).host()),
          last_subscriber_(to_be32(nat.subscribers.high).host()),
          first_address_(to_be32(nat.addresses.low).host()),
          last_address_(to_be32(nat.addresses.high).host()) {}

    /// Without a range in the rule: all but the well-known ones.
    static constexpr PortRange usual{1024, 65535};

    [[nodiscard]] PortRange ports() const noexcept { return ports_; }
    [[nodiscard]] std::uint32_t per_address() const noexcept {
        return (ports_.high - ports_.low + 1U) / size_;
    }
    [[nodiscard]] std::uint64_t subscribers() const noexcept {
        return std::uint64_t{last_subscriber_} - first_subscriber_ + 1;
    }
    [[nodiscard]] std::uint64_t addresses() const noexcept {
        return std::uint64_t{last_address_} - first_address_ + 1;
    }
    /// That a block is there for each subscriber.
    [[nodiscard]] bool suffice() const noexcept { return addresses() * per_address() >= subscribers(); }

    /// Nothing if it is none of the subscribers. Of blocks that suffice.
    [[nodiscard]] std::optional<PortBlock> of(std::uint32_t subscriber) const noexcept {
        if (subscriber < first_subscriber_ || subscriber > last_subscriber_) return std::nullopt;
        const std::uint32_t n = subscriber - first_subscriber_, blocks = per_address();
        const auto low = static_cast<std::uint16_t>(ports_.low + n % blocks * size_);
        return PortBlock{first_address_ + n / blocks, {low, static_cast<std::uint16_t>(low + size_ - 1)}};
    }
    /// The other way: nothing if the port of this address is in nobody's block.
    [[nodiscard]] std::optional<std::uint32_t> owner(std::uint32_t address,
                                                     std::uint16_t port) const noexcept {
        const std::uint32_t blocks = per_address();
        if (address < first_address_ || address > last_address_ || port < ports_.low) return std::nullopt;
        const std::uint32_t block = (port - ports_.low) / size_;
        if (block >= blocks) return std::nullopt;
        const std::uint64_t n = std::uint64_t{address - first_address_} * blocks + block;
        if (n >= subscribers()) return std::nullopt;
        return static_cast<std::uint32_t>(first_subscriber_ + n);
    }

  private:
    std::uint32_t size_;
    PortRange ports_;
    std::uint32_t first_subscriber_, last_subscriber_, first_address_, last_address_;
};

}  // namespace weft::hook
