#include "control/show/version.hpp"

#include <rte_version.h>

#include <nlohmann/json.hpp>

#include "control/show/handlers.hpp"

namespace weft {

Result<Reply> show_version(Session& session, const command::Match&, const std::string&) {
    if (session.json)
        return Reply{.data =
                         std::make_shared<Json>(Json{{"version", WEFT_VERSION}, {"dpdk", rte_version()}})};
    return Reply{.text = std::string{"weft "} + WEFT_VERSION + ", " + rte_version() + "\n"};
}

}  // namespace weft
