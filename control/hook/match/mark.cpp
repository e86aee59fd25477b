// mark and connmark: one option, two marks.
#include "control/hook/kinds.hpp"

namespace weft::hook {

namespace {

constexpr std::array<Option, 1> mark_options{
    {{.name = "mark", .argument = Argument::masked_mark, .invertible = true, .mandatory = true}}};

template <class Data>
void take_mark(Data& match, OptionCall& call) {
    match = {call.mark, call.inverted};
}

void put_mark(std::string& out, const MaskedMark& mark) {
    append(out, " 0x{:x}", mark.value);
    if (mark.mask != 0xffffffff) append(out, "/0x{:x}", mark.mask);
}

template <class Data>
void save_mark(std::string& out, const Data& match, const Frame&) {
    append(out, "{} --mark", bang(match.inverted));
    put_mark(out, match.mark);
}

void list_mark(std::string& out, const MarkMatch& match, const Frame&) {
    append(out, " mark match{}", bang(match.inverted));
    put_mark(out, match.mark);
}

void list_connmark(std::string& out, const ConnmarkMatch& match, const Frame&) {
    append(out, " connmark match {}", match.inverted ? "!" : "");
    put_mark(out, match.mark);
}

}  // namespace

const MatchKind& mark_match() {
    static const auto kind =
        make_kind<MarkMatch, Match, take_mark<MarkMatch>, save_mark<MarkMatch>, list_mark>("mark",
                                                                                           mark_options);
    return kind;
}

const MatchKind& connmark_match() {
    static const auto kind =
        make_kind<ConnmarkMatch, Match, take_mark<ConnmarkMatch>, save_mark<ConnmarkMatch>, list_connmark>(
            "connmark", mark_options);
    return kind;
}

}  // namespace weft::hook
