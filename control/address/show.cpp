#include <fmt/format.h>
#include <linux/if_addr.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "control/address/handlers.hpp"
#include "control/address/words.hpp"
#include "control/link/text.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// What `ip address` was asked for beside the interface.
struct Filter {
    bool only4 = false, only6 = false;
    std::string scope;
    std::optional<command::IpPrefix> to;
    /// With any of these, interfaces without an address that fits are left out.
    [[nodiscard]] bool chooses() const { return only4 || only6 || !scope.empty() || to; }
};

struct Shown {
    AddressState state;
    command::IpPrefix prefix;
    bool secondary = false;
};

/// The addresses of an interface that fit: IPv4 before IPv6, each in the kernel's order.
std::vector<Shown> addresses_of(const std::vector<AddressState>& all, const std::string& device,
                                const Filter& filter) {
    std::vector<Shown> shown;
    for (const bool v6 : {false, true})
        for (const auto& state : all) {
            const auto prefix = command::parse_prefix(state.address);
            if (state.device != device || !prefix || prefix->v6 != v6) continue;
            if ((filter.only4 && v6) || (filter.only6 && !v6)) continue;
            const bool secondary = !v6 && std::any_of(shown.begin(), shown.end(), [&](const Shown& other) {
                return other.prefix.length == prefix->length && covers(other.prefix, *prefix);
            });
            if (!filter.scope.empty() && state.scope != filter.scope) continue;
            if (filter.to && !covers(*filter.to, *prefix)) continue;
            shown.push_back({state, *prefix, secondary});
        }
    return shown;
}

/// In the order of ip's own table (ifa_flag_data); what is not permanent is "dynamic".
std::vector<std::string_view> flag_words(const Shown& shown) {
    constexpr std::pair<std::uint32_t, std::string_view> all[] = {
        {IFA_F_SECONDARY, "temporary"},       {IFA_F_NODAD, "nodad"},
        {IFA_F_OPTIMISTIC, "optimistic"},     {IFA_F_DADFAILED, "dadfailed"},
        {IFA_F_HOMEADDRESS, "home"},          {IFA_F_DEPRECATED, "deprecated"},
        {IFA_F_TENTATIVE, "tentative"},       {IFA_F_PERMANENT, "dynamic"},
        {IFA_F_MANAGETEMPADDR, "mngtmpaddr"}, {IFA_F_NOPREFIXROUTE, "noprefixroute"},
        {IFA_F_MCAUTOJOIN, "autojoin"},       {IFA_F_STABLE_PRIVACY, "stable-privacy"}};
    std::vector<std::string_view> words;
    if (shown.secondary) words.emplace_back("secondary");
    const auto flags = shown.state.flags ^ IFA_F_PERMANENT;
    for (const auto& [flag, word] : all)
        if ((flags & flag) && (shown.prefix.v6 || flag != IFA_F_SECONDARY)) words.push_back(word);
    return words;
}

std::string time_left(std::uint32_t seconds) {
    return seconds == AddressState::forever ? "forever" : fmt::format("{}sec", seconds);
}

std::string with_peer(const Shown& shown) {
    if (shown.state.peer.empty()) return to_string(shown.prefix);
    return fmt::format("{} peer {}", to_string(shown.prefix, true), shown.state.peer);
}

std::string address_text(const Shown& shown, std::string_view line_end) {
    const auto& state = shown.state;
    std::string text = fmt::format("    {} {} ", shown.prefix.v6 ? "inet6" : "inet", with_peer(shown));
    if (!state.broadcast.empty()) text += fmt::format("brd {} ", state.broadcast);
    text += fmt::format("scope {} ", state.scope);
    for (const auto word : flag_words(shown))
        text += fmt::format("{} ", word);
    if (!shown.prefix.v6) text += state.label.empty() ? state.device : state.label;
    return text + fmt::format("{}       valid_lft {} preferred_lft {}", line_end, time_left(state.valid),
                              time_left(state.preferred));
}

Json address_json(const Shown& shown, bool brief) {
    Json json;
    if (!brief) json["family"] = shown.prefix.v6 ? "inet6" : "inet";
    json["local"] = to_string(shown.prefix, true);
    const auto& state = shown.state;
    const auto peer = command::parse_prefix(state.peer);
    if (peer) json["address"] = to_string(*peer, true);
    json["prefixlen"] = peer ? peer->length : shown.prefix.length;
    if (brief) return json;
    if (!state.broadcast.empty()) json["broadcast"] = state.broadcast;
    json["scope"] = state.scope;
    for (const auto word : flag_words(shown))
        json[std::string{word}] = true;
    if (!shown.prefix.v6) json["label"] = state.label.empty() ? state.device : state.label;
    json["valid_life_time"] = state.valid;
    json["preferred_life_time"] = state.preferred;
    return json;
}

std::string text_of(Session& session, const LinkView& view, const std::vector<Shown>& addresses,
                    const LinkForm& form) {
    std::string text;
    if (form.brief) {
        text = link_brief(view);
        for (const auto& shown : addresses)
            text += with_peer(shown) + " ";
        return text + "\n";
    }
    if (form.oneline) {
        for (const auto& shown : addresses)
            text += fmt::format("{}: {}{}\n", view.index, view.name, address_text(shown, "\\"));
        return text;
    }
    text = link_head(view, form) + "\n";
    if (form.hardware) text += link_address(session, view, form) + "\n";
    for (const auto& shown : addresses)
        text += address_text(shown, "\n") + "\n";
    if (form.statistics) text += link_statistics(view.state, form) + "\n";
    return text;
}

Result<Filter> filter_of(const command::Match& match) {
    Filter filter{.only4 = match.option("-4"), .only6 = match.option("-6"), .scope = {}, .to = {}};
    if (const auto* item = match.argument("SCOPE"))
        if ((filter.scope = canonical_scope(item->value)).empty())
            return ip::wrong(*item, "invalid \"scope\"\n");
    if (const auto* item = match.argument("TO")) {
        filter.to = command::parse_prefix(item->value);
        if (auto r = ip::check_family(match, *item, filter.to->v6); !r) return r.error();
    }
    return filter;
}

}  // namespace

Result<Reply> ip_addr_show(Session& session, const command::Match& match, const std::string&) {
    const auto *device = match.argument("DEVICE"), *master = match.argument("MASTER");
    if (device && !session.model.find(device->value)) return ip::no_device_to_show(*device);
    if (master && !session.model.find(master->value)) return ip::wrong(*master, "Device does not exist");
    const auto filter = filter_of(match);
    if (!filter) return filter.error();
    auto form = form_of(match, false);
    form.hardware = !filter->only4 && !filter->only6 && !filter->to;
    // of one interface ip asks the kernel for all that it knows
    form.ipv6_only = !device && (filter->only6 || (filter->to && filter->to->v6));
    const auto all = session.live->addresses();
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& view : view_links(session)) {
        if ((device && device->value != view.name) || (master && master->value != view.master())) continue;
        if ((match.has("up") && !view.link->up) || !of_type(*view.link, match)) continue;
        const auto addresses = addresses_of(all, view.name, *filter);
        if (addresses.empty() && filter->chooses()) continue;
        if (!session.json) {
            reply.text += text_of(session, view, addresses, form);
            continue;
        }
        auto json = link_json(session, view, form);
        json["addr_info"] = Json::array();
        for (const auto& shown : addresses)
            json["addr_info"].push_back(address_json(shown, form.brief));
        if (form.statistics && !form.brief) json["stats64"] = statistics_json(view.state);
        reply.data->push_back(std::move(json));
    }
    return reply;
}

}  // namespace weft
