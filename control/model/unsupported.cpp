#include "control/model/unsupported.hpp"

#include "control/model/refusal.hpp"

namespace weft {

bool is_unsupported(const command::Spec& spec) noexcept {
    return spec.name.starts_with("unsupported");
}

Error unsupported(const command::Match& match) {
    std::string words;
    int column = 0;
    for (const auto& item : match.items) {
        if (item.argument) continue;
        fmt::format_to(std::back_inserter(words), "{}{}", words.empty() ? "" : " ", item.value);
        column = item.column;
    }
    return refuse_at(fmt::format("{} is not supported in this version", words), column);
}

}  // namespace weft
