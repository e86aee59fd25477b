#include <fmt/format.h>

#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "control/bridge/edit.hpp"
#include "control/bridge/handlers.hpp"
#include "control/command/types.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

std::string_view state_of(const FdbEntryState& entry) {
    return entry.local ? "permanent" : entry.stationary ? "static" : "";
}

unsigned seconds_of(const FdbEntryState& entry) {
    return static_cast<unsigned>(entry.used_seconds);
}

/// Writes entries one behind the other, as iproute2 prints them; the device is left out where it was asked
/// for.
class FdbPrinter {
  public:
    FdbPrinter(bool json, bool with_device, bool statistics, std::size_t about)
        : json_(json), with_device_(with_device), statistics_(statistics) {
        out_.reserve(about * (json ? 112 : 56) + 2);
        if (json) out_ += '[';
    }

    void operator()(const FdbEntryState& entry) {
        if (json_)
            add_json(entry);
        else
            add_text(entry);
        any_ = true;
    }

    [[nodiscard]] bool any() const noexcept { return any_; }

    Reply reply() && {
        Reply reply;
        if (json_)
            reply.encoded = std::move(out_ += ']');
        else
            reply.text = std::move(out_);
        return reply;
    }

  private:
    template <class... Values>
    void print(fmt::format_string<Values...> format, Values&&... values) {
        fmt::format_to(std::back_inserter(out_), format, std::forward<Values>(values)...);
    }

    void add_text(const FdbEntryState& entry) {
        out_ += to_string(entry.mac);
        if (with_device_) out_.append(" dev ").append(entry.device);
        if (entry.vid) print(" vlan {}", entry.vid);
        if (statistics_) print(" used {0}/{0}", seconds_of(entry));
        if (entry.sticky) out_ += " sticky";
        out_.append(" master ").append(entry.bridge).append(" ").append(state_of(entry)).append("\n");
    }

    void add_json(const FdbEntryState& entry) {
        out_.append(any_ ? ",{\"mac\":\"" : "{\"mac\":\"").append(to_string(entry.mac)).append("\"");
        if (with_device_) out_.append(",\"ifname\":").append(quoted(entry.device));
        if (entry.vid) print(",\"vlan\":{}", entry.vid);
        if (statistics_) print(",\"used\":{0},\"updated\":{0}", seconds_of(entry));
        out_.append(entry.sticky ? ",\"flags\":[\"sticky\"]" : ",\"flags\":[]");
        out_.append(",\"master\":").append(quoted(entry.bridge));
        out_.append(",\"state\":\"").append(state_of(entry)).append("\"}");
    }

    const std::string& quoted(std::string_view name) {
        auto& known = quoted_[name];
        if (known.empty()) known = Json(name).dump(-1, ' ', false, Json::error_handler_t::replace);
        return known;
    }

    bool json_, with_device_, statistics_, any_ = false;
    std::string out_;
    std::map<std::string_view, std::string> quoted_;
};

/// What of the table was asked for.
struct FdbFilter {
    explicit FdbFilter(const command::Match& match)
        : dynamic(match.has("dynamic")), permanent(match.has("permanent")), stationary(match.has("static")) {
        if (const auto* item = match.argument("BRIDGE")) bridge = item->value;
        if (const auto* item = match.argument("DEVICE")) device = item->value;
        if (const auto* item = match.argument("VLAN")) vid = *command::parse_unsigned(item->value);
    }
    [[nodiscard]] bool wants(const FdbEntryState& entry) const {
        if (bridge && *bridge != entry.bridge) return false;
        if (device && *device != entry.device) return false;
        if (vid && *vid != entry.vid) return false;
        if (dynamic && entry.local) return false;  // iproute2: all but permanent ones
        if (permanent && !entry.local) return false;
        return !stationary || state_of(entry) == "static";
    }

    std::optional<std::string_view> bridge, device;
    std::optional<std::uint64_t> vid;
    bool dynamic, permanent, stationary;
};

}  // namespace

Result<Reply> bridge_fdb_show(Session& session, const command::Match& match, const std::string&) {
    const auto *device = match.argument("DEVICE"), *table = match.argument("BRIDGE");
    for (const auto* item : {device, table})
        if (item && !session.model.find(item->value)) return bridge::no_device(*item);
    const FdbFilter filter(match);
    FdbPrinter print(session.json, !device, match.option("-s"), session.live->fdb_size());
    session.live->visit_fdb([&](const FdbEntryState& entry) {
        if (filter.wants(entry)) print(entry);
    });
    return std::move(print).reply();
}

Result<Reply> bridge_fdb_get(Session& session, const command::Match& match, const std::string&) {
    const auto *mac = match.argument("MAC"), *device = match.argument("DEVICE"),
               *table = match.argument("BRIDGE");
    if (!mac) return bridge::refused("Address is a required argument.");
    if (!device && !table) return bridge::refused("Device or bridge is a required argument.");
    for (const auto* item : {device, table})
        if (item && !session.model.find(item->value)) return bridge::no_device(*item);
    const auto name = table ? table->value : fdb_bridge(session.model, device->value);
    const auto wanted_mac = *parse_mac(mac->value);
    const auto* vlan = match.argument("VLAN");
    const auto vid = vlan ? *command::parse_unsigned(vlan->value) : 0;
    FdbPrinter print(session.json, true, match.option("-s"), 1);
    session.live->visit_fdb([&](const FdbEntryState& entry) {
        if (!print.any() && entry.bridge == name && entry.mac == wanted_mac && entry.vid == vid) print(entry);
    });
    if (print.any()) return std::move(print).reply();
    return exit_with(254, "Error: Fdb entry not found.");
}

}  // namespace weft
