#include "control/show/handlers.hpp"

namespace weft {

std::span<const Handler> show_handlers() {
    static constexpr Handler table[] = {
        {"show drops", show_drops},           {"show runtime", show_runtime},
        {"show workers", show_workers},       {"show memory", show_memory},
        {"show version", show_version},       {"show graph", show_graph},
        {"show adjacency", show_adjacency},   {"show flows", show_flows},
        {"show nat blocks", show_nat_blocks},
    };
    return table;
}

}  // namespace weft
