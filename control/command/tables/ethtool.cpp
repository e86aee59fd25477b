#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> ethtool_commands() {
    static constexpr Spec table[] = {
        {"ethtool -S", "ethtool -S|--statistics <NAME:ifname:port>", "Shows the counters of a port's device.",
         Effect::show},
        {"ethtool -i", "ethtool -i|--driver <NAME:ifname:port>", "Shows a port's driver.", Effect::show},
        {"ethtool -k", "ethtool -k|--show-features|--show-offload <NAME:ifname:port>",
         "Shows what a port's device takes over.", Effect::show},
    };
    return table;
}

}  // namespace weft::command
