#include "control/cli/rule_files.hpp"

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

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

bool is_one_of(string_view word, std::initializer_list<string_view> names) {
    return std::find(names.begin(), names.end(), word) != names.end();
}

/// ipset has -file anywhere, for what is restored, listed and saved.
RuleFiles take_set_files(const std::vector<std::string>& words) {
    RuleFiles files{{}, {}, {}};
    string_view action;
    bool program_seen = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        string_view word = words[i];
        const bool program = !program_seen && word == "ipset";
        program_seen = program_seen || program;
        if (word.starts_with("--")) word.remove_prefix(1);
        if (is_one_of(word, {"-f", "-file"}) && i + 1 < words.size()) {
            files.write = words[++i];
            continue;
        }
        files.words.push_back(words[i]);
        const bool valued = is_one_of(word, {"-o", "-output"}) && i + 1 < words.size();
        if (valued) files.words.push_back(words[++i]);
        const bool option = valued || is_one_of(word, {"-s", "-sorted", "-q", "-quiet", "-r", "-resolve",
                                                       "-!", "-exist", "-n", "-name", "-t", "-terse"});
        if (program_seen && !program && !option && action.empty()) action = words[i];
    }
    if (action.starts_with("--")) action.remove_prefix(2);
    // "re" is what restore has before rename
    const bool restores = action == "-R" || (!action.empty() && string_view("restore").starts_with(action));
    if (restores) files.read = std::exchange(files.write, std::nullopt).value_or("-");
    const bool prints =
        is_one_of(action, {"-L", "-S"}) || (!action.empty() && (string_view("list").starts_with(action) ||
                                                                string_view("save").starts_with(action)));
    if (!prints) files.write.reset();
    return files;
}

}  // namespace

RuleFiles take_rule_files(const std::vector<std::string>& words) {
    const auto program = command::program_word(words);
    if (program == "ipset") return take_set_files(words);
    RuleFiles files{words, {}, {}};
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
