#include "control/bridge/handlers.hpp"

namespace weft {

std::span<const Handler> bridge_handlers() {
    static constexpr Handler table[] = {
        {"bridge link set", bridge_link_set},       {"bridge link show", bridge_link_show},
        {"bridge fdb add", bridge_fdb_add},         {"bridge fdb append", bridge_fdb_replace},
        {"bridge fdb replace", bridge_fdb_replace}, {"bridge fdb del", bridge_fdb_del},
        {"bridge fdb get", bridge_fdb_get},         {"bridge fdb flush", bridge_fdb_flush},
        {"bridge fdb show", bridge_fdb_show},       {"bridge vlan add", bridge_vlan_add},
        {"bridge vlan del", bridge_vlan_del},       {"bridge vlan show", bridge_vlan_show},
    };
    return table;
}

std::span<const Handler> brctl_handlers() {
    static constexpr Handler table[] = {
        {"brctl addbr", brctl_addbr}, {"brctl delbr", brctl_delbr},     {"brctl addif", brctl_addif},
        {"brctl delif", brctl_delif}, {"brctl hairpin", brctl_hairpin}, {"brctl setageing", brctl_setageing},
        {"brctl stp", brctl_stp},     {"brctl show", brctl_show},       {"brctl showmacs", brctl_showmacs},
    };
    return table;
}

}  // namespace weft
