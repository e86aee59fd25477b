#include "control/command/tables.hpp"

#define WEFT_SYSCTL_OPTIONS "-n|--values | -N|--names | -b|--binary | -q|--quiet | -e|--ignore"

namespace weft::command {

std::span<const Spec> sysctl_commands() {
    static constexpr Spec table[] = {
        {"sysctl set", "sysctl { -w|--write | " WEFT_SYSCTL_OPTIONS " }* <ASSIGNMENT:assignment> ...",
         "Sets variables.", Effect::configure},
        {"sysctl load", "sysctl { " WEFT_SYSCTL_OPTIONS " }* -p|-f|--load <FILE:path>",
         "Sets variables from a file.", Effect::configure},
        {"sysctl list", "sysctl { " WEFT_SYSCTL_OPTIONS " }* -a|-A|-X|--all { " WEFT_SYSCTL_OPTIONS " }*",
         "Lists all variables that weft knows.", Effect::show},
        {"sysctl get", "sysctl { " WEFT_SYSCTL_OPTIONS " }* <VARIABLE:word> ...", "Shows variables.",
         Effect::show},
    };
    return table;
}

}  // namespace weft::command
