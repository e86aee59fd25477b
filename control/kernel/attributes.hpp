// Reading the attributes of a netlink message (netlink(7), struct nlattr) from bytes that nobody has checked.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace weft {

using Bytes = std::span<const std::byte>;

/// The first sizeof(T) bytes as a T; nothing if there are fewer. T is a plain struct or integer of the
/// kernel's.
template <class T>
[[nodiscard]] std::optional<T> read_plain(Bytes bytes) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

/// Calls on_attribute(type, payload) for each; false as soon as a length does not fit or it returns false.
template <class F>
[[nodiscard]] bool for_each_attribute(Bytes bytes, F&& on_attribute) {
    while (bytes.size() >= sizeof(nlattr)) {
        const auto header = *read_plain<nlattr>(bytes);
        if (header.nla_len < sizeof(nlattr) || header.nla_len > bytes.size()) return false;
        const auto type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK);
        if (!on_attribute(type, bytes.subspan(sizeof(nlattr), header.nla_len - sizeof(nlattr)))) return false;
        const std::size_t whole = NLA_ALIGN(header.nla_len);
        bytes = bytes.subspan(whole < bytes.size() ? whole : bytes.size());
    }
    return true;
}

/// A message taken apart: its type, flags and what follows the header. `rest` begins at the next message.
struct NetlinkMessage {
    nlmsghdr header;
    Bytes body;
};
/// The first message of a datagram, which is then shortened by it; nothing at its end or if a length does not
/// fit.
[[nodiscard]] inline std::optional<NetlinkMessage> next_message(Bytes& datagram) noexcept {
    const auto header = read_plain<nlmsghdr>(datagram);
    if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size())
        return std::nullopt;
    const NetlinkMessage message{*header, datagram.subspan(NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN)};
    const std::size_t whole = NLMSG_ALIGN(header->nlmsg_len);
    datagram = datagram.subspan(whole < datagram.size() ? whole : datagram.size());
    return message;
}

}  // namespace weft
