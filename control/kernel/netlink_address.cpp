#include <arpa/inet.h>
#include <fmt/core.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "control/kernel/netlink.hpp"
#include "control/kernel/netlink_message.hpp"

namespace weft {
namespace {

std::optional<std::uint8_t> number(std::string_view text, unsigned limit) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > limit) return {};
    return static_cast<std::uint8_t>(value);
}

std::optional<std::uint8_t> parse_scope(std::string_view text) {
    if (text == "global" || text == "universe") return RT_SCOPE_UNIVERSE;
    if (text == "site") return RT_SCOPE_SITE;
    if (text == "link") return RT_SCOPE_LINK;
    if (text == "host") return RT_SCOPE_HOST;
    return number(text, 255);
}

struct Prefix {
    std::uint8_t family = 0, length = 0;
    std::array<std::uint8_t, 16> bytes{};
    [[nodiscard]] int size() const { return family == AF_INET ? 4 : 16; }
};

Result<Prefix> parse_prefix(const std::string& text) {
    const auto slash = text.find('/');
    const auto ip = text.substr(0, slash);
    Prefix prefix;
    if (inet_pton(AF_INET, ip.c_str(), prefix.bytes.data()) == 1)
        prefix.family = AF_INET;
    else if (inet_pton(AF_INET6, ip.c_str(), prefix.bytes.data()) == 1)
        prefix.family = AF_INET6;
    else
        return refuse(fmt::format("\"{}\" is not an IP address", text));
    const unsigned bits = static_cast<unsigned>(prefix.size()) * 8;
    const auto length = slash == std::string::npos
                            ? std::optional<std::uint8_t>(static_cast<std::uint8_t>(bits))
                            : number(std::string_view(text).substr(slash + 1), bits);
    if (!length) return refuse(fmt::format("\"{}\": the prefix length is 0 to {}", text, bits));
    prefix.length = *length;
    return prefix;
}

}  // namespace

Result<std::vector<KernelAddress>> Netlink::addresses(int index) {
    ifaddrmsg body{};
    body.ifa_index = static_cast<unsigned>(index);
    std::vector<KernelAddress> all;
    auto done = dump(
        make_message(RTM_GETADDR, NLM_F_DUMP, body).get(), "addresses", [&] { all.clear(); },
        [&](const nlmsghdr* header) {
            auto address = parse_address(header);
            if (address && (index == 0 || address->index == index)) all.push_back(std::move(*address));
        });
    if (!done) return std::move(done).error();
    return all;
}

Result<> Netlink::change_address(const AddressRequest& request, bool add) {
    const auto local = parse_prefix(request.address);
    if (!local) return local.error();
    auto remote = local;
    if (request.peer) {
        remote = parse_prefix(*request.peer);
        if (!remote) return remote.error();
        if (remote->family != local->family)
            return refuse(fmt::format("{} and {}: not of one family", request.address, *request.peer));
    }
    ifaddrmsg body{};
    body.ifa_family = local->family;
    body.ifa_prefixlen = request.peer ? remote->length : local->length;
    body.ifa_index = static_cast<unsigned>(request.index);
    if (request.scope) {
        const auto scope = parse_scope(*request.scope);
        if (!scope) return refuse(fmt::format("\"{}\" is not an address scope", *request.scope));
        body.ifa_scope = *scope;
    } else if (local->family == AF_INET && local->bytes[0] == 127) {
        body.ifa_scope = RT_SCOPE_HOST;
    }
    const auto message =
        make_message(add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0, body);
    nla_put(message.get(), IFA_LOCAL, local->size(), local->bytes.data());
    nla_put(message.get(), IFA_ADDRESS, remote->size(), remote->bytes.data());
    if (request.label) nla_put_string(message.get(), IFA_LABEL, request.label->c_str());
    if (add) {
        if (request.broadcast) {
            const auto broadcast = parse_prefix(*request.broadcast);
            if (!broadcast || broadcast->family != AF_INET || local->family != AF_INET)
                return refuse(fmt::format("\"{}\" is not a broadcast address", *request.broadcast));
            nla_put(message.get(), IFA_BROADCAST, 4, broadcast->bytes.data());
        }
        if (request.nodad) nla_put_u32(message.get(), IFA_FLAGS, IFA_F_NODAD);
        nla_put_u8(message.get(), IFA_PROTO, weft_protocol);
    }
    // EADDRNOTAVAIL: net/ipv4/devinet.c removes the other addresses of a network with its primary.
    return exchange(message.get(), fmt::format("address {}", request.address), {}, add ? 0 : EADDRNOTAVAIL);
}

Result<> Netlink::add_address(const AddressRequest& request) {
    return change_address(request, true);
}
Result<> Netlink::delete_address(const AddressRequest& request) {
    return change_address(request, false);
}

}  // namespace weft
