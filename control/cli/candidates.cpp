#include "control/cli/candidates.hpp"

#include "control/command/grammar.hpp"

namespace weft::cli {

std::vector<std::string> candidates(const std::vector<std::string>& words, const LinkNames& names) {
    std::vector<std::string> found;
    bool named = false;
    const std::string partial = words.empty() ? std::string() : words.back();
    for (auto& candidate : command::grammar().complete(words)) {
        if (!candidate.starts_with('<')) {
            found.push_back(std::move(candidate));
        } else if (!named && (candidate.ends_with(":ifname>") || candidate == "<IF:name>")) {
            named = true;
            for (auto& name : names())
                if (name.starts_with(partial)) found.push_back(std::move(name));
        }
    }
    return found;
}

}  // namespace weft::cli
