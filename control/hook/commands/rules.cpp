// From a line of the grammar to control/hook and back.
#include <ctime>

#include "control/hook/commands/handlers.hpp"
#include "control/hook/program.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// The words as typed: in these commands a keyword has one spelling.
std::vector<std::string> words_of(const command::Match& match) {
    std::vector<std::string> words;
    words.reserve(match.items.size());
    for (const auto& item : match.items)
        words.push_back(item.value);
    return words;
}

hook::Family family_of(const command::Match& match) {
    return match.spec->name.starts_with("ip6") ? hook::Family::ip6 : hook::Family::ip;
}

hook::Environment environment(const ipset::Sets& sets) {
    hook::Environment environment;
    environment.find_set = [&sets](std::string_view name) -> std::optional<hook::Environment::SetFamily> {
        using SetFamily = hook::Environment::SetFamily;
        const auto* set = sets.find(name);
        if (!set) return std::nullopt;
        return set->options.family == hook::Family::ip ? SetFamily::ip : SetFamily::ip6;
    };
    return environment;
}

Result<Reply> reply_to(Session& session, hook::Outcome outcome) {
    auto& said = outcome.errors;
    while (said.ends_with('\n'))
        said.pop_back();
    if (outcome.status != 0) {
        session.printed = std::move(outcome.output);
        session.reason = std::move(outcome.reason);
        auto error = exit_with(outcome.status, std::move(said), outcome.column);
        error.line = static_cast<unsigned>(outcome.line);
        return error;
    }
    if (!said.empty()) session.warnings.push_back(std::move(said));
    return Reply{.text = std::move(outcome.output)};
}

}  // namespace

Result<Reply> list_hook_rules(Session& session, const command::Match& match, const std::string&) {
    auto rules = session.model.rules.of(family_of(match));
    return reply_to(session, hook::run_iptables(rules, environment(session.model.sets), words_of(match)));
}

Result<Reply> change_hook_rules(Session& session, const command::Match& match, const std::string&) {
    auto& rules = session.model.rules.edit(family_of(match));
    return reply_to(session, hook::run_iptables(rules, environment(session.model.sets), words_of(match)));
}

Result<Reply> save_hook_tables(Session& session, const command::Match& match, const std::string&) {
    const auto& rules = session.model.rules.of(family_of(match));
    return reply_to(session, hook::run_save(rules, words_of(match), std::time(nullptr)));
}

Result<Reply> restore_hook_rules(Session& session, const command::Match& match, const std::string& input) {
    auto& rules = session.model.rules.edit(family_of(match));
    return reply_to(session,
                    hook::run_restore(rules, environment(session.model.sets), words_of(match), input));
}

}  // namespace weft
