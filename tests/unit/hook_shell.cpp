#include "tests/unit/hook_shell.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace weft::test {

namespace {

hook::Environment two_sets() {
    using SetFamily = hook::Environment::SetFamily;
    hook::Environment environment;
    environment.find_set = [](std::string_view name) -> std::optional<SetFamily> {
        if (name == "s4") return SetFamily::ip;
        if (name == "any") return SetFamily::any;
        return std::nullopt;
    };
    return environment;
}

}  // namespace

std::vector<std::string> hook_words(std::string_view line) {
    std::vector<std::string> words;
    bool quoted = false, open = false;
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
            if (quoted && !open) words.emplace_back();
            open = true;
        } else if (c == ' ' && !quoted) {
            open = false;
        } else {
            if (!open) words.emplace_back();
            open = true;
            words.back() += c;
        }
    }
    return words;
}

std::string HookShell::program() const {
    return rules.family == hook::Family::ip ? "iptables" : "ip6tables";
}

hook::Outcome HookShell::run(std::string_view line) {
    auto words = hook_words(line);
    words.insert(words.begin(), program());
    return hook::run_iptables(rules, two_sets(), words);
}

hook::Outcome HookShell::restore(std::string_view input, std::string_view options) {
    auto words = hook_words(options);
    words.insert(words.begin(), program() + "-restore");
    return hook::run_restore(rules, two_sets(), words, input);
}

std::string HookShell::save(std::string_view options) {
    auto words = hook_words(options);
    words.insert(words.begin(), program() + "-save");
    const auto text = hook::run_save(rules, words, 0).output;
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        if (text[at] != '#') plain += text.substr(at, end - at + 1);
        at = end + 1;
    }
    return plain;
}

const hook::Rule& HookShell::rule(std::string_view chain, std::string_view line, std::string_view table) {
    auto& of = rules.table(*hook::table_by_name(table));
    const auto place = of.find(chain)->rules.size();
    const auto outcome =
        run("-t " + std::string(table) + " -A " + std::string(chain) + " " + std::string(line));
    if (outcome.status != 0) throw std::runtime_error(outcome.errors);
    return *rules.table(*hook::table_by_name(table)).find(chain)->rules.at(place).rule;
}

std::string HookShell::printed(std::string_view line) {
    static_cast<void>(rule("INPUT", line));
    const auto text = run("-S INPUT").output;
    const auto last = text.rfind("-A INPUT");
    auto shown = text.substr(last + 8);
    shown.pop_back();
    return shown.empty() ? shown : shown.substr(1);
}

}  // namespace weft::test
