#include "dataplane/route/options.hpp"

#include <algorithm>

#include "weft/net/address.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

constexpr std::uint8_t end_of_options = 0, no_operation = 1, record = 7, timestamp = 68, loose_source = 131,
                       strict_source = 137, router_alert = 148;
constexpr std::uint16_t fixed_header = sizeof(Ipv4Header);

constexpr OptionFault wrong(std::size_t pointer) noexcept {
    return {DropReason::route_bad_option, static_cast<std::uint8_t>(pointer), true};
}

/// Timestamp option: flag 0 times only, 1 with addresses, 3 for the addresses given (RFC 791).
OptionFault check_timestamp(const std::uint8_t* option, std::size_t at, std::size_t length) noexcept {
    if (length < 4) return wrong(at + 1);
    const std::uint8_t pointer = option[2], flag = option[3] & 0x0f;
    if (pointer < 5) return wrong(at + 2);
    if (pointer > length) {
        // full: the overflow counter counts, up to 15
        return flag != 3 && (option[3] >> 4) == 15 ? wrong(at + 3) : OptionFault{};
    }
    if (flag != 0 && flag != 1 && flag != 3) return wrong(at + 3);
    const std::size_t entry = flag == 0 ? 4 : 8;
    return pointer - 1 + entry > length ? wrong(at + 2) : OptionFault{};
}

OptionFault check_record(const std::uint8_t* option, std::size_t at, std::size_t length) noexcept {
    if (length < 3) return wrong(at + 1);
    if (option[2] < 4) return wrong(at + 2);
    return option[2] <= length && option[2] + 3u > length ? wrong(at + 2) : OptionFault{};
}

OptionFault check_one(const std::uint8_t* option, std::size_t at, std::size_t length,
                      bool source_route) noexcept {
    switch (option[0]) {
        case record:
            return check_record(option, at, length);
        case timestamp:
            return check_timestamp(option, at, length);
        case router_alert:
            return length < 4 ? wrong(at + 1) : OptionFault{};
        case loose_source:
        case strict_source:
            if (length < 3) return wrong(at + 1);
            if (option[2] < 4) return wrong(at + 2);
            return source_route ? OptionFault{} : OptionFault{DropReason::route_source_route, 0, false};
        default:
            return {};
    }
}

/// Calls visit(option, offset in the header, length) for each option but the two of one byte; stops at a
/// false.
template <class Visit>
void for_each(Ipv4Header& ip, Visit&& visit) noexcept {
    auto* const header = reinterpret_cast<std::uint8_t*>(&ip);
    const std::size_t end = ip.header_size();
    for (std::size_t at = fixed_header; at < end;) {
        if (header[at] == end_of_options) return;
        if (header[at] == no_operation) {
            ++at;
            continue;
        }
        const std::size_t length = at + 1 < end ? header[at + 1] : 0;
        if (!visit(header + at, at, length)) return;
        at += length;
    }
}

void put(std::uint8_t* to, be32 value) noexcept {
    const std::uint32_t raw = value.raw();
    std::memcpy(to, &raw, 4);
}

/// Whether there was room, or the overflow was counted: something changed.
bool stamp(std::uint8_t* option, std::size_t length, be32 own, std::uint32_t milliseconds) noexcept {
    const std::uint8_t flag = option[3] & 0x0f;
    if (option[2] > length) {
        if (flag != 3) option[3] = static_cast<std::uint8_t>(option[3] + 0x10);
        return flag != 3;
    }
    std::uint8_t* const entry = option + option[2] - 1;
    if (flag == 0) {
        put(entry, be32{milliseconds});
        option[2] = static_cast<std::uint8_t>(option[2] + 4);
        return true;
    }
    const std::uint32_t wanted = own.raw();
    if (flag == 3 && std::memcmp(entry, &wanted, 4) != 0) return false;  // another's turn
    put(entry, own);
    put(entry + 4, be32{milliseconds});
    option[2] = static_cast<std::uint8_t>(option[2] + 8);
    return true;
}

constexpr std::uint8_t pad1 = 0, padn = 1, alert6 = 5;
/// What it takes to align a header (RFC 4942 2.1.9.5), and net.ipv6.max_hbh_opts_number.
constexpr std::size_t most_padding = 7, most_options6 = 8;

constexpr bool is_padding(std::uint8_t type) noexcept {
    return type == pad1 || type == padn;
}
/// 0 if it is longer than what is there.
std::size_t option6_length(const std::uint8_t* option, std::size_t there) noexcept {
    if (option[0] == pad1) return 1;
    return there < 2 || there < option[1] + std::size_t{2} ? 0 : option[1] + std::size_t{2};
}
bool is_zero(const std::uint8_t* padding, std::size_t length) noexcept {
    return std::all_of(padding + std::min<std::size_t>(length, 2), padding + length,
                       [](std::uint8_t byte) { return byte == 0; });
}
/// `at`: where it stands in its header.
OptionFault check_option6(const Ipv6Header& ip, const std::uint8_t* option, std::size_t at) noexcept {
    if (option[0] == alert6)
        return option[1] == 2 ? OptionFault{} : OptionFault{DropReason::route_bad_option, 0, false};
    const unsigned action = option[0] >> 6;  // RFC 8200 4.2
    if (action == 0) return {};
    const bool answered = action == 2 || (action == 3 && !address6::multicast(ip.destination));
    return {DropReason::route_unknown_option, static_cast<std::uint8_t>(sizeof(Ipv6Header) + at), answered};
}

}  // namespace

OptionFault check_options4(Packet& packet, bool source_route) noexcept {
    Ipv4Header& ip = ipv4(packet);
    const std::size_t end = ip.header_size();
    OptionFault fault;
    for_each(ip, [&](const std::uint8_t* option, std::size_t at, std::size_t length) {
        // RFC 1812 4.3.3.5; Linux points at the option, not at its length
        fault = length < 2 || at + length > end ? wrong(at) : check_one(option, at, length, source_route);
        return fault.none();
    });
    return fault;
}

void record_route(Packet& packet, be32 own, std::uint32_t milliseconds) noexcept {
    Ipv4Header& ip = ipv4(packet);
    bool changed = false;
    for_each(ip, [&](std::uint8_t* option, std::size_t, std::size_t length) {
        if (option[0] == record && option[2] <= length) {
            put(option + option[2] - 1, own);
            option[2] = static_cast<std::uint8_t>(option[2] + 4);
            changed = true;
        } else if (option[0] == timestamp) {
            changed |= stamp(option, length, own, milliseconds);
        }
        return true;
    });
    if (changed) ip.checksum = ipv4_checksum(ip);
}

OptionFault check_hop_by_hop(Packet& packet) noexcept {
    const Ipv6Header& ip = ipv6(packet);
    if (ip.next_header != ip_protocol::hop_by_hop) return {};
    const std::size_t start = packet.meta.l3_offset + sizeof(Ipv6Header);
    if (packet.head_length() < start + 8) return {DropReason::route_truncated, 0, false};
    const auto* header = packet.header<std::uint8_t>(static_cast<std::uint16_t>(start));
    const std::size_t end = (header[1] + std::size_t{1}) * 8;
    if (packet.head_length() < start + end) return {DropReason::route_truncated, 0, false};
    constexpr OptionFault bad{DropReason::route_bad_option, 0, false};
    std::size_t padded = 0, options = 0;
    for (std::size_t at = 2; at < end;) {
        const std::size_t length = option6_length(header + at, end - at);
        if (length == 0) return bad;
        if (is_padding(header[at])) {
            padded += length;
            if (padded > most_padding || !is_zero(header + at, length)) return bad;
        } else {
            padded = 0;
            if (++options > most_options6) return bad;
            if (const auto fault = check_option6(ip, header + at, at); !fault.none()) return fault;
        }
        at += length;
    }
    return {};
}

}  // namespace weft
