#include "control/observe/handlers.hpp"

namespace weft {

std::span<const Handler> observe_handlers() {
    static constexpr Handler table[] = {
        {"trace add", trace_add}, {"trace show", trace_show}, {"trace clear", trace_clear},
        {"explain hex", explain}, {"explain", explain},
    };
    return table;
}

}  // namespace weft
