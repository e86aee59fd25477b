#include "control/command/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "control/command/matcher.hpp"
#include "control/command/program.hpp"

namespace weft::command {

namespace {

using std::string_view;

constexpr std::size_t listed_alternatives = 12;

/// A command's tree, and the keywords that open it, apart: they choose among commands.
struct Entry {
    const Spec* spec = nullptr;
    Node root;
    std::size_t lead = 0;            ///< number of the root's children that are keywords before anything else
    std::vector<const Node*> after;  ///< what may come behind the lead
    bool supported = true;
};

/// The commands that a line can mean, best first.
struct Chosen {
    std::vector<const Entry*> entries;
    std::vector<string_view> path;  ///< the keywords that chose them
    Reached reached;                ///< where none of them fits
};

/// As completion offers it: "up", "<SPEED:uint:1..9>".
std::string shown(const Node& node) {
    return node.is_keyword() ? std::string(node.spellings.front())
                             : fmt::format("<{}:{}>", node.name, node.type_text);
}

/// "SPEED (a number from 1 to 9)", "up", "802.1Q".
std::string expectation(const Node& node) {
    if (node.is_keyword()) return std::string(node.spellings.front());
    return fmt::format("{} ({})", node.name, node.type->describe(node.parameter));
}

std::string list(const std::vector<const Node*>& expected) {
    std::vector<std::string> words;
    for (const auto* node : expected) {
        auto text = expectation(*node);
        if (std::find(words.begin(), words.end(), text) != words.end()) continue;
        if (words.size() == listed_alternatives) {
            words.emplace_back("...");
            break;
        }
        words.push_back(std::move(text));
    }
    return fmt::format("{}", fmt::join(words, ", "));
}

/// A syntax line for people: NAME for <NAME:type>, without the marks of what is typed whole.
std::string readable(string_view syntax) {
    std::string text;
    while (!syntax.empty()) {
        auto word = syntax.substr(0, syntax.find(' '));
        syntax.remove_prefix(std::min(word.size() + 1, syntax.size()));
        if (word.starts_with('<')) word = word.substr(1, word.find(':') - 1);
        if (word.size() > 1 && word.ends_with('!')) word.remove_suffix(1);
        if (!text.empty()) text += ' ';
        text += word;
    }
    return text;
}

bool only_keywords(const std::vector<const Node*>& expected) {
    return std::all_of(expected.begin(), expected.end(), [](const Node* node) { return node->is_keyword(); });
}

std::string missing_word(const Line& line, const Chosen& chosen) {
    const auto expected = list(chosen.reached.expected);
    if (line.program->iproute)
        return fmt::format("Command line is not complete. Try option \"help\"; expected {}", expected);
    return fmt::format("{}: a word is missing; expected {}", fmt::join(chosen.path, " "), expected);
}

/// What iproute2's own readers of a value say of it (utils.c, lib/ll_addr.c, iplink.c); empty: nothing
/// special.
std::string words_of_iproute(string_view word, string_view before, string_view path, const Reached& reached) {
    const auto expects = [&](string_view type) {
        return std::any_of(reached.expected.begin(), reached.expected.end(),
                           [&](const Node* node) { return !node->is_keyword() && node->type->name == type; });
    };
    if ((path.starts_with("ip addr") && expects("prefix")) ||
        (path.starts_with("ip route") && (expects("destination") || expects("prefix"))) ||
        (path.starts_with("ip neigh") && expects("prefix")))
        return fmt::format("Error: any valid prefix is expected rather than \"{}\".", word);
    if (path.starts_with("ip neigh") && expects("ip"))
        return fmt::format("Error: any valid address is expected rather than \"{}\".", word);
    if (path.starts_with("ip link") && expects("mac")) return fmt::format("\"{}\" is invalid lladdr.", word);
    // taken for an alternative name by ip, refused by the kernel
    if (path == "ip link add" && before == "add" && word.size() > 15 && expects("ifname"))
        return "Error: Attribute failed policy validation.";
    if (path == "ip link add" && before == "type") return "Error: Unknown device type.";
    if (expects("onoff") || (before != "type" && expects("onoff01")))
        return fmt::format("Error: argument of \"{}\" must be one of \"off\", \"on\", not \"{}\"", before,
                           word);
    return {};
}

std::string wrong_word(const Line& line, const Chosen& chosen) {
    const auto& reached = chosen.reached;
    const auto& word = line.words[reached.position];
    const bool iproute = line.program->iproute;
    if (reached.position == 0) return fmt::format("\"{}\" is not a command of weft; try \"weft help\"", word);
    const auto& before = line.words[reached.position - 1];
    const auto path = fmt::format("{}", fmt::join(chosen.path, " "));
    if (reached.twice)
        return iproute ? fmt::format("Error: duplicate \"{}\"", word)
                       : fmt::format("{}: \"{}\" is given twice", path, word);
    if (iproute)
        if (auto said = words_of_iproute(word, before, path, reached); !said.empty()) return said;
    if (iproute && reached.position == 1)
        return fmt::format("Object \"{}\" is unknown, try \"{} help\".", word, path);
    if (reached.position == 1 && path == "brctl") return fmt::format("never heard of command [{}]", word);
    if (iproute && reached.position == 2 && only_keywords(reached.expected))
        return fmt::format("Command \"{}\" is unknown, try \"{} help\".", word, path);
    if (reached.expected.empty()) return fmt::format("{}: \"{}\" is one word too many", path, word);
    if (reached.expected.size() == 1 && !reached.expected.front()->is_keyword()) {
        const auto& argument = *reached.expected.front();
        const auto wanted = argument.type->describe(argument.parameter);
        return iproute ? fmt::format("Error: argument \"{}\" is wrong: \"{}\" takes {}", word, before, wanted)
                       : fmt::format("{}: \"{}\" is not {}", path, word, wanted);
    }
    return fmt::format("{}: \"{}\" is not known here; expected {}", path, word, list(reached.expected));
}

}  // namespace

const Item* Match::argument(string_view name) const noexcept {
    const auto item = std::find_if(items.rbegin(), items.rend(),
                                   [&](const Item& i) { return i.argument && i.name == name; });
    return item == items.rend() ? nullptr : &*item;
}

bool Match::has(string_view keyword) const noexcept {
    return std::any_of(items.begin(), items.end(),
                       [&](const Item& i) { return !i.argument && i.name == keyword; });
}

bool Match::option(string_view name) const noexcept {
    return std::find(options.begin(), options.end(), name) != options.end();
}

struct Grammar::Compiled {
    std::vector<Spec> specs;
    std::deque<Entry> entries;

    [[nodiscard]] Chosen choose_commands(const Line& line) const;
};

/// Goes down the keywords that open the commands as long as they decide. A command whose lead is used up
/// stays as a candidate; those that the keyword at hand begins come before those that would take it for an
/// argument.
Chosen Grammar::Compiled::choose_commands(const Line& line) const {
    Chosen chosen;
    std::vector<const Entry*> narrowing, arguments;
    for (const auto& entry : entries)
        narrowing.push_back(&entry);
    const auto lead_at = [](const Entry& entry, std::size_t depth) { return &entry.root.children[depth]; };

    for (std::size_t depth = 0; !narrowing.empty(); ++depth) {
        std::vector<const Node*> candidates;
        for (const auto* entry : narrowing) {
            if (entry->lead > depth)
                candidates.push_back(lead_at(*entry, depth));
            else
                candidates.insert(candidates.end(), entry->after.begin(), entry->after.end());
        }
        const bool ended = depth == line.words.size();
        const bool abbreviates = depth > 0 && line.program->iproute;
        const Node* keyword = ended ? nullptr : choose(candidates, line.words[depth], abbreviates);
        for (const auto* entry : narrowing) {
            if (keyword != nullptr || !entry->supported) continue;
            if (entry->lead > depth)
                chosen.reached.note(depth, *lead_at(*entry, depth));
            else
                for (const auto* node : entry->after)
                    chosen.reached.note(depth, *node);
        }
        const auto means_keyword = [&](const Node* node) {
            return keyword != nullptr && node->is_keyword() &&
                   node->spellings.front() == keyword->spellings.front();
        };
        std::vector<const Entry*> deeper;
        bool named = false;
        for (const auto* entry : narrowing) {
            if (entry->lead > depth) {
                if (!means_keyword(lead_at(*entry, depth))) continue;
                deeper.push_back(entry);
                named = true;
            } else if (keyword == nullptr ||
                       std::any_of(entry->after.begin(), entry->after.end(), means_keyword)) {
                chosen.entries.push_back(entry);
            } else if (!only_keywords(entry->after)) {
                arguments.push_back(entry);
            }
        }
        if (named) chosen.path.push_back(keyword->spellings.front());
        narrowing = std::move(deeper);
    }
    std::stable_sort(chosen.entries.begin(), chosen.entries.end(),
                     [](const Entry* a, const Entry* b) { return a->lead > b->lead; });
    chosen.entries.insert(chosen.entries.end(), arguments.rbegin(), arguments.rend());
    return chosen;
}

Grammar::Grammar(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Grammar::Grammar(Grammar&&) noexcept = default;
Grammar& Grammar::operator=(Grammar&&) noexcept = default;
Grammar::~Grammar() = default;

Result<Grammar> Grammar::build(std::span<const Spec> specs) {
    auto compiled = std::make_unique<Compiled>();
    compiled->specs.assign(specs.begin(), specs.end());
    for (const auto& spec : compiled->specs) {
        auto& entry = compiled->entries.emplace_back();
        entry.spec = &spec;
        entry.supported = !spec.name.starts_with("unsupported ");
        if (auto done = compile_syntax(spec.syntax, entry.root); !done) return done.error();
        const auto& children = entry.root.children;
        while (entry.lead < children.size() && children[entry.lead].is_keyword())
            ++entry.lead;
        if (entry.lead == 0)
            return Error{ErrorCode::usage,
                         fmt::format("syntax \"{}\" does not begin with a word", spec.syntax), 1};
        for (auto i = entry.lead; i < children.size(); ++i) {
            entry.after.insert(entry.after.end(), children[i].first.begin(), children[i].first.end());
            if (!children[i].nullable) break;
        }
    }
    return Grammar(std::move(compiled));
}

Result<Match> Grammar::parse(std::span<const std::string> words) const {
    Match match;
    Line line;
    if (auto taken = take_options(words, line, match); !taken) return taken.error();
    auto chosen = compiled_->choose_commands(line);
    Reached aside;  // where the unsupported commands do not fit
    Matcher supported(line.words, line.columns, line.program->iproute, chosen.reached);
    Matcher unsupported(line.words, line.columns, line.program->iproute, aside);
    for (const auto* entry : chosen.entries) {
        if (entry->spec->agrees && !entry->spec->agrees(line.words)) continue;
        auto& matcher = entry->supported ? supported : unsupported;
        if (!matcher.run(entry->root, 0)) continue;
        match.spec = entry->spec;
        match.items = matcher.take_items();
        return match;
    }
    if (chosen.reached.expected.empty() && aside.position > chosen.reached.position) chosen.reached = aside;
    const auto& reached = chosen.reached;
    if (reached.exhausted) return Error{ErrorCode::usage, "the line is too ambiguous to be understood", 1};
    if (line.program->iproute && reached.again < reached.position && reached.again < line.words.size())
        return Error{ErrorCode::usage,
                     fmt::format("Error: either \"{}\" is duplicate, or \"{}\" is a garbage.",
                                 reached.again_keyword, line.words[reached.again]),
                     line.columns[reached.again]};
    if (reached.position >= line.words.size())
        return Error{ErrorCode::usage, missing_word(line, chosen), line.end_column};
    return Error{ErrorCode::usage, wrong_word(line, chosen), line.columns[reached.position]};
}

/// What a line that is not finished may become.
struct Grammar::Outlook {
    std::vector<const Node*> expected;
    std::vector<const Entry*> entries;  ///< that the words fit so far, all of their leading keywords typed
};

Grammar::Outlook Grammar::outlook(std::span<const std::string> words) const {
    Outlook found;
    Match match;
    Line line;
    line.unfinished = true;
    if (!take_options(words, line, match)) return found;
    auto chosen = compiled_->choose_commands(line);
    for (const auto* entry : chosen.entries) {
        if (!entry->supported) continue;
        Reached reached;
        Matcher(line.words, line.columns, line.program->iproute, reached).explore(entry->root, 0);
        if (reached.position != line.words.size()) continue;
        found.entries.push_back(entry);
        for (const auto* node : reached.expected)
            chosen.reached.note(reached.position, *node);
    }
    if (chosen.reached.position == line.words.size()) found.expected = std::move(chosen.reached.expected);
    return found;
}

std::vector<std::string> Grammar::complete(std::span<const std::string> words) const {
    const std::string partial = words.empty() ? std::string() : words.back();
    if (!words.empty()) words = words.first(words.size() - 1);
    std::vector<std::string> found;
    const auto offer = [&](std::string text) {
        if (std::find(found.begin(), found.end(), text) == found.end()) found.push_back(std::move(text));
    };
    const auto program = program_word(words);
    std::vector<const Node*> expected;
    if (program.empty()) {
        for (const auto& entry : compiled_->entries)
            if (entry.supported) expected.push_back(&entry.root.children.front());
    } else {
        expected = outlook(words).expected;
    }
    if (!expected.empty() && words.size() == 1 && partial.starts_with('-'))
        for (const auto& option : program_of(program).options)
            if (option.kind != ProgramOption::Kind::refused && option.spelling.starts_with(partial))
                offer(std::string(option.spelling));
    for (const auto* node : expected) {
        if (node->is_keyword() ? node->spellings.front().starts_with(partial)
                               : partial.empty() || node->type->accepts(partial, node->parameter))
            offer(shown(*node));
    }
    return found;
}

std::vector<Grammar::Choice> Grammar::next(std::span<const std::string> words) const {
    std::vector<Choice> found;
    if (program_word(words).empty()) return found;
    for (const auto* node : outlook(words).expected) {
        auto word = shown(*node);
        if (std::any_of(found.begin(), found.end(), [&](const Choice& c) { return c.word == word; }))
            continue;
        found.push_back(
            {std::move(word), node->is_keyword() ? std::string() : node->type->describe(node->parameter)});
    }
    return found;
}

std::string Grammar::help(std::span<const std::string> words) const {
    std::string text;
    const auto add = [&](const Entry& entry) {
        text += fmt::format("{}  - {}\n", readable(entry.spec->syntax), entry.spec->help);
    };
    for (const auto& entry : compiled_->entries) {
        bool begins = entry.supported && words.size() <= entry.lead;
        for (std::size_t i = 0; begins && i < words.size(); ++i)
            begins = fits(entry.root.children[i], words[i], i > 0 && program_of(words[0]).iproute) != Fit::no;
        if (begins) add(entry);
    }
    if (text.empty())
        for (const auto* entry : outlook(words).entries)
            add(*entry);
    return text;
}

std::span<const Spec> Grammar::specs() const noexcept {
    return compiled_->specs;
}

}  // namespace weft::command
