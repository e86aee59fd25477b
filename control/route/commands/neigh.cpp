// `ip neigh`.
#include <linux/neighbour.h>

#include "control/address/words.hpp"
#include "control/model/refusal.hpp"
#include "control/route/commands/handlers.hpp"
#include "control/route/commands/text.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

/// NUD_* by iproute2's words; "all" has bit 0x100, which means those in no state, too.
std::optional<unsigned> read_state(std::string_view text) {
    for (const auto& [word, bits] : {std::pair{"permanent", unsigned{NUD_PERMANENT}},
                                     {"reachable", unsigned{NUD_REACHABLE}},
                                     {"noarp", unsigned{NUD_NOARP}},
                                     {"none", 0x100u},
                                     {"stale", unsigned{NUD_STALE}},
                                     {"incomplete", unsigned{NUD_INCOMPLETE}},
                                     {"delay", unsigned{NUD_DELAY}},
                                     {"probe", unsigned{NUD_PROBE}},
                                     {"failed", unsigned{NUD_FAILED}},
                                     {"all", 0x1ffu}})
        if (text == word) return bits;
    const auto number = command::parse_unsigned(text);
    if (!number || *number > 0xff) return std::nullopt;
    return static_cast<unsigned>(*number);
}

struct NeighbourWords {
    NeighbourKeySpec key;
    NeighbourSpec spec;
};

/// `nud`, of what is to be entered. As in iproute2 the last of it and `managed` counts.
Result<> read_new_state(const command::Match& match, const command::Item& item, NeighbourSpec& spec) {
    const auto state = read_state(item.value);
    if (!state) return ip::wrong(item, "nud state is bad");
    const auto managed = std::find_if(match.items.begin(), match.items.end(), [](const auto& word) {
        return !word.argument && word.name == "managed";
    });
    if (managed != match.items.end() && &item < &*managed) return {};
    if (managed != match.items.end() && *state == NUD_PERMANENT)
        return refuse("Error: Invalid NTF_* flag for permanent entry.");
    if (managed != match.items.end() || (*state != NUD_NOARP && *state != NUD_PERMANENT))
        return exit_with(2,
                         fmt::format("nud {} is not supported{}: neighbours that age are the kernel's; take "
                                     "permanent or noarp",
                                     item.value, managed != match.items.end() ? " with managed" : ""),
                         item.column);
    spec.noarp = *state == NUD_NOARP;
    return {};
}

Result<NeighbourWords> read_neighbour(Session& session, const command::Match& match, bool to_forget) {
    if (auto r = check_protocol(match, names_of(session)); !r) return r.error();
    const auto *to = match.argument("TO"), *device = match.argument("DEVICE");
    if (!to || !device) return exit_with(255, "Device and destination are required arguments.");
    if (!session.model.find(device->value)) return ip::no_device(*device);
    const auto address = *command::parse_address(to->value);
    if (match.option(address.v6 ? "-4" : "-6"))
        return exit_with(1, fmt::format("Error: {} address is expected rather than \"{}\".",
                                        address.v6 ? "inet" : "inet6", to->value));
    NeighbourWords words{.key = {device->value, address.v6, bytes_of(address)}, .spec = {}};
    words.spec.managed = match.has("managed");
    words.spec.external = match.has("extern_learn");
    if (const auto* item = match.argument("NUD"); item && !to_forget)
        if (auto r = read_new_state(match, *item, words.spec); !r) return r.error();
    words.spec.router = match.has("router");
    const auto* item = match.argument("LLADDR");
    words.spec.has_mac = item;
    if (!item && !words.spec.managed && !to_forget) return refuse("Error: No link layer address given.");
    if (item) {
        const auto mac = parse_mac(item->value);
        if (!mac) return exit_with(1, fmt::format("\"{}\" is invalid lladdr.", item->value), item->column);
        words.spec.mac = *mac;
    }
    return words;
}

/// The kernel's entry of that address, if there is one.
Result<std::optional<KernelNeighbour>> entry_of(Session& session, const NeighbourKeySpec& key) {
    if (!session.live) return std::optional<KernelNeighbour>{};
    auto there = session.live->neighbours();
    if (!there) return there.error();
    for (const auto& entry : *there)
        if (entry.v6 == key.v6 && entry.address == key.address &&
            session.live->device_name(entry.interface) == key.device)
            return std::optional{entry};
    return std::optional<KernelNeighbour>{};
}

enum class Verb : std::uint8_t { add, change, replace };

Result<Reply> put(Session& session, const command::Match& match, Verb verb) {
    const auto words = read_neighbour(session, match, false);
    if (!words) return words.error();
    auto& all = session.model.routing.neighbours;
    if (verb != Verb::replace) {
        const auto there = entry_of(session, words->key);
        if (!there) return there.error();
        const bool known = all.contains(words->key) || *there;
        if (known && verb == Verb::add) return ip::kernel("File exists");
        if (!known && verb == Verb::change) return ip::kernel("No such file or directory");
    }
    all[words->key] = words->spec;
    return Reply{};
}

/// What `ip neigh list|flush` was asked for.
struct NeighbourSelector {
    unsigned states = 0;
    std::optional<std::string> device;
    std::optional<command::IpPrefix> to;
    std::optional<std::uint32_t> protocol;
    bool only4 = false, only6 = false;

    [[nodiscard]] bool fits(const KernelNeighbour& entry, const std::string& on) const {
        if ((only4 && entry.v6) || (only6 && !entry.v6)) return false;
        if (device && *device != on) return false;
        if (protocol && entry.protocol != *protocol) return false;
        if (to && !covers(*to, prefix_of(entry.v6, entry.address, entry.v6 ? 128 : 32))) return false;
        return (entry.state & states) || (!entry.state && states & 0x100);
    }
};

Result<NeighbourSelector> selector_of(Session& session, const command::Match& match, unsigned states) {
    NeighbourSelector selector{.states = states,
                               .device = {},
                               .to = {},
                               .protocol = {},
                               .only4 = match.option("-4"),
                               .only6 = match.option("-6")};
    if (const auto* item = match.argument("NUD")) {
        const auto wanted = read_state(item->value);
        if (!wanted) return ip::wrong(*item, "nud state is bad");
        selector.states = *wanted;
    }
    if (const auto* item = match.argument("DEVICE")) {
        if (!session.model.find(item->value)) return ip::no_device(*item);
        selector.device = item->value;
    }
    if (const auto* item = match.argument("TO")) {
        selector.to = command::parse_prefix(item->value);
        if (auto r = ip::check_family(match, *item, selector.to->v6); !r) return r.error();
    }
    if (const auto* item = match.argument("PROTOCOL"))
        if (!(selector.protocol = names_of(session).protocol(item->value)))
            return ip::wrong(*item, "\"protocol\" value is invalid\n");
    if (match.has("unused")) return refuse("ip neigh: unused is not supported in this version");
    return selector;
}

std::string neighbour_text(const KernelNeighbour& entry, const std::string& device, bool with_device,
                           bool statistics, const RoutingNames& names) {
    std::string text = ip_text(entry.v6, entry.address) + " ";
    if (with_device) text += fmt::format("dev {} ", device);
    if (entry.has_mac) text += fmt::format("lladdr {} ", to_string(entry.mac));
    if (entry.flags & NTF_ROUTER) text += "router ";
    if (entry.extended_flags & NTF_EXT_MANAGED) text += "managed ";
    if (entry.flags & NTF_EXT_LEARNED) text += "extern_learn ";
    if (statistics)
        text +=
            fmt::format(" used {}/{}/{}probes {} ", entry.used, entry.confirmed, entry.updated, entry.probes);
    for (const auto& word : neighbour_states(entry.state))
        text += word + " ";
    if (entry.protocol) text += fmt::format("proto {} ", names.protocol(entry.protocol));
    return text;
}

Json neighbour_json(const KernelNeighbour& entry, const std::string& device, bool with_device,
                    bool statistics, const RoutingNames& names) {
    Json json;
    json["dst"] = ip_text(entry.v6, entry.address);
    if (with_device) json["dev"] = device;
    if (entry.has_mac) json["lladdr"] = to_string(entry.mac);
    if (entry.flags & NTF_ROUTER) json["router"] = nullptr;
    if (entry.extended_flags & NTF_EXT_MANAGED) json["managed"] = nullptr;
    if (entry.flags & NTF_EXT_LEARNED) json["extern_learn"] = nullptr;
    if (statistics) {
        json["used"] = entry.used;
        json["confirmed"] = entry.confirmed;
        json["updated"] = entry.updated;
        json["probes"] = entry.probes;
    }
    json["state"] = neighbour_states(entry.state);
    if (entry.protocol) json["protocol"] = names.protocol(entry.protocol);
    return json;
}

}  // namespace

Result<Reply> ip_neigh_add(Session& session, const command::Match& match, const std::string&) {
    return put(session, match, Verb::add);
}

Result<Reply> ip_neigh_change(Session& session, const command::Match& match, const std::string&) {
    return put(session, match, Verb::change);
}

Result<Reply> ip_neigh_replace(Session& session, const command::Match& match, const std::string&) {
    return put(session, match, Verb::replace);
}

Result<Reply> ip_neigh_del(Session& session, const command::Match& match, const std::string&) {
    const auto words = read_neighbour(session, match, true);
    if (!words) return words.error();
    if (session.model.routing.neighbours.erase(words->key)) return Reply{};
    const auto there = entry_of(session, words->key);
    if (!there) return there.error();
    if (!*there) return ip::kernel("No such file or directory");
    session.afterwards.push_back([entry = **there](Live& live) { return live.delete_neighbour(entry); });
    return Reply{};
}

Result<Reply> ip_neigh_flush(Session& session, const command::Match& match, const std::string&) {
    if (!match.argument("DEVICE") && !match.argument("TO") && !match.argument("NUD") &&
        !match.argument("PROTOCOL"))
        return exit_with(1, "Flush requires arguments.");
    // do_show_or_flush: neither permanent ones nor those without ARP, unless they are named
    const auto selector = selector_of(session, match, 0xffu & ~(NUD_PERMANENT | NUD_NOARP));
    if (!selector) return selector.error();
    std::erase_if(session.model.routing.neighbours, [&](const auto& item) {
        KernelNeighbour entry;
        entry.v6 = item.first.v6;
        entry.address = item.first.address;
        entry.state = item.second.noarp ? NUD_NOARP : NUD_PERMANENT;
        entry.protocol = 119;
        return selector->fits(entry, item.first.device);
    });
    if (!session.live) return Reply{};
    auto there = session.live->neighbours();
    if (!there) return there.error();
    for (const auto& entry : *there) {
        // what an administrator entered for good stays: weft's own is the model's
        if (entry.state & (NUD_PERMANENT | NUD_NOARP)) continue;
        if (selector->fits(entry, session.live->device_name(entry.interface)))
            session.afterwards.push_back([entry](Live& live) { return live.delete_neighbour(entry); });
    }
    return Reply{};
}

Result<Reply> ip_neigh_show(Session& session, const command::Match& match, const std::string&) {
    const auto selector = selector_of(session, match, 0xffu & ~NUD_NOARP);
    if (!selector) return selector.error();
    auto there = session.live->neighbours();
    if (!there) return there.error();
    const RoutingNames& names = names_of(session);
    const bool statistics = match.option("-s"), with_device = !selector->device;
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& entry : *there) {
        const auto device = session.live->device_name(entry.interface);
        if (!selector->fits(entry, device)) continue;
        if (session.json)
            reply.data->push_back(neighbour_json(entry, device, with_device, statistics, names));
        else
            reply.text += neighbour_text(entry, device, with_device, statistics, names) + "\n";
    }
    return reply;
}

}  // namespace weft
