#include "control/command/matcher.hpp"

#include <algorithm>

namespace weft::command {

namespace {

// A real line takes a few hundred steps; only a line made to be ambiguous can meet this.
constexpr std::size_t maximum_steps = 50'000;

bool begins_with(const Node& node, const Node& keyword) {
    return std::any_of(node.first.begin(), node.first.end(), [&](const Node* candidate) {
        return candidate->is_keyword() && candidate->spellings.front() == keyword.spellings.front();
    });
}

bool begins_with_argument(const Node& node) {
    return std::any_of(node.first.begin(), node.first.end(),
                       [](const Node* candidate) { return !candidate->is_keyword(); });
}

}  // namespace

void Reached::come_to(std::size_t at) {
    if (at <= position) return;
    position = at;
    expected.clear();
    twice = false;
}

void Reached::note(std::size_t at, const Node& node) {
    if (at < position) return;
    come_to(at);
    if (std::find(expected.begin(), expected.end(), &node) == expected.end()) expected.push_back(&node);
}

Fit fits(const Node& keyword, std::string_view word, bool abbreviates) noexcept {
    auto best = Fit::no;
    for (const auto spelling : keyword.spellings) {
        if (spelling == word) return Fit::whole;
        if (abbreviates && !keyword.whole && !word.empty() && spelling.starts_with(word))
            best = Fit::abbreviated;
    }
    return best;
}

const Node* choose(std::span<const Node* const> candidates, std::string_view word,
                   bool abbreviates) noexcept {
    const Node* abbreviated = nullptr;
    for (const auto* candidate : candidates) {
        if (!candidate->is_keyword()) continue;
        const auto fit = fits(*candidate, word, abbreviates);
        if (fit == Fit::whole) return candidate;
        if (fit == Fit::abbreviated && abbreviated == nullptr) abbreviated = candidate;
    }
    return abbreviated;
}

/// What is left to match behind the node at hand: a sequence from `index`, or another round of a group.
struct Matcher::Frame {
    const Node& node;
    std::size_t index;    ///< of the sequence's next child
    std::uint64_t taken;  ///< of the group
    std::size_t started;  ///< where the group's last round began
    const Frame* next;
};

bool Matcher::run(const Node& root, std::size_t position) {
    items_.clear();
    steps_ = 0;
    return match(root, position, nullptr);
}

void Matcher::explore(const Node& root, std::size_t position) {
    explore_ = true;
    static_cast<void>(run(root, position));
    explore_ = false;
}

bool Matcher::step(std::size_t count) {
    steps_ += count;
    if (steps_ > maximum_steps + 4 * words_.size()) reached_.exhausted = true;
    return !reached_.exhausted;
}

/// While exploring: whether `node` was come through to the end with the word at hand as a keyword of it. Then
/// the word is not also what an argument may be ("master" in `ip link set x master`).
bool Matcher::came_by_keyword(const Node& node, std::size_t position, std::size_t arrived) const {
    return explore_ && arrived_ > arrived && position < words_.size() &&
           choose(node.first, words_[position], abbreviates_) != nullptr;
}

bool Matcher::match(const Node& node, std::size_t position, const Frame* next) {
    if (!step(1)) return false;
    if (position == words_.size()) ++arrived_;
    switch (node.kind) {
        case Node::Kind::sequence:
            return match_sequence(node, 0, position, next);
        case Node::Kind::keyword:
            return match_keyword(node, position, next);
        case Node::Kind::argument:
            return match_argument(node, position, next);
        case Node::Kind::optional: {
            const auto arrived = arrived_;
            if (match(node.children.front(), position, next)) return true;
            return !came_by_keyword(node, position, arrived) && resume(next, position);
        }
        case Node::Kind::one_of:
        case Node::Kind::any_of:
        case Node::Kind::some_of:
            return match_group(node, 0, position, next);
    }
    return false;
}

bool Matcher::resume(const Frame* frame, std::size_t position) {
    if (frame == nullptr) {
        reached_.come_to(position);
        if (position == words_.size()) ++arrived_;
        return position == words_.size() && !explore_;
    }
    if (frame->node.kind == Node::Kind::sequence)
        return match_sequence(frame->node, frame->index, position, frame->next);
    return position != frame->started && match_group(frame->node, frame->taken, position, frame->next);
}

bool Matcher::match_sequence(const Node& node, std::size_t index, std::size_t position, const Frame* next) {
    if (index == node.children.size()) return resume(next, position);
    const Frame behind{node, index + 1, 0, 0, next};
    return match(node.children[index], position, &behind);
}

bool Matcher::match_keyword(const Node& node, std::size_t position, const Frame* next) {
    if (position == words_.size() || fits(node, words_[position], abbreviates_) == Fit::no) {
        reached_.note(position, node);
        return false;
    }
    items_.push_back(
        {node.spellings.front(), std::string(node.spellings.front()), columns_[position], false});
    if (resume(next, position + 1)) return true;
    items_.pop_back();
    return false;
}

bool Matcher::match_argument(const Node& node, std::size_t position, const Frame* next) {
    if (node.to_the_end && !step(words_.size() - position)) return false;
    const auto before = items_.size();
    const auto end = node.to_the_end ? words_.size() : std::min(position + 1, words_.size());
    auto at = position;
    for (; at < end && node.type->accepts(words_[at], node.parameter); ++at)
        items_.push_back({node.name, words_[at], columns_[at], true});
    if (at < end || at == position) {
        reached_.note(at, node);
    } else {
        if (node.to_the_end) reached_.note(at, node);
        if (resume(next, at)) return true;
    }
    items_.resize(before);
    return false;
}

/// While exploring: whether an alternative gives the argument that one which was taken gave ("dev NAME",
/// "NAME").
bool Matcher::gives_again(const Node& group, std::uint64_t taken, std::size_t index) const {
    const auto given_by = [](const Node& alternative) {
        return alternative.children.empty() ? std::string_view() : alternative.children.back().name;
    };
    const auto name = given_by(group.children[index]);
    if (!explore_ || name.empty()) return false;
    for (std::size_t i = 0; i < group.children.size(); ++i)
        if ((taken >> i & 1) != 0 && given_by(group.children[i]) == name) return true;
    return false;
}

void Matcher::note_group(const Node& group, std::uint64_t taken, std::size_t position) {
    for (std::size_t i = 0; i < group.children.size(); ++i)
        if ((taken >> i & 1) == 0 && !gives_again(group, taken, i))
            for (const auto* first : group.children[i].first)
                reached_.note(position, *first);
}

/// `{ dev <NAME> | <NAME> }`: a word behind a NAME can only be the garbage that iproute2 takes it for.
void Matcher::note_again(const Node& group, const Node& alternative, std::size_t position) {
    const auto& argument = *alternative.first.front();
    const bool before = std::any_of(items_.begin(), items_.end(), [&](const Item& item) {
        return item.argument && item.name == argument.name;
    });
    if (!before || position >= reached_.again) return;
    for (const auto& other : group.children)
        if (other.kind == Node::Kind::sequence && other.children.size() == 2 &&
            other.children[0].is_keyword() && other.children[1].name == argument.name) {
            reached_.again = position;
            reached_.again_keyword = other.children[0].spellings.front();
        }
}

bool Matcher::try_alternative(const Node& group, std::size_t index, std::uint64_t taken, std::size_t position,
                              const Frame* next) {
    if (group.kind == Node::Kind::one_of) return match(group.children[index], position, next);
    const Frame again{group, 0, taken | std::uint64_t{1} << index, position, next};
    return match(group.children[index], position, &again);
}

bool Matcher::match_group(const Node& group, std::uint64_t taken, std::size_t position, const Frame* next) {
    if (!step(1)) return false;
    const bool leave = group.kind == Node::Kind::any_of || (group.kind == Node::Kind::some_of && taken != 0);
    if (position == words_.size()) {
        note_group(group, taken, position);
        // An alternative may match no word at all.
        return (leave || group.nullable) && resume(next, position);
    }
    const auto* keyword = choose(group.first, words_[position], abbreviates_);
    const auto arrived = arrived_;
    bool repeated = false;
    for (std::size_t i = 0; keyword != nullptr && i < group.children.size(); ++i) {
        if (!begins_with(group.children[i], *keyword)) continue;
        if ((taken >> i & 1) != 0)
            repeated = true;
        else if (try_alternative(group, i, taken, position, next))
            return true;
    }
    if (came_by_keyword(group, position, arrived)) return false;
    for (std::size_t i = 0; i < group.children.size(); ++i) {
        const bool tried = keyword != nullptr && begins_with(group.children[i], *keyword);
        if ((taken >> i & 1) != 0 || tried || !begins_with_argument(group.children[i])) continue;
        if (keyword == nullptr) note_again(group, group.children[i], position);
        if (try_alternative(group, i, taken, position, next)) return true;
    }
    note_group(group, taken, position);
    if (repeated && reached_.position == position) reached_.twice = true;
    return (leave || group.nullable) && resume(next, position);
}

}  // namespace weft::command
