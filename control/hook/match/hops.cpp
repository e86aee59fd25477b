#include "control/hook/kinds.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

using Compare = HopsMatch::Compare;

enum HopsOption : unsigned { hops_equal, hops_less, hops_greater };
constexpr std::uint32_t any_hops = option_bit(hops_equal) | option_bit(hops_less) | option_bit(hops_greater);

constexpr Option hops_option(std::string_view name, unsigned id) {
    return {.name = name,
            .id = id,
            .argument = Argument::number8,
            .invertible = id == hops_equal,
            .excludes = any_hops};
}

constexpr std::array<Option, 4> ttl_options{
    hops_option("ttl-lt", hops_less), hops_option("ttl-gt", hops_greater), hops_option("ttl-eq", hops_equal),
    hops_option("ttl", hops_equal)};
constexpr std::array<Option, 3> hl_options{
    hops_option("hl-lt", hops_less), hops_option("hl-gt", hops_greater), hops_option("hl-eq", hops_equal)};

void take_hops(HopsMatch& hops, const OptionCall& call) {
    hops.value = static_cast<std::uint8_t>(call.number);
    if (call.option.id == hops_equal)
        hops.compare = call.inverted ? Compare::unequal : Compare::equal;
    else
        hops.compare = call.option.id == hops_less ? Compare::less : Compare::greater;
}
void take_ttl(TtlMatch& ttl, OptionCall& call) {
    take_hops(ttl, call);
}
void take_hl(HlMatch& hl, OptionCall& call) {
    take_hops(hl, call);
}

void finish_ttl(const TtlMatch&, std::uint32_t seen) {
    if (!(seen & any_hops))
        refuse_parameter("TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt");
}
void finish_hl(const HlMatch&, std::uint32_t seen) {
    if (!(seen & any_hops))
        refuse_parameter("HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'");
}

void save_hops(std::string& out, std::string_view name, const HopsMatch& hops) {
    constexpr std::string_view options[] = {"eq", "eq", "lt", "gt"};
    append(out, "{} --{}-{} {}", bang(hops.compare == Compare::unequal), name,
           options[static_cast<std::size_t>(hops.compare)], hops.value);
}
void list_hops(std::string& out, std::string_view name, const HopsMatch& hops) {
    constexpr std::string_view signs[] = {"==", "!=", "<", ">"};
    append(out, " {0} match {0} {1} {2}", name, signs[static_cast<std::size_t>(hops.compare)], hops.value);
}
void save_ttl(std::string& out, const TtlMatch& ttl, const Frame&) {
    save_hops(out, "ttl", ttl);
}
void list_ttl(std::string& out, const TtlMatch& ttl, const Frame&) {
    list_hops(out, "TTL", ttl);
}
void save_hl(std::string& out, const HlMatch& hl, const Frame&) {
    save_hops(out, "hl", hl);
}
void list_hl(std::string& out, const HlMatch& hl, const Frame&) {
    list_hops(out, "HL", hl);
}

}  // namespace

const MatchKind& ttl_match() {
    static const auto kind = [] {
        auto made = make_kind<TtlMatch, Match, take_ttl, save_ttl, list_ttl, finish_ttl>("ttl", ttl_options);
        made.ip6 = false;
        return made;
    }();
    return kind;
}

const MatchKind& hl_match() {
    static const auto kind = [] {
        auto made = make_kind<HlMatch, Match, take_hl, save_hl, list_hl, finish_hl>("hl", hl_options);
        made.ip = false;
        return made;
    }();
    return kind;
}

}  // namespace weft::hook
