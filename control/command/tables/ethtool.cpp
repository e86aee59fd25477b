#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> ethtool_commands() {
    return {};
}

}  // namespace weft::command
