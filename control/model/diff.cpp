#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/model/lines.hpp"
#include "control/model/save.hpp"

namespace weft {

namespace {

using Lines = std::vector<std::string_view>;

Lines split(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return lines;
}

void append(std::string& text, char sign, std::string_view line) {
    text += sign;
    text += line;
    text += '\n';
}

}  // namespace

// Of unique lines it is a longest increasing subsequence of their places in the other text (patience
// sorting).
std::vector<std::pair<std::size_t, std::size_t>> common_lines(const Lines& from, const Lines& to) {
    std::unordered_map<std::string_view, std::size_t> place;
    for (std::size_t i = 0; i < to.size(); ++i)
        place.emplace(to[i], i);
    struct Step {
        std::size_t from, to, before;
    };
    constexpr auto none = static_cast<std::size_t>(-1);
    std::vector<Step> steps;
    std::vector<std::size_t> piles;  // the step on top of each
    for (std::size_t i = 0; i < from.size(); ++i) {
        const auto it = place.find(from[i]);
        if (it == place.end()) continue;
        const auto pile =
            std::lower_bound(piles.begin(), piles.end(), it->second,
                             [&](std::size_t step, std::size_t to) { return steps[step].to < to; });
        steps.push_back({i, it->second, pile == piles.begin() ? none : *(pile - 1)});
        if (pile == piles.end())
            piles.push_back(steps.size() - 1);
        else
            *pile = steps.size() - 1;
    }
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (auto step = piles.empty() ? none : piles.back(); step != none; step = steps[step].before)
        pairs.emplace_back(steps[step].from, steps[step].to);
    std::reverse(pairs.begin(), pairs.end());
    return pairs;
}

std::string diff(const Model& from, const Model& to) {
    const std::string old_text = save_but_rules(from), new_text = save_but_rules(to);
    const Lines old_lines = split(old_text), new_lines = split(new_text);
    auto pairs = common_lines(old_lines, new_lines);
    pairs.emplace_back(old_lines.size(), new_lines.size());
    std::string text;
    std::size_t i = 0, j = 0;
    for (const auto& [old_end, new_end] : pairs) {
        for (; i < old_end; ++i)
            append(text, '-', old_lines[i]);
        for (; j < new_end; ++j)
            append(text, '+', new_lines[j]);
        ++i, ++j;
    }
    diff_sets(text, from, to);
    diff_hook_rules(text, from, to);
    return text;
}

}  // namespace weft
