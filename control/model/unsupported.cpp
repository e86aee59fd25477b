#include "control/model/unsupported.hpp"

#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// What the program ends with when it does not know a word.
int status_of(std::string_view program) {
    if (program == "bridge") return 255;
    for (const std::string_view one : {"brctl", "tc", "conntrack", "ipset", "tcpdump", "tunctl"})
        if (program == one) return 1;
    return 2;
}

}  // namespace

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
    const int status = status_of(std::string_view{words}.substr(0, words.find(' ')));
    return exit_with(status, fmt::format("{} is not supported in this version", words), column);
}

}  // namespace weft
