#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum PhysdevOption : unsigned { physdev_in, physdev_out, physdev_is_in, physdev_is_out, physdev_is_bridged };

constexpr std::array<Option, 5> physdev_options{{
    {.name = "physdev-in", .id = physdev_in, .argument = Argument::text, .invertible = true},
    {.name = "physdev-out", .id = physdev_out, .argument = Argument::text, .invertible = true},
    {.name = "physdev-is-in", .id = physdev_is_in, .invertible = true},
    {.name = "physdev-is-out", .id = physdev_is_out, .invertible = true},
    {.name = "physdev-is-bridged", .id = physdev_is_bridged, .invertible = true},
}};

void take_physdev(PhysdevMatch& physdev, OptionCall& call) {
    switch (call.option.id) {
        case physdev_in:
            physdev.in = {parse_interface(call.text, call.warnings), true, call.inverted};
            return;
        case physdev_out:
            physdev.out = {parse_interface(call.text, call.warnings), true, call.inverted};
            return;
        case physdev_is_in:
            physdev.is_in = {true, true, call.inverted};
            return;
        case physdev_is_out:
            physdev.is_out = {true, true, call.inverted};
            return;
        default:
            physdev.is_bridged = {true, true, call.inverted};
    }
}

void finish_physdev(const PhysdevMatch&, std::uint32_t seen) {
    if (seen == 0) refuse_parameter("PHYSDEV: no physdev option specified");
}

void save_physdev(std::string& out, const PhysdevMatch& physdev, const Frame&) {
    const auto flag = [&](const Part<bool>& part, std::string_view name) {
        if (part.given) append(out, "{} --physdev-{}", bang(part.inverted), name);
    };
    const auto interface = [&](const Part<Interface>& part, std::string_view name) {
        if (!part.given) return;
        append(out, "{} --physdev-{}", bang(part.inverted), name);
        save_word(out, part.value.text());
    };
    flag(physdev.is_in, "is-in");
    interface(physdev.in, "in");
    flag(physdev.is_out, "is-out");
    interface(physdev.out, "out");
    flag(physdev.is_bridged, "is-bridged");
}

void list_physdev(std::string& out, const PhysdevMatch& physdev, const Frame& frame) {
    out += " PHYSDEV match";
    save_physdev(out, physdev, frame);
}

/// xt_physdev.c: what has no bridge behind it yet cannot ask where it leaves.
Objection check_physdev(const PhysdevMatch& physdev, const Place& place) {
    const bool bridged = physdev.is_bridged.given && !physdev.is_bridged.inverted;
    const bool asks_out = physdev.out.given || physdev.is_out.given;
    if (!asks_out || bridged || !(place.hooks & bit(Hook::output))) return {};
    return object("--physdev-out and --physdev-is-out of packets from OUTPUT need --physdev-is-bridged");
}

}  // namespace

const MatchKind& physdev_match() {
    static const auto kind = make_kind<PhysdevMatch, Match, take_physdev, save_physdev, list_physdev,
                                       finish_physdev, check_physdev>("physdev", physdev_options);
    return kind;
}

}  // namespace weft::hook
