#include "control/cli/candidates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "control/command/grammar.hpp"

namespace weft::cli {

namespace {

constexpr std::string_view capture_argument = "<IF:name>";  // tcpdump's

/// "<NAME:ifname:KIND>": the kind; nothing for what is no link's name.
bool names_link(std::string_view argument, std::string_view& kind) {
    constexpr std::string_view type = ":ifname";
    const auto at = argument.find(type);
    kind = {};
    if (argument == capture_argument) return true;
    if (at == std::string_view::npos) return false;
    kind = argument.substr(at + type.size());
    kind.remove_suffix(1);
    if (kind.starts_with(':')) kind.remove_prefix(1);
    return true;
}

/// A member's bridge may stand on the line; then only its members are meant.
bool is_member(const LinkName& link, const std::vector<LinkName>& all,
               const std::vector<std::string>& words) {
    if (link.bridge.empty()) return false;
    const auto on_line = [&](const std::string& name) {
        return std::find(words.begin(), words.end(), name) != words.end();
    };
    return on_line(link.bridge) || std::none_of(all.begin(), all.end(), [&](const LinkName& other) {
               return other.kind == "bridge" && on_line(other.name);
           });
}

std::vector<std::string> names_for(std::string_view argument, const std::vector<std::string>& words,
                                   const LinkNames& names) {
    std::vector<std::string> found;
    std::string_view kind;
    if (!names_link(argument, kind) || kind == "new" || kind == "foreign") return found;
    const auto all = names();
    for (const auto& link : all)
        if (kind.empty() || link.kind == kind || (kind == "member" && is_member(link, all, words)))
            found.push_back(link.name);
    if (argument == capture_argument) found.emplace_back("any");
    return found;
}

}  // namespace

std::vector<std::string> candidates(const std::vector<std::string>& words, const LinkNames& names) {
    std::vector<std::string> found;
    const std::string partial = words.empty() ? std::string() : words.back();
    const auto offer = [&](std::string word) {
        if (word.starts_with(partial) && std::find(found.begin(), found.end(), word) == found.end())
            found.push_back(std::move(word));
    };
    for (auto& candidate : command::grammar().complete(words)) {
        if (candidate.starts_with('<'))
            for (auto& name : names_for(candidate, words, names))
                offer(std::move(name));
        else
            offer(std::move(candidate));
    }
    return found;
}

std::string help_text(const std::vector<std::string>& words, const LinkNames& names) {
    std::string text = command::grammar().help(words);
    const auto choices = command::grammar().next(words);
    const bool said = std::all_of(choices.begin(), choices.end(), [&](const auto& choice) {
        return choice.meaning.empty() && text.find(' ' + choice.word) != std::string::npos;
    });
    if (said && words.size() <= 1) return text;
    for (const auto& choice : choices) {
        text += "    " + choice.word;
        if (!choice.meaning.empty()) text += "  " + choice.meaning;
        const auto there = names_for(choice.word, words, names);
        if (!there.empty()) text += fmt::format(": {}", fmt::join(there, " "));
        text += '\n';
    }
    return text;
}

}  // namespace weft::cli
