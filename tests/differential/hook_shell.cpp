// The rule language on its own, for tests that put it beside the real programs: each line of stdin is
// {"argv":[…],"stdin":"…"} and is answered by {"status":…,"out":"…","err":"…","column":…,"line":…}. argv
// ["reset"] starts anew. Sets s4, s6 and any exist.
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "control/hook/program.hpp"

namespace {

using weft::hook::Environment;
using weft::hook::Family;
using weft::hook::Ruleset;

Environment sets() {
    Environment environment;
    environment.find_set = [](std::string_view name) -> std::optional<Environment::SetFamily> {
        if (name == "s4") return Environment::SetFamily::ip;
        if (name == "s6") return Environment::SetFamily::ip6;
        if (name == "any") return Environment::SetFamily::any;
        return std::nullopt;
    };
    return environment;
}

weft::hook::Outcome run(Ruleset& rules, const std::vector<std::string>& words, const std::string& input) {
    static const auto environment = sets();
    if (words.front().ends_with("-save")) return weft::hook::run_save(rules, words, std::time(nullptr));
    if (words.front().ends_with("-restore")) return weft::hook::run_restore(rules, environment, words, input);
    return weft::hook::run_iptables(rules, environment, words);
}

}  // namespace

int main() {
    Ruleset ip(Family::ip), ip6(Family::ip6);
    for (std::string line; std::getline(std::cin, line);) {
        const auto request = nlohmann::json::parse(line);
        const auto words = request.at("argv").get<std::vector<std::string>>();
        if (words.front() == "reset") {
            ip = Ruleset(Family::ip);
            ip6 = Ruleset(Family::ip6);
            std::cout << "{}" << std::endl;
            continue;
        }
        auto& rules = words.front().starts_with("ip6") ? ip6 : ip;
        const auto outcome = run(rules, words, request.value("stdin", std::string()));
        const nlohmann::json answer{{"status", outcome.status},
                                    {"out", outcome.output},
                                    {"err", outcome.errors},
                                    {"column", outcome.column},
                                    {"line", outcome.line}};
        std::cout << answer.dump() << std::endl;
    }
}
