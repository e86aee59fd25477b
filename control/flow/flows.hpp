// What workers keep of connections for their next packets, as `show flows` tells it: plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/flow/entry.hpp"
#include "control/hook/rule_place.hpp"
#include "weft/net/ethernet.hpp"

namespace weft::conntrack {

/// Of one direction: what becomes of its next packet, if that is known.
struct Outcome {
    std::string slow{};       ///< why the last packet that asked the rules left none; empty: it left one
    bool kept = false;        ///< there is one: the rest is valid
    std::string hindrance{};  ///< why the next packet will ask the rules nevertheless; empty: it will not
    std::string in{}, out{};  ///< interfaces
    std::string gateway{};    ///< whose MAC address it is sent to; empty: the next packet looks its route up
    std::optional<MacAddress> gateway_mac{};
    std::uint32_t mark = 0;  ///< that rules have given it
    /// What the rules counted, in their order, and how many more there are.
    std::vector<hook::RulePlace> rules{};
    std::uint32_t more_rules = 0;
    // What it rests on besides.
    bool answered = false;  ///< whether the connection has seen a reply
    std::optional<MacAddress> source_mac{};
    std::optional<std::uint32_t> connection_mark{};
    std::uint8_t tcp_mask = 0, tcp_flags = 0;
    bool routes = false;  ///< rules asked for the type of an address: it ends when routes change
};

struct Flow {
    Entry entry{};
    unsigned worker = 0;  ///< that owns it
    bool known = false;   ///< the owner has told of it
    Outcome original{}, reply{};
};

/// Called on the control thread only, while workers go on.
class Flows {
  public:
    virtual ~Flows() = default;
    /// As Connections::walk(). What is told of each outcome was so at one moment of its owner's.
    virtual std::uint32_t walk(std::uint32_t cursor, std::uint32_t places,
                               const std::function<bool(const Entry&)>& wanted,
                               const std::function<void(const Flow&)>& visit) = 0;
};

}  // namespace weft::conntrack
