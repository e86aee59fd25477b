// Rules as lines of a configuration. Counters are no part of it.
#include "control/hook/print.hpp"
#include "control/model/lines.hpp"

namespace weft {

void save_hook_rules(std::string& text, const Model& model) {
    for (const auto family : hook::families) {
        std::string tables;
        for (auto table : model.rules.of(family).tables) {
            if (hook::same_rules(table, hook::empty_table(table.id))) continue;
            for (auto& chain : table.chains)
                chain.counters = {};
            hook::save_table(tables, family, table, hook::CounterStyle::none);
        }
        if (tables.empty()) continue;
        text += family == hook::Family::ip ? "iptables-restore" : "ip6tables-restore";
        text += " <<EOF\n" + tables + "EOF\n";
    }
}

}  // namespace weft
