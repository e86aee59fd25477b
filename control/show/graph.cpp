#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/show/columns.hpp"
#include "control/show/handlers.hpp"
#include "weft/stages.hpp"

namespace weft {

namespace {

constexpr const char* way_in = "port rx";
constexpr const char* from_kernel = "kernel TAP";
constexpr const char* veth_ring = "veth ring";

std::string name_of(StageId stage) {
    return std::string(stage_names[static_cast<std::size_t>(stage)]);
}

/// Every edge, the ways in first; stages in the packet's order.
std::vector<std::pair<std::string, std::string>> edges() {
    std::vector<std::pair<std::string, std::string>> all{
        {way_in, name_of(StageId::bridge_batch)}, {way_in, name_of(StageId::flow_batch)},
        {way_in, name_of(StageId::route_batch)},  {way_in, name_of(StageId::ingress)},
        {from_kernel, name_of(StageId::egress)},  {veth_ring, name_of(StageId::bridge_input)},
        {veth_ring, name_of(StageId::host)}};
    for (std::size_t i = 0; i < stage_count; ++i) {
        for (const StageId next : stage_texts[i].exits)
            all.emplace_back(stage_names[i], name_of(next));
        if (!stage_texts[i].way_out.empty()) all.emplace_back(stage_names[i], stage_texts[i].way_out);
    }
    all.emplace_back(name_of(StageId::egress), veth_ring);
    return all;
}

std::vector<std::string> targets_of(const std::string& from) {
    std::vector<std::string> targets;
    for (const auto& [source, target] : edges())
        if (source == from) targets.push_back(target);
    return targets;
}

std::string as_dot() {
    std::string text = "digraph weft {\n  rankdir=LR;\n  node [shape=box];\n";
    for (const auto& [from, to] : edges())
        text += fmt::format("  \"{}\" -> \"{}\";\n", from, to);
    return text + "}\n";
}

std::string as_text() {
    std::vector<std::vector<std::string>> rows{{"stage", "goes to", "what it does"}};
    const auto add = [&](const std::string& stage, std::string_view about) {
        rows.push_back({stage, fmt::format("{}", fmt::join(targets_of(stage), ", ")), std::string(about)});
    };
    add(way_in, "a receive queue, by the worker that polls it");
    for (std::size_t i = 0; i < stage_count; ++i)
        add(std::string(stage_names[i]), stage_texts[i].about);
    add(from_kernel, "what the kernel sends, by a ring to a worker");
    add(veth_ring, "from a veth end to its peer, by the same worker");
    return columns(rows, rows.front().size());
}

}  // namespace

Result<Reply> show_graph(Session& session, const command::Match& match, const std::string&) {
    if (match.has("dot")) return Reply{.text = as_dot()};
    if (!session.json) return Reply{.text = as_text()};
    auto json = Json::array();
    for (const auto& [from, to] : edges())
        json.push_back({{"from", from}, {"to", to}});
    return Reply{.data = std::make_shared<Json>(std::move(json))};
}

}  // namespace weft
