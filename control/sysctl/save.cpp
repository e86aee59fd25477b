#include "control/config/file.hpp"
#include "control/model/lines.hpp"

namespace weft {

void save_sysctls(std::string& text, const Model& model) {
    for (const auto& [name, value] : model.sysctls)
        text += "sysctl -w " + config::quote(name + "=" + value) + "\n";
}

}  // namespace weft
