#include "control/hook/words.hpp"

#include <array>

namespace weft::hook {

namespace {

constexpr std::array<LongOption, 36> own_options{{
    {"append", Takes::argument, 'A'},
    {"delete", Takes::argument, 'D'},
    {"check", Takes::argument, 'C'},
    {"insert", Takes::argument, 'I'},
    {"replace", Takes::argument, 'R'},
    {"list", Takes::maybe, 'L'},
    {"list-rules", Takes::maybe, 'S'},
    {"flush", Takes::maybe, 'F'},
    {"zero", Takes::maybe, 'Z'},
    {"new-chain", Takes::argument, 'N'},
    {"delete-chain", Takes::maybe, 'X'},
    {"rename-chain", Takes::argument, 'E'},
    {"policy", Takes::argument, 'P'},
    {"source", Takes::argument, 's'},
    {"destination", Takes::argument, 'd'},
    {"src", Takes::argument, 's'},
    {"dst", Takes::argument, 'd'},
    {"protocol", Takes::argument, 'p'},
    {"in-interface", Takes::argument, 'i'},
    {"jump", Takes::argument, 'j'},
    {"table", Takes::argument, 't'},
    {"match", Takes::argument, 'm'},
    {"numeric", Takes::nothing, 'n'},
    {"out-interface", Takes::argument, 'o'},
    {"verbose", Takes::nothing, 'v'},
    {"wait", Takes::maybe, 'w'},
    {"wait-interval", Takes::maybe, 'W'},
    {"exact", Takes::nothing, 'x'},
    {"fragments", Takes::nothing, 'f'},
    {"version", Takes::nothing, 'V'},
    {"help", Takes::maybe, 'h'},
    {"line-numbers", Takes::nothing, '0'},
    {"modprobe", Takes::argument, 'M'},
    {"set-counters", Takes::argument, 'c'},
    {"goto", Takes::argument, 'g'},
    {"ipv4", Takes::nothing, '4'},
}};
constexpr LongOption ipv6_option{"ipv6", Takes::nothing, '6'};

constexpr std::string_view with_argument = "ACDEIMNPcdijopstRgm";
constexpr std::string_view with_maybe = "FLXZSWhw";
constexpr std::string_view without = "Vvbfnx46";

bool same(const LongOption& a, const LongOption& b) {
    return a.takes == b.takes && a.letter == b.letter && a.owner == b.owner &&
           (a.extension ? a.extension->id : 0) == (b.extension ? b.extension->id : 0);
}

}  // namespace

Words::Words(std::span<const std::string> words, std::size_t first, Family family)
    : words_(words), options_(own_options.begin(), own_options.end()), at_(first) {
    options_.push_back(ipv6_option);
    if (family == Family::ip6)
        std::erase_if(options_, [](const LongOption& option) { return option.letter == 'f'; });
    own_ = options_.size();
}

void Words::add(unsigned owner, std::span<const Option> options) {
    std::vector<LongOption> added;
    for (const auto& option : options)
        added.push_back({option.name, option.argument == Argument::none ? Takes::nothing : Takes::argument, 0,
                         &option, owner});
    options_.insert(options_.begin() + static_cast<std::ptrdiff_t>(own_), added.begin(), added.end());
}

const std::string* Words::take_argument() {
    const auto* word = peek();
    if (!word || word->starts_with('-') || word->starts_with('!')) return nullptr;
    ++at_;
    return word;
}

Item Words::next() {
    if (in_cluster_ != 0) return short_option();
    if (done()) return {};
    last_ = at_;
    const auto& word = words_[at_];
    if (word == "--") {
        ++at_;
        return {};
    }
    if (word.size() < 2 || word[0] != '-') {
        Item item{Item::Kind::plain, 0, nullptr, word, true, at_};
        ++at_;
        return item;
    }
    if (word[1] == '-') return long_option(word);
    in_cluster_ = 1;
    return short_option();
}

Item Words::long_option(const std::string& word) {
    const auto equals = word.find('=');
    const bool attached = equals != std::string::npos;
    const auto name = std::string_view(word).substr(2, attached ? equals - 2 : std::string::npos);
    const LongOption* found = nullptr;
    bool ambiguous = false, exact = false;
    for (const auto& option : options_) {
        if (!option.name.starts_with(name)) continue;
        if (option.name == name) {
            found = &option;
            exact = true;
            break;
        }
        ambiguous = ambiguous || (found && !same(*found, option));
        if (!found) found = &option;
    }
    Item item{Item::Kind::unknown, 0, nullptr, {}, false, at_};
    ++at_;
    if (!found || (ambiguous && !exact) || (attached && found->takes == Takes::nothing)) return item;
    item.option = found;
    item.letter = found->letter;
    item.kind = found->extension ? Item::Kind::extension : Item::Kind::letter;
    item.has_text = attached || found->takes == Takes::argument;
    if (attached) {
        item.text = std::string_view(word).substr(equals + 1);
    } else if (found->takes == Takes::argument) {
        if (done())
            item.kind = Item::Kind::missing_argument;
        else
            item.text = words_[at_++];
    }
    return item;
}

Item Words::short_option() {
    const std::string_view word = words_[at_];
    Item item{Item::Kind::letter, word[in_cluster_], nullptr, {}, false, at_};
    const bool last = ++in_cluster_ == word.size();
    const auto leave = [&] {
        in_cluster_ = 0;
        ++at_;
    };
    const bool needs = with_argument.find(item.letter) != std::string_view::npos;
    if (needs || with_maybe.find(item.letter) != std::string_view::npos) {
        const auto rest = word.substr(in_cluster_);
        leave();
        item.has_text = !last || needs;
        if (!last)
            item.text = rest;
        else if (needs && done())
            item.kind = Item::Kind::missing_argument;
        else if (needs)
            item.text = words_[at_++];
        return item;
    }
    if (without.find(item.letter) == std::string_view::npos) item.kind = Item::Kind::unknown;
    if (last) leave();
    return item;
}

}  // namespace weft::hook
