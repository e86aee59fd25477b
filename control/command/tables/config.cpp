#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> config_commands() {
    return {};
}

}  // namespace weft::command
