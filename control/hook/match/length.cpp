#include "control/hook/kinds.hpp"

namespace weft::hook {

namespace {

constexpr std::array<Option, 1> length_options{
    {{.name = "length", .argument = Argument::range16, .invertible = true, .mandatory = true}}};

void take_length(LengthMatch& length, OptionCall& call) {
    length.length = {static_cast<std::uint16_t>(call.range.low), static_cast<std::uint16_t>(call.range.high)};
    length.inverted = call.inverted;
}

void put_length(std::string& out, const Range<std::uint16_t>& length) {
    append(out, "{}", length.low);
    if (length.low != length.high) append(out, ":{}", length.high);
}

void save_length(std::string& out, const LengthMatch& length, const Frame&) {
    append(out, "{} --length ", bang(length.inverted));
    put_length(out, length.length);
}
void list_length(std::string& out, const LengthMatch& length, const Frame&) {
    append(out, " length {}", length.inverted ? "!" : "");
    put_length(out, length.length);
}

}  // namespace

const MatchKind& length_match() {
    static const auto kind =
        make_kind<LengthMatch, Match, take_length, save_length, list_length>("length", length_options);
    return kind;
}

}  // namespace weft::hook
