#include "control/tuntap/words.hpp"

#include <grp.h>
#include <pwd.h>

#include <array>

#include "control/command/types.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

constexpr std::uint64_t largest_id = 0xfffffffe;  // -1 stands for nobody

std::optional<std::uint32_t> plain_number(const std::string& text) {
    const auto number = command::parse_unsigned(text);
    if (!number || *number > largest_id) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

}  // namespace

Result<const command::Item*> tuntap_name(const command::Match& match) {
    const command::Item* name = nullptr;
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "NAME") continue;
        if (name)
            return exit_with(
                255, fmt::format("Error: either \"name\" is duplicate, or \"{}\" is a garbage.", item.value),
                item.column);
        name = &item;
    }
    return name;
}

bool mode_given(const command::Match& match) {
    return match.has("mode");
}

Result<TuntapPort> tuntap_words(const command::Match& match) {
    TuntapPort port;
    for (const auto& item : match.items)
        if (!item.argument && item.name == "tun") port.tun = true;
    port.pi = match.has("pi");
    port.one_queue = match.has("one_queue");
    port.vnet_hdr = match.has("vnet_hdr");
    port.multi_queue = match.has("multi_queue");
    if (const auto* item = match.argument("USER")) {
        port.user = user_number(item->value);
        if (!port.user) return exit_with(1, fmt::format("invalid user \"{}\"", item->value), item->column);
    }
    if (const auto* item = match.argument("GROUP")) {
        port.group = group_number(item->value);
        if (!port.group) return exit_with(1, fmt::format("invalid group \"{}\"", item->value), item->column);
    }
    return port;
}

std::optional<std::uint32_t> user_number(const std::string& text) {
    if (const auto number = plain_number(text)) return number;
    std::array<char, 4096> room;
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(text.c_str(), &entry, room.data(), room.size(), &found) != 0 || !found)
        return std::nullopt;
    return found->pw_uid;
}

std::optional<std::uint32_t> group_number(const std::string& text) {
    if (const auto number = plain_number(text)) return number;
    std::array<char, 16384> room;
    group entry{};
    group* found = nullptr;
    if (getgrnam_r(text.c_str(), &entry, room.data(), room.size(), &found) != 0 || !found)
        return std::nullopt;
    return found->gr_gid;
}

LinkSpec tuntap_link(const TuntapPort& port) {
    PortSpec spec;
    spec.kind = port;
    return LinkSpec{.kind = std::move(spec)};
}

std::string free_tuntap_name(const Model& model, bool tun) {
    for (unsigned number = 0;; ++number)
        if (auto name = fmt::format("{}{}", tun ? "tun" : "tap", number); !model.find(name)) return name;
}

std::vector<std::string> tuntap_flags(const TuntapPort& port) {
    std::vector<std::string> flags{port.tun ? "tun" : "tap"};
    if (port.pi) flags.emplace_back("pi");
    if (port.one_queue) flags.emplace_back("one_queue");
    if (port.multi_queue) flags.emplace_back("multi_queue");
    if (port.vnet_hdr) flags.emplace_back("vnet_hdr");
    return flags;
}

}  // namespace weft
