// The stages of the data plane by name: what counters, traces and `show graph` call them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace weft {

/// Stages in the packet's order; pipeline.hpp lists their types in the same order.
enum class StageId : std::uint8_t {
    bridge_batch,
    flow_batch,
    route_batch,
    ingress,
    bridge_input,
    bridge_output,
    host,
    flow_input,
    route_input,
    ip_input,
    ip_forward,
    ip_output,
    egress,
    punt,
    count
};
inline constexpr std::size_t stage_count = static_cast<std::size_t>(StageId::count);
inline constexpr std::string_view stage_names[stage_count] = {
    "bridge_batch", "flow_batch",  "route_batch", "ingress",    "bridge_input", "bridge_output", "host",
    "flow_input",   "route_input", "ip_input",    "ip_forward", "ip_output",    "egress",        "punt"};

/// What a stage is about, and the stages it hands packets to (`show graph`).
struct StageText {
    std::string_view about;
    std::initializer_list<StageId> exits;
    std::string_view way_out;  ///< where packets leave the pipeline by it; empty: nowhere
};
inline constexpr StageText stage_texts[stage_count] = {
    {"a burst of a bridge member: known station to known station", {StageId::ingress}, "port tx"},
    {"a burst of a port that routes under rules: packets of known flows",
     {StageId::route_batch, StageId::ingress, StageId::egress},
     "port tx"},
    {"a burst of a port that routes: in transit to a known neighbour",
     {StageId::ingress, StageId::egress},
     "port tx"},
    {"from a port: state, length, tag, sub-interface", {StageId::bridge_input, StageId::host}, ""},
    {"from a bridge member: VLAN, learning, forwarding, flooding", {StageId::host, StageId::egress}, ""},
    {"the host sends by a bridge: VLAN, forwarding, flooding", {StageId::egress}, ""},
    {"for the host: is it for us, is it IP?",
     {StageId::flow_input, StageId::route_input, StageId::ip_input, StageId::punt, StageId::host,
      StageId::bridge_input},
     ""},
    {"IP under rules by any interface: packets of known flows",
     {StageId::ip_input, StageId::egress},
     "port tx"},
    {"IP by any interface: in transit to a known neighbour", {StageId::ip_input, StageId::egress}, "port tx"},
    {"IP: header, martians, options, route", {StageId::ip_forward, StageId::punt}, ""},
    {"IP in transit: TTL, MTU", {StageId::ip_output}, ""},
    {"IP by a hop: neighbour, fragments", {StageId::egress, StageId::punt}, ""},
    {"by an interface: tags, checksums, segments", {StageId::bridge_output, StageId::egress}, "port tx"},
    {"to the kernel, in a bounded queue of its class", {}, "kernel TAP"},
};

}  // namespace weft
