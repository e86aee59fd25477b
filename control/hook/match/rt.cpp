#include "control/hook/kinds.hpp"

namespace weft::hook {

namespace {

enum RtOption : unsigned { rt_type, rt_segments_left, rt_length };

constexpr std::array<Option, 3> rt_options{{
    {.name = "rt-type", .id = rt_type, .argument = Argument::number32, .invertible = true},
    {.name = "rt-segsleft", .id = rt_segments_left, .argument = Argument::range32, .invertible = true},
    {.name = "rt-len", .id = rt_length, .argument = Argument::number32, .invertible = true},
}};

void take_rt(RtMatch& rt, OptionCall& call) {
    if (call.option.id == rt_segments_left) {
        rt.segments_left = {call.range.low, call.range.high};
        rt.segments_left_inverted = call.inverted;
        return;
    }
    auto& part = call.option.id == rt_type ? rt.type : rt.length;
    part.value = static_cast<std::uint32_t>(call.number);
    part.inverted = call.inverted;
    part.given = true;
}

bool asks_segments(const RtMatch& rt) {
    return !(rt.segments_left == Range<std::uint32_t>{0, 0xffff'ffff}) || rt.segments_left_inverted;
}

void save_rt(std::string& out, const RtMatch& rt, const Frame&) {
    if (rt.type.given) append(out, "{} --rt-type {}", bang(rt.type.inverted), rt.type.value);
    if (asks_segments(rt)) {
        append(out, "{} --rt-segsleft {}", bang(rt.segments_left_inverted), rt.segments_left.low);
        if (rt.segments_left.low != rt.segments_left.high) append(out, ":{}", rt.segments_left.high);
    }
    if (rt.length.given) append(out, "{} --rt-len {}", bang(rt.length.inverted), rt.length.value);
}

void list_rt(std::string& out, const RtMatch& rt, const Frame&) {
    const auto sign = [](bool inverted) { return inverted ? "!" : ""; };
    out += " rt";
    if (rt.type.given) append(out, " type:{}{}", sign(rt.type.inverted), rt.type.value);
    if (asks_segments(rt)) {
        const auto [low, high] = rt.segments_left;
        const auto no = sign(rt.segments_left_inverted);
        if (low == high)
            append(out, " segsleft:{}{}", no, low);
        else
            append(out, " segslefts:{}{}:{}", no, low, high);
    }
    if (rt.length.given) append(out, " length:{}{}", sign(rt.length.inverted), rt.length.value);
}

}  // namespace

const MatchKind& rt_match() {
    static const auto kind = [] {
        auto made = make_kind<RtMatch, Match, take_rt, save_rt, list_rt>("rt", rt_options);
        made.ip = false;
        return made;
    }();
    return kind;
}

}  // namespace weft::hook
