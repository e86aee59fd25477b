#include "control/cli/rule_files.hpp"

#include <span>
#include <string_view>

#include "control/command/program.hpp"

namespace weft::cli {

namespace {

using std::string_view;

/// An option whose value may stand in the next word (iptables-restore.c and iptables-save.c of 1.8.9).
struct Valued {
    char letter;
    string_view name;
    bool optional = false;  ///< the next word is its value only if it begins with no '-' or '!'
};
constexpr Valued of_restore[] = {
    {'T', "table"}, {'M', "modprobe"}, {'w', "wait", true}, {'W', "wait-interval", true}};
constexpr Valued of_save[] = {{'t', "table"}, {'M', "modprobe"}, {'f', "file"}};

/// The option with a value that a word ends in, and that value if it is in the word.
const Valued* valued(std::span<const Valued> options, string_view word, std::optional<string_view>& value) {
    if (word.starts_with("--")) {
        const auto name = word.substr(2, word.find('=') - 2);
        if (word.find('=') != string_view::npos) value = word.substr(word.find('=') + 1);
        for (const auto& option : options)
            if (name.size() > 1 && option.name.starts_with(name)) return &option;
        return nullptr;
    }
    for (std::size_t at = 1; at < word.size(); ++at)
        for (const auto& option : options) {
            if (word[at] != option.letter) continue;
            if (at + 1 < word.size()) value = word.substr(at + 1);
            return &option;
        }
    return nullptr;
}

bool asks_of_itself(string_view word) {
    if (word.starts_with("--"))
        return string_view("--help").starts_with(word) ||
               (word.size() > 4 && string_view("--version").starts_with(word));
    return word.find_first_of("hV") != string_view::npos;
}

}  // namespace

RuleFiles take_rule_files(const std::vector<std::string>& words) {
    RuleFiles files{words, {}, {}};
    const auto program = command::program_word(words);
    const bool restores = program.ends_with("-restore"),
               saves = program == "iptables-save" || program == "ip6tables-save";
    if (!restores && !saves) return files;
    const std::span<const Valued> options = restores ? std::span<const Valued>(of_restore) : of_save;
    auto& left = files.words;
    left.clear();
    std::vector<std::size_t> operands;
    bool asks = false, program_seen = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const string_view word = words[i];
        left.push_back(words[i]);
        if (!program_seen) {
            program_seen = word == program;
            continue;
        }
        if (word.size() < 2 || word.front() != '-') {
            operands.push_back(left.size() - 1);
            continue;
        }
        std::optional<string_view> value;
        const auto* option = valued(options, word, value);
        asks = asks || (!option && asks_of_itself(word));
        if (!option) continue;
        if (!value && i + 1 < words.size()) {
            const bool taken = !option->optional || (words[i + 1][0] != '-' && words[i + 1][0] != '!');
            if (taken) value = left.emplace_back(words[++i]);
        }
        if (saves && option->letter == 'f' && value) {
            files.write = std::string(*value);
            left.resize(left.size() - (word.size() == 2 || !word.ends_with(*value) ? 2 : 1));
        }
    }
    if (!restores || asks) return files;
    files.read = "-";
    if (operands.size() == 1) {
        files.read = left[operands.front()];
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(operands.front()));
    }
    return files;
}

}  // namespace weft::cli
