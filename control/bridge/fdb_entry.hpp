// The words that name a forwarding entry in `bridge fdb add|append|replace|delete`, taken apart and checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/model/commands.hpp"

namespace weft {

struct FdbWords {
    std::string device, bridge;
    MacAddress mac{};
    std::vector<std::uint16_t> vids;  ///< without `vlan`: 0 and every VLAN of the device, as Linux enters it
    enum class Kind : std::uint8_t { permanent, stationary, dynamic } kind = Kind::permanent;
    bool sticky = false;
};

/// Refused in the words of iproute2 and of the kernel's bridge.
[[nodiscard]] Result<FdbWords> read_fdb_words(const Model&, const command::Match&);

}  // namespace weft
