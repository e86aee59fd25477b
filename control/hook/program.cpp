#include "control/hook/program.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "control/hook/command.hpp"
#include "control/hook/execute.hpp"

namespace weft::hook {

namespace {

/// Of words joined by single blanks; one past the end for a word that is not there.
int column_of(std::span<const std::string> words, std::size_t word) {
    std::size_t column = 1;
    for (std::size_t i = 0; i < std::min(word, words.size()); ++i)
        column += words[i].size() + 1;
    return static_cast<int>(column);
}

std::string_view family_program(Family family) {
    return family == Family::ip ? "iptables" : "ip6tables";
}

/// The word that a failure is about, in the command as it was given.
std::size_t blamed_word(const Command& command, const Failure& failed) {
    if (failed.error == E2BIG) return command.number_word;
    return command.chain_word;
}

void report(Outcome& outcome, std::string_view program, const Failure& failed) {
    outcome.status = static_cast<int>(Status::other);
    outcome.errors += fmt::format("{}: {}.{}\n", program, failed.message,
                                  failed.error == EINVAL ? " Run `dmesg' for more information." : "");
}

/// Whether the rule at fault was there before.
bool has(const Table& before, const TableFault& fault) {
    const auto* chain = before.find(fault.chain->name);
    const auto& rule = fault.chain->rules[fault.rule].rule;
    return chain && std::any_of(chain->rules.begin(), chain->rules.end(),
                                [&](const RuleEntry& entry) { return entry.rule == rule; });
}

/// -A without a look at the rules before: thousands of lines come one by one. False if it cannot be sure,
/// and nothing is done.
bool append_quickly(Ruleset& ruleset, TableId id, const Command& command, Outcome& outcome) {
    auto& table = ruleset.table(id);
    auto* chain = command.action == action_append ? table.find(command.chain) : nullptr;
    if (!chain) return false;
    const auto rules = chain->rules.size(), printed = outcome.output.size();
    const bool failed = execute(ruleset.family, command, table, outcome.output).has_value();
    if (!failed && check_appended(ruleset.family, table, *chain, rules)) {
        table.used = outcome.changed = true;
        return true;
    }
    chain->rules.erase(chain->rules.begin() + static_cast<std::ptrdiff_t>(rules), chain->rules.end());
    outcome.output.resize(printed);
    return false;
}

/// Reads, tries on a copy, and replaces the table if all went well.
void run(Ruleset& ruleset, const Environment& environment, std::span<const std::string> words,
         Outcome& outcome, std::size_t& word) {
    const auto program = family_program(ruleset.family);
    const auto command =
        read_command({ruleset.family, program, false}, environment, words, 1, word, outcome.errors);
    outcome.output += command.output;
    if (command.action == 0) return;
    word = words.size();
    const auto id = table_by_name(command.table);
    if (!id)
        throw Refusal{
            Status::version,
            fmt::format("can't initialize {} table `{}': Table does not exist (do you need to insmod?)",
                        program, command.table)};
    word = command.jump_word;
    if (append_quickly(ruleset, *id, command, outcome)) return;
    auto copy = ruleset.table(*id);
    auto failed = execute(ruleset.family, command, copy, outcome.output);
    const bool changing = changes(command);
    std::optional<std::size_t> blamed;
    if (!failed && changing)
        if (auto fault = check_table(ruleset.family, copy)) {
            failed = failure(fault->error);
            if (fault->of_target) blamed = command.jump_word;
            outcome.reason = has(ruleset.table(*id), *fault) ? worded(*fault) : fault->reason;
        }
    if (failed) {
        report(outcome, program, *failed);
        outcome.column = column_of(words, blamed.value_or(blamed_word(command, *failed)));
        return;
    }
    if (!changing) return;
    copy.used = true;
    ruleset.table(*id) = std::move(copy);
    outcome.changed = true;
}

}  // namespace

std::string refusal_text(std::string_view program, const Refusal& refusal, std::size_t line) {
    std::string text;
    if (!refusal.bare)
        append(text, "{} v1.8.9 (legacy): {}\n", program, refusal.message);
    else if (!refusal.message.empty())
        append(text, "{}\n", refusal.message);
    if (refusal.status == Status::parameter) {
        if (line != 0) append(text, "Error occurred at line: {}\n", line);
        append(text, "Try `{0} -h' or '{0} --help' for more information.\n", program);
    }
    if (refusal.status == Status::version)
        append(text, "Perhaps {} or your kernel needs to be upgraded.\n", program);
    return text;
}

Outcome run_iptables(Ruleset& ruleset, const Environment& environment, std::span<const std::string> words) {
    Outcome outcome;
    std::size_t word = 0;
    try {
        run(ruleset, environment, words, outcome, word);
    } catch (const Refusal& refusal) {
        outcome.status = static_cast<int>(refusal.status);
        outcome.errors += refusal_text(family_program(ruleset.family), refusal, 0);
        outcome.column = column_of(words, word);
    }
    return outcome;
}

}  // namespace weft::hook
