#include <algorithm>

#include "control/address/handlers.hpp"
#include "control/address/words.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

auto find(Model& model, const AddressSpec& address) {
    return std::find_if(model.addresses.begin(), model.addresses.end(),
                        [&](const AddressSpec& other) { return same_address(other, address); });
}

/// net/ipv4/devinet.c: addresses of one network are those of one prefix, which is the peer's if there is one.
bool same_network(const AddressSpec& a, const AddressSpec& b) {
    if (a.device != b.device) return false;
    const auto left = a.peer ? *command::parse_prefix(*a.peer) : parsed(a);
    const auto right = b.peer ? *command::parse_prefix(*b.peer) : parsed(b);
    return !left.v6 && !right.v6 && left.length == right.length && covers(left, right);
}

/// As the kernel: with the primary of an IPv4 network, which is its first address, the others go too, unless
/// one of them is promoted.
void remove(Session& session, std::vector<AddressSpec>::iterator it) {
    auto& all = session.model.addresses;
    const AddressSpec gone = *it;
    const auto alike = [&](const AddressSpec& other) { return same_network(gone, other); };
    const bool primary = std::none_of(all.begin(), it, alike);
    all.erase(it);
    if (primary && !(session.live && session.live->promotes_secondaries(gone.device)))
        std::erase_if(all, alike);
}

/// In the words of the kernel (net/ipv4/devinet.c, net/ipv6/addrconf.c of 6.18).
Error already_assigned(bool v6) {
    return refuse(v6 ? "Error: ipv6: address already assigned." : "Error: ipv4: Address already assigned.");
}
Error not_found(bool v6) {
    return refuse(v6 ? "Error: ipv6: address not found." : "Error: ipv4: Address not found.");
}

}  // namespace

Result<Reply> ip_addr_add(Session& session, const command::Match& match, const std::string&) {
    auto address = read_address(session.model, match);
    if (!address) return address.error();
    const auto known = find(session.model, *address);
    if (known == session.model.addresses.end()) {
        session.model.addresses.push_back(std::move(*address));
        return Reply{};
    }
    if (!session.live || !session.live->is_lost(*known)) return already_assigned(parsed(*known).v6);
    *known = std::move(*address);
    session.afterwards.push_back([lost = *known](Live& live) { return live.put_back(lost); });
    return Reply{};
}

Result<Reply> ip_addr_replace(Session& session, const command::Match& match, const std::string&) {
    auto address = read_address(session.model, match);
    if (!address) return address.error();
    const auto old = find(session.model, *address);
    if (old == session.model.addresses.end())
        session.model.addresses.push_back(std::move(*address));
    else
        *old = std::move(*address);
    return Reply{};
}

Result<Reply> ip_addr_del(Session& session, const command::Match& match, const std::string&) {
    const auto address = read_address(session.model, match);
    if (!address) return address.error();
    const auto wanted = parsed(*address);
    const auto* typed = match.argument("LOCAL");
    // without a length any will do, as iproute2 keeps it for old scripts
    const bool any_length = typed->value.find('/') == std::string::npos && !address->peer;
    const auto it = std::find_if(
        session.model.addresses.begin(), session.model.addresses.end(), [&](const AddressSpec& other) {
            const auto has = parsed(other);
            return other.device == address->device && has.v6 == wanted.v6 && has.bytes == wanted.bytes &&
                   (any_length || has.length == wanted.length) &&
                   (!address->peer || address->peer == other.peer);
        });
    if (it == session.model.addresses.end()) return not_found(wanted.v6);
    remove(session, it);
    return Reply{};
}

Result<Reply> ip_addr_flush(Session& session, const command::Match& match, const std::string&) {
    const auto* device = match.argument("DEVICE");
    const auto *scope = match.argument("SCOPE"), *to = match.argument("TO");
    if (device && !session.model.find(device->value)) return ip::no_device_to_show(*device);
    std::string wanted;
    if (scope && (wanted = canonical_scope(scope->value)).empty())
        return ip::wrong(*scope, "invalid \"scope\"\n");
    if (!device && !scope && !to) return exit_with(1, "Flush requires arguments.");
    if (to)
        if (auto r = ip::check_family(match, *to, command::parse_prefix(to->value)->v6); !r) return r.error();
    const bool only4 = match.option("-4"), only6 = match.option("-6");
    const auto flushed = [&](const AddressSpec& address) {
        const auto has = parsed(address);
        if (device && address.device != device->value) return false;
        if ((only4 && has.v6) || (only6 && !has.v6)) return false;
        if (scope && scope_of(address) != wanted) return false;
        return !to || covers(*command::parse_prefix(to->value), has);
    };
    auto& all = session.model.addresses;
    for (auto it = all.begin(); (it = std::find_if(all.begin(), all.end(), flushed)) != all.end();)
        remove(session, it);
    return Reply{};
}

}  // namespace weft
