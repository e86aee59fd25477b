#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/command/types.hpp"
#include "control/model/refusal.hpp"
#include "control/observe/describe.hpp"
#include "control/observe/destination.hpp"
#include "control/observe/handlers.hpp"
#include "control/observe/made_up.hpp"

namespace weft {

namespace {

std::string packet_text(const TracedPacket& packet) {
    std::string text = fmt::format("{}: {}\n", packet.ifname, describe_frame(packet.head, packet.length));
    for (const auto& step : packet.steps)
        text += fmt::format("    {:<13} {}\n", step.stage, step.what);
    return text;
}

Json packet_json(const TracedPacket& packet) {
    auto steps = Json::array();
    for (const auto& step : packet.steps)
        steps.push_back({{"stage", step.stage}, {"text", step.what}});
    return {{"ifname", packet.ifname},
            {"frame", describe_frame(packet.head, packet.length)},
            {"steps", std::move(steps)}};
}

Reply reply_of(const Session& session, const std::vector<TracedPacket>& packets, const char* none) {
    if (session.json) {
        auto all = Json::array();
        for (const auto& packet : packets)
            all.push_back(packet_json(packet));
        return {.data = std::make_shared<Json>(std::move(all))};
    }
    Reply reply;
    for (const auto& packet : packets)
        reply.text += packet_text(packet);
    if (packets.empty()) reply.text = none;
    return reply;
}

std::vector<std::string> ports_of(const Model& model, const std::string& bridge) {
    std::vector<std::string> ports;
    for (const auto& name : model.order)
        if (const LinkSpec* link = model.find(name); link && link->member && link->member->bridge == bridge)
            ports.push_back(name);
    return ports;
}

/// Whether packets are received by an interface itself: one of a bridge comes by a port of it.
Result<> check_receives(const Session& session, const command::Item& item) {
    const auto& name = item.value;
    const LinkSpec* link = session.model.find(name);
    if (!link) return refuse_at(fmt::format("there is no interface {}", name), item.column);
    if (std::holds_alternative<DummySpec>(link->kind))
        return refuse_at(fmt::format("{} is a dummy interface: it receives no packets", name), item.column);
    if (!std::holds_alternative<BridgeSpec>(link->kind)) return {};
    const auto ports = ports_of(session.model, name);
    if (ports.empty())
        return refuse_at(fmt::format("{} is a bridge without ports: no packet comes by it", name),
                         item.column);
    return refuse_at(fmt::format("{} is a bridge: name the port by which packets come to it, of {}", name,
                                 fmt::join(ports, ", ")),
                     item.column);
}

}  // namespace

Result<Reply> trace_add(Session& session, const command::Match& match, const std::string&) {
    const auto& name = *match.argument("IF");
    if (auto receives = check_receives(session, name); !receives) return receives.error();
    const auto count = *command::parse_unsigned(match.argument("COUNT")->value);
    if (auto started = session.live->start_trace(name.value, static_cast<std::uint32_t>(count)); !started)
        return started.error();
    return Reply{};
}

Result<Reply> trace_show(Session& session, const command::Match&, const std::string&) {
    return reply_of(session, session.live->traced(), "no packet was followed\n");
}

Result<Reply> trace_clear(Session& session, const command::Match&, const std::string&) {
    session.live->clear_trace();
    return Reply{};
}

Result<Reply> explain(Session& session, const command::Match& match, const std::string&) {
    const auto& name = *match.argument("IF");
    if (auto receives = check_receives(session, name); !receives) return receives.error();
    const bool said = match.has("hex") || match.has("eth");
    const auto assumed = said ? AssumedDestination{} : assume_destination(session, name.value, match);
    const auto frame = made_up_frame(match, assumed.mac);
    if (!frame) return frame.error();
    auto explained = session.live->explain(name.value, *frame);
    if (!explained) return std::move(explained).error();
    auto reply = reply_of(session, {std::move(*explained)}, "");
    if (said) return reply;
    const auto text = fmt::format("{}: {}", to_string(assumed.mac), assumed.why);
    if (reply.data)
        reply.data->front()["assumed"] = text;
    else
        reply.text = fmt::format("assumed to be sent to {}\n{}", text, reply.text);
    return reply;
}

}  // namespace weft
