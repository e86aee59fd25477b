#include "control/publish/route_text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace weft {

namespace {

std::string gateway_text(const TracedRoute& route) {
    char text[INET6_ADDRSTRLEN];
    inet_ntop(route.v6 ? AF_INET6 : AF_INET, route.gateway.bytes.data(), text, sizeof text);
    return text;
}

std::string neighbour_text(const TracedRoute& route) {
    switch (route.neighbour) {
        case NeighbourState::resolved:
            return "lladdr " + to_string(route.mac);
        case NeighbourState::failed:
            return "which does not answer";
        default:
            return "not resolved yet";
    }
}

std::string hop_text(const TracedRoute& route, const Names& names) {
    const auto device = names.interface(route.interface);
    switch (route.kind) {
        case HopKind::neighbour:
            return fmt::format("via {} dev {}", gateway_text(route), device);
        case HopKind::connected:
            return fmt::format("dev {} to a neighbour that nobody asked for yet", device);
        case HopKind::no_address:
            return fmt::format("dev {}, which needs no neighbour", device);
        case HopKind::local:
            return "a local address";
        case HopKind::broadcast:
            return "a broadcast address";
        case HopKind::multicast:
            return "a multicast group";
        case HopKind::blackhole:
            return "a blackhole route";
        case HopKind::unreachable:
            return "an unreachable route";
        case HopKind::prohibit:
            return "a prohibit route";
        case HopKind::elsewhere:
            return "a route by an interface that is not weft's";
        default:
            return "no route";
    }
}

}  // namespace

std::string route_text(const TraceStep& asked, const TraceStep& step, const Names& names,
                       const RouteSource& source) {
    switch (step.stage) {
        case StageId::ip_input:
            if (!step.route.found) return {};
            if (source && step.route.asked)
                if (const auto from = source(step.route); !from.empty())
                    return from + ": " + (step.route.of_group ? "one of several hops, " : "") +
                           hop_text(step.route, names);
            return (step.route.of_group ? "one of several hops, " : "") + hop_text(step.route, names);
        case StageId::ip_forward:
            return asked.route.found ? fmt::format("mtu {}", asked.route.mtu) : std::string{};
        case StageId::ip_output: {
            if (!asked.route.found) return {};
            const auto hop = hop_text(asked.route, names);
            return asked.route.kind == HopKind::neighbour ? hop + ", " + neighbour_text(asked.route) : hop;
        }
        default:
            return {};
    }
}

}  // namespace weft
