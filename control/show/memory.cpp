#include <nlohmann/json.hpp>

#include "control/show/columns.hpp"
#include "control/show/handlers.hpp"

namespace weft {

Result<Reply> show_memory(Session& session, const command::Match&, const std::string&) {
    std::vector<std::vector<std::string>> rows{{"what", "bytes", "used", "capacity"}};
    auto json = Json::array();
    for (const auto& memory : session.live->memory()) {
        const bool counted = memory.capacity != 0 || memory.used != 0;
        rows.push_back({memory.what, std::to_string(memory.bytes),
                        counted ? std::to_string(memory.used) : "-",
                        memory.capacity ? std::to_string(memory.capacity) : "-"});
        Json object{{"what", memory.what}, {"bytes", memory.bytes}};
        if (counted) {
            object["used"] = memory.used;
            if (memory.capacity) object["capacity"] = memory.capacity;
        }
        json.push_back(std::move(object));
    }
    if (session.json) return Reply{.data = std::make_shared<Json>(std::move(json))};
    return Reply{.text = columns(rows, 1)};
}

}  // namespace weft
