#include "control/hook/commands/handlers.hpp"

namespace weft {

std::span<const Handler> hook_handlers() {
    static constexpr Handler table[] = {
        {"iptables list", list_hook_rules},       {"ip6tables list", list_hook_rules},
        {"iptables", change_hook_rules},          {"ip6tables", change_hook_rules},
        {"iptables-save", save_hook_tables},      {"ip6tables-save", save_hook_tables},
        {"iptables-restore", restore_hook_rules}, {"ip6tables-restore", restore_hook_rules},
    };
    return table;
}

}  // namespace weft
