#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/show/columns.hpp"
#include "control/show/handlers.hpp"

namespace weft {

namespace {

/// "lan0:0", a port and its receive queue.
std::vector<std::string> queue_names(const WorkerState& worker) {
    std::vector<std::string> names;
    for (const auto& [port, queue] : worker.queues)
        names.push_back(fmt::format("{}:{}", port, queue));
    return names;
}

}  // namespace

Result<Reply> show_workers(Session& session, const command::Match&, const std::string&) {
    std::vector<std::vector<std::string>> rows{{"worker", "cpu", "busy", "packets", "handed over", "queues"}};
    auto json = Json::array();
    for (const auto& worker : session.live->workers()) {
        const auto queues = queue_names(worker);
        rows.push_back({std::to_string(worker.worker), std::to_string(worker.cpu),
                        fmt::format("{:.1f}%", worker.busy * 100), std::to_string(worker.packets),
                        std::to_string(worker.handed_over), fmt::format("{}", fmt::join(queues, " "))});
        json.push_back({{"worker", worker.worker},
                        {"cpu", worker.cpu},
                        {"busy", worker.busy},
                        {"packets", worker.packets},
                        {"handed_over", worker.handed_over},
                        {"queues", queues}});
    }
    if (session.json) return Reply{.data = std::make_shared<Json>(std::move(json))};
    return Reply{.text = columns(rows, 0, true)};
}

Result<Reply> show_runtime(Session& session, const command::Match&, const std::string&) {
    std::vector<std::vector<std::string>> rows{
        {"worker", "stage", "packets", "clocks/packet", "packets/batch"}};
    auto json = Json::array();
    for (const auto& stage : session.live->stages()) {
        rows.push_back({std::to_string(stage.worker), stage.stage, std::to_string(stage.packets),
                        fmt::format("{:.1f}", stage.clocks_per_packet),
                        fmt::format("{:.1f}", stage.packets_per_batch)});
        json.push_back({{"worker", stage.worker},
                        {"stage", stage.stage},
                        {"packets", stage.packets},
                        {"clocks_per_packet", stage.clocks_per_packet},
                        {"packets_per_batch", stage.packets_per_batch}});
    }
    if (session.json) return Reply{.data = std::make_shared<Json>(std::move(json))};
    return Reply{.text = columns(rows, 2)};
}

}  // namespace weft
