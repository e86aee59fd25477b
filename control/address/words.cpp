#include "control/address/words.hpp"

#include <algorithm>
#include <array>

#include "control/model/refusal.hpp"

namespace weft {

namespace {

using command::IpPrefix;

Result<> read_broadcast(const command::Item& item, const IpPrefix& network, AddressSpec& address) {
    if (network.v6) return exit_with(1, "Broadcast can be set only for IPv4 addresses", item.column);
    if (item.value == "+" || item.value == "-") {
        // a net of two or one has no broadcast address (RFC 3021)
        if (network.length <= 30)
            address.broadcast = to_string(item.value == "+" ? last_of(network) : first_of(network), true);
        return {};
    }
    const auto broadcast = command::parse_address(item.value);
    if (!broadcast || broadcast->v6)
        return exit_with(1, fmt::format("Error: inet address is expected rather than \"{}\".", item.value),
                         item.column);
    address.broadcast = to_string(*broadcast, true);
    return {};
}

Result<> read_scope(const command::Item& item, const IpPrefix& local, AddressSpec& address) {
    const auto scope = canonical_scope(item.value);
    if (scope.empty()) return ip::wrong(item, "invalid scope value.");
    // an IPv6 address has the scope that it has
    if (!local.v6 && scope != (local.bytes[0] == 127 ? "host" : "global")) address.scope = scope;
    return {};
}

}  // namespace

std::string canonical_scope(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, unsigned>, 5> scopes{
        {{"global", 0}, {"site", 200}, {"link", 253}, {"host", 254}, {"nowhere", 255}}};
    const auto number = command::parse_unsigned(text);
    for (const auto& [name, value] : scopes)
        if (name == text || (number && *number == value)) return std::string{name};
    if (number && *number < 255) return std::to_string(*number);
    return {};
}

IpPrefix parsed(const AddressSpec& address) {
    return *command::parse_prefix(address.address);
}

std::string scope_of(const AddressSpec& address) {
    if (address.scope) return *address.scope;
    const auto has = parsed(address);
    if (!has.v6) return has.bytes[0] == 127 ? "host" : "global";
    // net/ipv6/addrconf_core.c: loopback is the host's, fe80::/10 the link's, fec0::/10 the site's
    command::IpPrefix loopback{.v6 = true};
    loopback.bytes[15] = 1;
    if (has.bytes == loopback.bytes) return "host";
    if (has.bytes[0] == 0xfe && (has.bytes[1] & 0xc0) == 0x80) return "link";
    if (has.bytes[0] == 0xfe && (has.bytes[1] & 0xc0) == 0xc0) return "site";
    return "global";
}

bool covers(const IpPrefix& network, const IpPrefix& address) {
    if (network.v6 != address.v6) return false;
    for (unsigned bit = 0; bit < network.length; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80 >> bit % 8);
        if ((network.bytes[bit / 8] ^ address.bytes[bit / 8]) & mask) return false;
    }
    return true;
}

bool same_address(const AddressSpec& a, const AddressSpec& b) {
    if (a.device != b.device) return false;
    const auto left = parsed(a), right = parsed(b);
    if (left.v6 != right.v6 || left.bytes != right.bytes) return false;
    if (left.v6) return true;
    return left.length == right.length && a.peer == b.peer;
}

Result<AddressSpec> read_address(const Model& model, const command::Match& match) {
    AddressSpec address;
    const command::Item* local_item = nullptr;
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "LOCAL") continue;
        if (local_item)
            return exit_with(
                255, fmt::format("Error: either \"local\" is duplicate, or \"{}\" is a garbage.", item.value),
                item.column);
        local_item = &item;
    }
    const auto* device = match.argument("DEVICE");
    if (!device) return exit_with(1, "Not enough information: \"dev\" argument is required.");
    if (!local_item) return exit_with(1, "Not enough information: an address is required.");
    if (!model.find(device->value)) return ip::no_device(*device);
    address.device = device->value;

    auto local = *command::parse_prefix(local_item->value);
    if (auto r = ip::check_family(match, *local_item, local.v6); !r) return r.error();
    auto network = local;
    if (const auto* item = match.argument("PEER")) {
        network = *command::parse_prefix(item->value);
        if (network.v6 != local.v6)
            return exit_with(1, "Error: the peer's address is of another family.", item->column);
        local.length = network.length;  // the prefix is the peer's
        if (network.bytes != local.bytes) address.peer = to_string(network);
    }
    address.address = to_string(local);
    if (const auto* item = match.argument("BROADCAST"))
        if (auto read = read_broadcast(*item, network, address); !read) return read.error();
    if (const auto* item = match.argument("SCOPE"))
        if (auto read = read_scope(*item, local, address); !read) return read.error();
    if (const auto* item = match.argument("LABEL"); item && item->value != address.device) {
        if (local.v6) return exit_with(1, "A label can be set only for IPv4 addresses", item->column);
        if (item->value.empty() || item->value.size() > 15)
            return exit_with(1, "A label has 1 to 15 characters", item->column);
        address.label = item->value;
    }
    address.nodad = match.has("nodad");
    if (address.nodad && !local.v6)
        return exit_with(1, "nodad can be set only for IPv6 addresses", match.items.front().column);
    return address;
}

}  // namespace weft
