// Names and numbers in rules: addresses, ports, protocols, numbers as strtoul reads them, MAC addresses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/hook/types.hpp"

namespace weft::hook {

/// A number in any of C's bases at the start of `text`, at most `max`; `rest` is what follows it. Without
/// `rest` the whole text must be the number. Leading blanks and '+' are taken, '-' is not.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t min,
                                                        std::uint64_t max, std::string_view* rest = nullptr);

/// By /etc/protocols; none is empty or nullopt. `well_known` alone: the names that iptables knows itself.
[[nodiscard]] std::optional<std::uint8_t> protocol_number(std::string_view name);
[[nodiscard]] std::string protocol_name(std::uint8_t protocol, bool well_known_only);

/// By /etc/services.
[[nodiscard]] std::optional<std::uint16_t> service_port(std::string_view name, std::string_view protocol);
[[nodiscard]] std::string service_name(std::uint16_t port, std::string_view protocol);
/// Number or service name. Refuses.
[[nodiscard]] std::uint16_t parse_port(std::string_view text, std::string_view protocol);
/// A port as -L shows it.
[[nodiscard]] std::string show_port(std::uint16_t port, std::string_view protocol, bool numeric);

/// In numbers only: dotted quad as iptables reads it ("10" is 10.0.0.0), or IPv6 text.
[[nodiscard]] std::optional<IpAddress> parse_address(Family, std::string_view text);
/// As the resolver reads a host's: of IPv4 fewer than four parts, of which the last fills the rest ("1.2.3"
/// is 1.2.0.3, inet_aton).
[[nodiscard]] std::optional<IpAddress> parse_host_address(Family, std::string_view text);
/// Strict: what inet_pton takes.
[[nodiscard]] std::optional<IpAddress> parse_strict_address(Family, std::string_view text);
/// A mask by length or as an address. Refuses.
[[nodiscard]] IpAddress parse_mask(Family, std::string_view text);
[[nodiscard]] IpAddress mask_of(Family, unsigned length);
/// nullopt if not contiguous.
[[nodiscard]] std::optional<unsigned> mask_length(Family, const IpAddress& mask);
/// Comma list of address[/mask], as -s and -d take it. Names are those of /etc/hosts. Refuses.
[[nodiscard]] std::vector<Prefix> parse_prefixes(Family, std::string_view text);
[[nodiscard]] std::string show_address(Family, const IpAddress&);
/// "/24", nothing for a full mask, "/255.0.255.0".
[[nodiscard]] std::string show_mask(Family, const IpAddress& mask);
/// Addresses that /etc/hosts gives to a name; DNS is never asked.
[[nodiscard]] std::vector<IpAddress> host_addresses(Family, const std::string& name);

/// Refuses; warns of characters that no interface's name has.
[[nodiscard]] Interface parse_interface(std::string_view name, std::string& warnings);
[[nodiscard]] std::string show_mac(const std::array<std::uint8_t, 6>&);
/// `a,b`: true if `text` is a prefix of `name`, in any case. The empty text is one.
[[nodiscard]] bool begins(std::string_view name, std::string_view text) noexcept;
/// With a blank before it, as xtables_save_string quotes.
void save_string(std::string& out, std::string_view value);
/// A name that iptables prints as it is; quoted where a restore would else read something different.
void save_word(std::string& out, std::string_view word);

}  // namespace weft::hook
