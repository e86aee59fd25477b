// Which connections a `conntrack` command is about.
#pragma once

#include <cstdint>
#include <optional>

#include "control/flow/entry.hpp"

namespace weft::conntrack {

/// Values of the kernel's IPS_*.
struct Status {
    static constexpr std::uint32_t expected = 1 << 0, seen_reply = 1 << 1, assured = 1 << 2,
                                   fixed_timeout = 1 << 10, offload = 1 << 14, hw_offload = 1 << 15;
};
[[nodiscard]] std::uint32_t status_of(const Entry&) noexcept;

struct MaskedAddress {
    IpAddress address{}, mask{};  ///< host bits of address are 0
    [[nodiscard]] bool matches(const IpAddress&) const noexcept;
};

struct MaskedNumber {
    std::uint32_t value = 0, mask = 0xffffffff;
};

struct TupleFilter {
    std::optional<MaskedAddress> source{}, destination{};
    std::optional<std::uint16_t> source_port{}, destination_port{};
    std::optional<std::uint16_t> zone{};  ///< of this direction alone
    [[nodiscard]] bool matches(const Tuple&) const noexcept;
};

/// Of connections that are translated on one side: to this, if it says so.
struct NatFilter {
    bool v6 = false;
    std::optional<IpAddress> address{};
    std::optional<std::uint16_t> port{};
};

/// What is empty matches all.
struct Filter {
    std::optional<bool> v6{};
    std::optional<std::uint8_t> protocol{};
    TupleFilter original{}, reply{};
    std::optional<std::uint8_t> icmp_type{}, icmp_code{};
    std::optional<std::uint16_t> icmp_id{};
    std::optional<TcpState> tcp_state{};
    std::optional<SctpState> sctp_state{};
    std::optional<MaskedNumber> mark{};
    std::uint32_t status = 0, no_status = 0;  ///< bits that must be there, and that must not
    std::optional<std::uint16_t> zone{};
    std::optional<std::uint32_t> id{};
    std::optional<NatFilter> source_nat{}, destination_nat{};
    bool any_nat = false;  ///< --any-nat: one side is enough

    [[nodiscard]] bool matches(const Entry&) const noexcept;

  private:
    [[nodiscard]] bool matches_nat(const Entry&) const noexcept;
};

}  // namespace weft::conntrack
