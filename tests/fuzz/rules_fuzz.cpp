// Any text as a save file and as a line of iptables: what is taken is printed, read back and printed alike;
// what is refused has a status, a sentence and changes nothing.
#include <string>
#include <string_view>
#include <vector>

#include "control/hook/program.hpp"
#include "tests/fuzz/input.hpp"

namespace weft::fuzz {
namespace {

using namespace hook;

const Environment& sets() {
    static const Environment environment{[](std::string_view name) -> std::optional<Environment::SetFamily> {
        if (name.empty()) return std::nullopt;
        return Environment::SetFamily::any;
    }};
    return environment;
}

std::string program(Family family, std::string_view suffix) {
    return (family == Family::ip ? "iptables" : "ip6tables") + std::string(suffix);
}

std::string save(const Ruleset& rules) {
    const std::vector<std::string> words{program(rules.family, "-save"), "-c"};
    return run_save(rules, words, 0).output;
}

void read_as_file(Family family, std::string_view text) {
    Ruleset rules(family);
    const std::vector<std::string> words{program(family, "-restore"), "-c"};
    const auto outcome = run_restore(rules, sets(), words, text);
    if (outcome.status != 0) require(!outcome.errors.empty(), "a refusal is a sentence");
    const auto first = save(rules);
    Ruleset again(family);
    const auto repeated = run_restore(again, sets(), words, first);
    require(repeated.status == 0, "what was saved is restored");
    require(save(again) == first, "what was restored is saved alike");
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = text.find(' ', at);
        words.emplace_back(text.substr(at, end - at));
        if (end == std::string_view::npos) break;
        at = end + 1;
    }
    return words;
}

void read_as_lines(Family family, std::string_view text) {
    Ruleset rules(family);
    for (int count = 0; count < 20 && !text.empty(); ++count) {
        const auto end = text.find('\n');
        auto words = split(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        words.insert(words.begin(), program(family, ""));
        const auto before = save(rules);
        const auto outcome = run_iptables(rules, sets(), words);
        require(outcome.status >= 0 && outcome.status <= 4, "a status is one of iptables'");
        if (outcome.status == 0) continue;
        std::size_t length = 1;
        for (const auto& word : words)
            length += word.size() + 1;
        require(!outcome.errors.empty() && !outcome.changed, "a refusal is a sentence");
        require(outcome.column >= 1 && static_cast<std::size_t>(outcome.column) <= length,
                "a column lies in the line");
        require(save(rules) == before, "a refused line changes nothing");
    }
    static_cast<void>(run_iptables(rules, sets(), std::vector<std::string>{program(family, ""), "-L", "-v"}));
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto family = data[0] & 1 ? weft::hook::Family::ip6 : weft::hook::Family::ip;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    weft::fuzz::read_as_file(family, text);
    weft::fuzz::read_as_lines(family, text);
    return 0;
}
