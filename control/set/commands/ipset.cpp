// From a line of the grammar to control/set and back.
#include <fmt/format.h>

#include <random>
#include <variant>
#include <vector>

#include "control/config/file.hpp"
#include "control/model/lines.hpp"
#include "control/model/refusal.hpp"
#include "control/set/commands/handlers.hpp"
#include "control/set/element.hpp"
#include "control/set/program.hpp"
#include "weft/clock.hpp"

namespace weft {

namespace {

/// How often rules name a set, as the kernel counts its references.
std::size_t references(const hook::Rulesets& rules, std::string_view name) {
    std::size_t count = 0;
    for (const auto family : hook::families)
        for (const auto& table : rules.of(family).tables)
            for (const auto& chain : table.chains)
                for (const auto& entry : chain.rules)
                    for (const auto& match : entry.rule->matches)
                        if (const auto* set = std::get_if<hook::SetMatch>(&match))
                            count += set->set == name ? 1 : 0;
    return count;
}

ipset::Environment environment(const Session& session) {
    return {.now_us = coarse_microseconds(),
            .counters =
                [live = session.live](std::uint64_t id, const ipset::Key& key) {
                    return live ? live->set_counters(id, key) : std::nullopt;
                },
            .references =
                [&rules = session.model.rules](std::string_view name) { return references(rules, name); },
            .random = [] { return std::random_device{}(); }};
}

/// A word of ipset's file, which knows quotes and nothing else.
std::string word(const std::string& text) {
    return text.find_first_of(" \t") == std::string::npos ? text : "\"" + text + "\"";
}

std::string create_line(std::string_view name, const ipset::Set& set) {
    return fmt::format("create {} {} {}", name, to_string(set.options.type), ipset::header(set.options));
}

std::string add_line(std::string_view name, const ipset::Set& set, const ipset::Entry& entry) {
    auto text = fmt::format("add {} ", name);
    ipset::put_entry(text, set, entry, {.now_us = coarse_microseconds()}, false);
    return text;
}

/// Entries that go or come, or are others; one that only has less time left is none of them.
void diff_entries(std::string& text, const std::string& name, const ipset::Set& from, const ipset::Set& to) {
    const auto now = coarse_microseconds();
    std::vector<std::string> lines;
    for (const auto* entry : from.entries.sorted()) {
        const auto* next = to.entries.find(entry->key);
        if (!entry->over(now) && (!next || !same(*entry, *next)))
            lines.push_back("-ipset " + add_line(name, from, *entry) + "\n");
    }
    for (const auto* entry : to.entries.sorted()) {
        const auto* before = from.entries.find(entry->key);
        if (!before || before->over(now) || !same(*before, *entry))
            lines.push_back("+ipset " + add_line(name, to, *entry) + "\n");
    }
    for (const auto& line : lines)
        text += line;
}

}  // namespace

Result<Reply> run_ipset(Session& session, const command::Match& match, const std::string& input) {
    std::vector<std::string> words;
    words.reserve(match.items.size());
    for (const auto& item : match.items)
        words.push_back(item.value);
    auto outcome = ipset::run(session.model.sets, environment(session), words, input);
    auto& said = outcome.errors;
    while (said.ends_with('\n'))
        said.pop_back();
    if (outcome.refused) {
        session.printed = std::move(outcome.output);
        auto error = exit_with(outcome.status, std::move(said));
        error.line = outcome.line;
        return error;
    }
    if (!said.empty()) session.warnings.push_back(std::move(said));
    return Reply{.exit = outcome.status, .text = std::move(outcome.output)};
}

std::span<const Handler> set_handlers() {
    static constexpr Handler table[] = {{"ipset list", run_ipset}, {"ipset", run_ipset}};
    return table;
}

void save_sets(std::string& text, const Model& model) {
    const auto now = coarse_microseconds();
    std::string lines;
    for (const auto& one : model.sets.all()) {
        if (!one.set) continue;
        const auto name = word(one.name);
        lines += create_line(name, *one.set) + "\n";
        for (const auto* entry : one.set->entries.sorted())
            if (!entry->over(now)) lines += add_line(name, *one.set, *entry) + "\n";
    }
    if (!lines.empty()) text += "ipset restore <<EOF\n" + lines + "EOF\n";
}

void diff_sets(std::string& text, const Model& from, const Model& to) {
    static const ipset::Set none;
    for (const auto& one : from.sets.all()) {
        if (!one.set) continue;
        const auto* next = to.sets.find(one.name);
        if (next && next->options == one.set->options) continue;
        const auto name = config::quote(one.name);
        diff_entries(text, name, *one.set, none);
        text += "-ipset " + create_line(name, *one.set) + "\n";
    }
    for (const auto& one : to.sets.all()) {
        if (!one.set) continue;
        const auto name = config::quote(one.name);
        const auto* before = from.sets.find(one.name);
        const bool stays = before && before->options == one.set->options;
        if (!stays) text += "+ipset " + create_line(name, *one.set) + "\n";
        diff_entries(text, name, stays ? *before : none, *one.set);
    }
}

}  // namespace weft
