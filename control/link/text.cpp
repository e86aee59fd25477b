#include "control/link/text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <array>

#include "control/link/details.hpp"
#include "control/link/edit.hpp"

namespace weft {

namespace {

/// Columns as wide as their heads or their widest number.
template <std::size_t N>
void widen(std::array<std::size_t, N>& widths, const std::array<std::uint64_t, N>& numbers) {
    for (std::size_t i = 0; i < N; ++i)
        widths[i] = std::max(widths[i], fmt::formatted_size("{}", numbers[i]));
}

/// tun_net_initialize: 500 without Ethernet header.
int queue_length(const LinkView& view) {
    return is_tun(*view.link) ? 500 : 1000;
}

using Row = std::array<std::uint64_t, 6>;
using Heads = std::array<std::string_view, 6>;

std::string head_line(std::string_view direction, const std::array<std::size_t, 6>& widths,
                      const Heads& heads) {
    // the first head begins behind the direction, and an empty column for compressed packets ends the line
    std::string line = fmt::format("    {} {:>{}}", direction, heads[0], widths[0] - 4);
    for (std::size_t i = 1; i < heads.size(); ++i)
        line += fmt::format(" {:>{}}", heads[i], widths[i]);
    return line + std::string(11, ' ');
}

std::string number_line(const std::array<std::size_t, 6>& widths, const Row& row) {
    std::string line = "    ";
    for (std::size_t i = 0; i < row.size(); ++i)
        line += fmt::format("{:>{}} ", row[i], widths[i]);
    return line;
}

}  // namespace

bool of_type(const LinkSpec& link, const command::Match& match) {
    if (match.has("bridge") && !bridge_of(link)) return false;
    if (match.has("vlan") && !vlan_of(link)) return false;
    if (match.has("veth") && !veth_of(link)) return false;
    if (match.has("dummy") && !is_dummy(link)) return false;
    if (match.has("tun") && !tuntap_of(link)) return false;
    return !match.has("bridge_slave") || link.member;
}

LinkForm form_of(const command::Match& match, bool mode) {
    return {.statistics = match.option("-s"),
            .details = match.option("-d"),
            .oneline = match.option("-o"),
            .brief = match.option("-br"),
            .mode = mode};
}

std::string link_head(const LinkView& view, const LinkForm& form) {
    auto text =
        fmt::format("{}: {}: {} mtu {} ", view.index, view.full_name(), view.flag_text(), view.state.mtu);
    if (!form.ipv6_only) text += fmt::format("qdisc {} ", view.qdisc);
    if (view.link->member) text += fmt::format("master {} ", view.master());
    text += fmt::format("state {} ", view.operstate);
    if (form.mode) text += "mode DEFAULT ";
    return text + fmt::format("{}qlen {}", form.ipv6_only ? "" : "group default ", queue_length(view));
}

std::string link_address(Session& session, const LinkView& view, const LinkForm& form) {
    std::string text = is_tun(*view.link) ? std::string("    link/none ")
                                          : fmt::format("    link/ether {} brd ff:ff:ff:ff:ff:ff",
                                                        to_string(view.state.mac));
    if (form.details) text += link_details(session, view, form.line_end());
    return text;
}

std::string link_statistics(const LinkState& state, const LinkForm& form) {
    const Row rx{state.rx_bytes,   state.rx_packets, state.rx_errors,
                 state.rx_dropped, state.rx_missed,  state.multicast};
    const Row tx{state.tx_bytes, state.tx_packets, state.tx_errors, state.tx_dropped, 0, 0};
    std::array<std::size_t, 6> widths{10, 7, 6, 7, 7, 7};
    widen(widths, rx);
    widen(widths, tx);
    const auto end = form.line_end();
    return fmt::format(
        "{}{}{}{}{}{}{}",
        head_line("RX:", widths, {"bytes", "packets", "errors", "dropped", "missed", "mcast"}), end,
        number_line(widths, rx), end,
        head_line("TX:", widths, {"bytes", "packets", "errors", "dropped", "carrier", "collsns"}), end,
        number_line(widths, tx));
}

std::string link_brief(const LinkView& view) {
    return fmt::format("{:<16} {:<14} ", view.full_name(), view.operstate);
}

Json link_json(Session& session, const LinkView& view, const LinkForm& form) {
    Json json;
    if (form.brief) {
        if (!view.below.empty()) json["link"] = view.below;
        json["ifname"] = view.name;
        json["operstate"] = view.operstate;
        if (form.mode) {
            if (!is_tun(*view.link)) json["address"] = to_string(view.state.mac);
            json["flags"] = view.flags;
        }
        return json;
    }
    json["ifindex"] = view.index;
    if (!view.below.empty()) json["link"] = view.below;
    json["ifname"] = view.name;
    json["flags"] = view.flags;
    json["mtu"] = view.state.mtu;
    if (!form.ipv6_only) json["qdisc"] = view.qdisc;
    if (view.link->member) json["master"] = view.master();
    json["operstate"] = view.operstate;
    if (form.mode) json["linkmode"] = "DEFAULT";
    if (!form.ipv6_only) json["group"] = "default";
    json["txqlen"] = queue_length(view);
    if (!form.hardware) return json;
    json["link_type"] = is_tun(*view.link) ? "none" : "ether";
    if (!is_tun(*view.link)) {
        json["address"] = to_string(view.state.mac);
        json["broadcast"] = "ff:ff:ff:ff:ff:ff";
    }
    if (form.details) json.update(link_details_json(session, view));
    return json;
}

Json statistics_json(const LinkState& state) {
    return {{"rx",
             {{"bytes", state.rx_bytes},
              {"packets", state.rx_packets},
              {"errors", state.rx_errors},
              {"dropped", state.rx_dropped},
              {"over_errors", 0},
              {"multicast", state.multicast}}},
            {"tx",
             {{"bytes", state.tx_bytes},
              {"packets", state.tx_packets},
              {"errors", state.tx_errors},
              {"dropped", state.tx_dropped},
              {"carrier_errors", 0},
              {"collisions", 0}}}};
}

}  // namespace weft
