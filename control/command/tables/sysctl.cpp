#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> sysctl_commands() {
    return {};
}

}  // namespace weft::command
