// -A, -D, -N and the others, and the chains that they name.
#include <algorithm>
#include <bit>
#include <cctype>

#include "control/hook/command_reader.hpp"
#include "control/hook/execute.hpp"
#include "control/hook/names.hpp"

namespace weft::hook {

namespace {

constexpr std::string_view action_letters = "IDDRALFZNXPESZC";

char action_letter(std::uint32_t action) {
    return action_letters[static_cast<std::size_t>(std::bit_width(action)) - 1];
}

std::uint32_t read_rule_number(std::string_view text) {
    const auto number = parse_number(text, 1, 0x7fffffff);
    if (!number) refuse_parameter("Invalid rule number `{}'", text);
    return static_cast<std::uint32_t>(*number);
}

}  // namespace

bool is_verdict(std::string_view name) noexcept {
    return name == "ACCEPT" || name == "DROP" || name == "RETURN" || name == "QUEUE";
}

bool has_blank(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c); });
}

void CommandReader::set_action(std::uint32_t action, std::uint32_t beside) {
    if (inverted_) refuse_parameter("unexpected '!' flag");
    if (const auto other = command_.action & ~beside)
        refuse_parameter("Cannot use -{} with -{}", action_letter(action), action_letter(other));
    command_.action |= action;
}

void CommandReader::set_chain(std::string_view chain) {
    command_.chain = chain;
    command_.chain_given = true;
    command_.chain_word = word_;
}

bool CommandReader::take_number() {
    const auto* word = words_.take_argument();
    if (!word) return false;
    word_ = words_.at() - 1;
    command_.number_word = word_;
    command_.number = read_rule_number(*word);
    return true;
}

void CommandReader::take_optional_chain(const Item& item) {
    if (item.has_text) return set_chain(item.text);
    if (const auto* word = words_.take_argument()) {
        word_ = words_.at() - 1;
        set_chain(*word);
    }
}

void CommandReader::take_action(const Item& item) {
    switch (item.letter) {
        case 'A':
            set_action(action_append), set_chain(item.text);
            break;
        case 'C':
            set_action(action_check), set_chain(item.text);
            break;
        case 'D':
            set_action(action_delete), set_chain(item.text);
            if (take_number()) command_.action = action_delete_number;
            break;
        case 'R':
            set_action(action_replace), set_chain(item.text);
            if (!take_number()) refuse_parameter("-R requires a rule number");
            break;
        case 'I':
            set_action(action_insert), set_chain(item.text);
            if (!take_number()) command_.number = 1;
            break;
        case 'L':
        case 'S':
            set_action(item.letter == 'L' ? action_list : action_list_rules,
                       action_zero | action_zero_number);
            take_optional_chain(item);
            take_number();
            break;
        case 'F':
            set_action(action_flush), take_optional_chain(item);
            break;
        case 'Z':
            set_action(action_zero, action_list | action_list_rules);
            take_optional_chain(item);
            if (take_number()) command_.action = action_zero_number;
            break;
        case 'N':
            check_chain_name(item.text);
            set_action(action_new_chain), set_chain(item.text);
            break;
        case 'X':
            set_action(action_delete_chain), take_optional_chain(item);
            break;
        case 'E':
            set_action(action_rename_chain), set_chain(item.text);
            if (const auto* name = words_.take_argument()) {
                word_ = words_.at() - 1;
                // 1.8.9 leaves all to libiptc, and so makes names that it cannot restore: only what that
                // refuses is left to it, too
                if (!is_verdict(*name) && name->size() < chain_label_size) check_chain_name(*name);
                command_.new_name = *name;
            } else {
                refuse_parameter("-E requires old-chain-name and new-chain-name");
            }
            break;
        default:
            set_action(action_set_policy), set_chain(item.text);
            if (const auto* policy = words_.take_argument())
                command_.policy = *policy;
            else
                refuse_parameter("-P requires a chain and a policy");
    }
}

void CommandReader::check_chain_name(std::string_view name) const {
    if (name.size() >= name_limit)
        refuse_parameter("chain name `{}' too long (must be under {} chars)", name, name_limit);
    if (name.starts_with('-') || name.starts_with('!'))
        refuse_parameter("chain name not allowed to start with `{}'", name.front());
    if (name.empty() || is_verdict(name) || find_target(reading_.family, name))
        refuse_parameter("chain name may not clash with target name");
    if (has_blank(name)) refuse_parameter("Invalid chain name `{}'", name);
}

}  // namespace weft::hook
