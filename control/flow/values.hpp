// Values of conntrack's options. Errors: what conntrack 1.4.7 says of a wrong one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/flow/filter.hpp"
#include "weft/result.hpp"

namespace weft::conntrack {

/// A line that the program does not take: its message and where to find help, status 2.
[[nodiscard]] Error misused(const std::string& message);
/// What it refuses otherwise, status 1.
[[nodiscard]] Error failed(const std::string& message);
/// What it has and weft has not, status 1.
[[nodiscard]] Error not_supported(const std::string& what);

struct AddressValue {
    bool v6 = false;
    MaskedAddress address{};
    bool masked = false;  ///< "/LENGTH" was given
};
/// "10.0.0.0/8", "fd00::1"; IPv4 in inet_aton's forms.
[[nodiscard]] Result<AddressValue> read_address(const std::string& text);
/// Of IPPROTO_*: a name that the program knows, one of /etc/protocols, a number.
[[nodiscard]] Result<std::uint8_t> read_protocol(const std::string& text);
[[nodiscard]] Result<std::uint32_t> read_number(const std::string& text, std::uint32_t most);
/// "5", "0x10/0xff".
[[nodiscard]] Result<MaskedNumber> read_mark(const std::string& text);
[[nodiscard]] Result<TcpState> read_tcp_state(const std::string& text);
[[nodiscard]] Result<SctpState> read_sctp_state(const std::string& text);
/// "ASSURED,!EXPECTED,UNREPLIED": into Filter::status and no_status. SRC_NAT and DST_NAT are told in
/// `warnings` and left out.
[[nodiscard]] Result<> read_status(const std::string& text, Filter& filter,
                                   std::vector<std::string>& warnings);

/// "10.0.0.1", "10.0.0.1:80", "[fd00::1]:80".
[[nodiscard]] Result<NatFilter> read_nat(const std::string& text);

struct NamedBits {
    std::string_view name;
    std::uint32_t bits;
};
/// "NEW,DESTROY": beginnings of names in any case, joined by commas.
[[nodiscard]] Result<std::uint32_t> read_list(const std::string& text, std::span<const NamedBits> names);

}  // namespace weft::conntrack
