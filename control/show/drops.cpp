#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/model/refusal.hpp"
#include "control/show/columns.hpp"
#include "control/show/handlers.hpp"

namespace weft {

Result<Reply> show_drops(Session& session, const command::Match& match, const std::string&) {
    const auto* name = match.argument("NAME");
    if (name && !session.model.find(name->value))
        return refuse_at(fmt::format("there is no interface {}", name->value), name->column);
    std::vector<std::vector<std::string>> rows{{"interface", "reason", "packets", "bytes", "meaning"}};
    auto json = Json::array();
    for (const auto& drop : session.live->drops()) {
        if (drop.packets == 0 || (name && name->value != drop.interface)) continue;
        rows.push_back({drop.interface, drop.reason, std::to_string(drop.packets), std::to_string(drop.bytes),
                        drop.meaning});
        json.push_back({{"ifname", drop.interface},
                        {"reason", drop.reason},
                        {"packets", drop.packets},
                        {"bytes", drop.bytes}});
    }
    if (session.json) return Reply{.data = std::make_shared<Json>(std::move(json))};
    return Reply{.text = rows.size() > 1 ? columns(rows, 2, true) : std::string{"no packet was dropped\n"}};
}

}  // namespace weft
