#include "control/command/tables.hpp"

namespace weft::command {

std::span<const Spec> config_commands() {
    static constexpr Spec table[] = {
        {"save", "save [ <FILE:path> ]", "Prints the configuration, or writes it to a file.", Effect::show},
        {"diff", "diff <FILE:path>", "Shows how a file differs from what is running.", Effect::client},
        {"check", "check <FILE:path>", "Says whether a file could be applied.", Effect::client},
        {"apply", "apply <FILE:path> [ confirm <SECONDS:uint:1..86400> ]",
         "Makes running what a file says; with confirm, for so long unless it is confirmed.", Effect::client},
        {"confirm", "confirm", "Keeps what was applied.", Effect::act},
        {"rollback", "rollback", "Goes back to what was before the last apply.", Effect::act},
    };
    return table;
}

}  // namespace weft::command
