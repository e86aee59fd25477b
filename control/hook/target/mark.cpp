// MARK and CONNMARK: the same arithmetic on two marks.
#include "control/hook/kinds.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum MarkOption : unsigned {
    mark_set,
    mark_and,
    mark_or,
    mark_xor,
    mark_set_xor,
    mark_save,
    mark_restore,
    mark_ctmask,
    mark_nfmask,
    mark_mask,
    mark_left,
    mark_right
};
constexpr std::uint32_t mark_operations = 0x1f;
constexpr std::uint32_t connmark_operations = 0x7f;
constexpr std::uint32_t all_bits = 0xffffffff;

constexpr std::array<Option, 5> mark_option_list{{
    {.name = "set-xmark", .id = mark_set_xor, .argument = Argument::masked_mark, .excludes = mark_operations},
    {.name = "set-mark", .id = mark_set, .argument = Argument::masked_mark, .excludes = mark_operations},
    {.name = "and-mark", .id = mark_and, .argument = Argument::number32, .excludes = mark_operations},
    {.name = "or-mark", .id = mark_or, .argument = Argument::number32, .excludes = mark_operations},
    {.name = "xor-mark", .id = mark_xor, .argument = Argument::number32, .excludes = mark_operations},
}};

constexpr std::array<Option, 12> connmark_option_list{{
    {.name = "set-xmark",
     .id = mark_set_xor,
     .argument = Argument::masked_mark,
     .excludes = connmark_operations},
    {.name = "set-mark", .id = mark_set, .argument = Argument::masked_mark, .excludes = connmark_operations},
    {.name = "and-mark", .id = mark_and, .argument = Argument::number32, .excludes = connmark_operations},
    {.name = "or-mark", .id = mark_or, .argument = Argument::number32, .excludes = connmark_operations},
    {.name = "xor-mark", .id = mark_xor, .argument = Argument::number32, .excludes = connmark_operations},
    {.name = "save-mark", .id = mark_save, .excludes = connmark_operations},
    {.name = "restore-mark", .id = mark_restore, .excludes = connmark_operations},
    {.name = "left-shift-mark", .id = mark_left, .argument = Argument::number8, .max = 32},
    {.name = "right-shift-mark", .id = mark_right, .argument = Argument::number8, .max = 32},
    {.name = "ctmask", .id = mark_ctmask, .argument = Argument::number32, .excludes = option_bit(mark_mask)},
    {.name = "nfmask", .id = mark_nfmask, .argument = Argument::number32, .excludes = option_bit(mark_mask)},
    {.name = "mask",
     .id = mark_mask,
     .argument = Argument::number32,
     .excludes = option_bit(mark_ctmask) | option_bit(mark_nfmask)},
}};

/// Each operation as (mark & ~mask) ^ value; false if the option is none of them.
bool take_operation(std::uint32_t& value, std::uint32_t& mask, const OptionCall& call) {
    const auto number = static_cast<std::uint32_t>(call.number);
    switch (call.option.id) {
        case mark_set_xor:
            value = call.mark.value, mask = call.mark.mask;
            return true;
        case mark_set:
            value = call.mark.value, mask = call.mark.value | call.mark.mask;
            return true;
        case mark_and:
            value = 0, mask = ~number;
            return true;
        case mark_or:
            value = mask = number;
            return true;
        case mark_xor:
            value = number, mask = 0;
            return true;
        default:
            return false;
    }
}

void list_operation(std::string& out, std::uint32_t value, std::uint32_t mask) {
    if (value == 0)
        append(out, " and 0x{:x}", ~mask);
    else if (value == mask)
        append(out, " or 0x{:x}", value);
    else if (mask == 0)
        append(out, " xor 0x{:x}", value);
    else if (mask == all_bits)
        append(out, " set 0x{:x}", value);
    else
        append(out, " xset 0x{:x}/0x{:x}", value, mask);
}

void take_mark_target(MarkTarget& mark, OptionCall& call) {
    take_operation(mark.value, mark.mask, call);
}
void finish_mark_target(const MarkTarget&, std::uint32_t seen) {
    if (seen == 0)
        refuse_parameter("MARK: One of the --set-xmark, --{{and,or,xor,set}}-mark options is required");
}
void save_mark_target(std::string& out, const MarkTarget& mark, const Frame&) {
    append(out, " --set-xmark 0x{:x}/0x{:x}", mark.value, mark.mask);
}
void list_mark_target(std::string& out, const MarkTarget& mark, const Frame&) {
    out += " MARK";
    list_operation(out, mark.value, mark.mask);
}

void take_connmark_target(ConnmarkTarget& connmark, OptionCall& call) {
    using Mode = ConnmarkTarget::Mode;
    const auto number = static_cast<std::uint32_t>(call.number);
    if (take_operation(connmark.value, connmark.ctmask, call)) {
        connmark.mode = Mode::set;
        return;
    }
    switch (call.option.id) {
        case mark_save:
            connmark.mode = Mode::save;
            return;
        case mark_restore:
            connmark.mode = Mode::restore;
            return;
        case mark_ctmask:
            connmark.ctmask = number;
            return;
        case mark_nfmask:
            connmark.nfmask = number;
            return;
        case mark_mask:
            connmark.ctmask = connmark.nfmask = number;
            return;
        default:
            connmark.shift_right = call.option.id == mark_right;
            connmark.shift_bits = static_cast<std::uint8_t>(number);
    }
}

void finish_connmark_target(const ConnmarkTarget&, std::uint32_t seen) {
    if (!(seen & connmark_operations)) refuse_parameter("CONNMARK target: No operation specified");
}

std::string_view shift_name(const ConnmarkTarget& connmark) {
    return connmark.shift_right ? "right-shift-mark" : "left-shift-mark";
}

void save_connmark_target(std::string& out, const ConnmarkTarget& connmark, const Frame&) {
    if (connmark.mode == ConnmarkTarget::Mode::set)
        append(out, " --set-xmark 0x{:x}/0x{:x}", connmark.value, connmark.ctmask);
    else
        append(out, " --{}-mark --nfmask 0x{:x} --ctmask 0x{:x}",
               connmark.mode == ConnmarkTarget::Mode::save ? "save" : "restore", connmark.nfmask,
               connmark.ctmask);
    if (connmark.shift_bits != 0) append(out, " --{} {}", shift_name(connmark), connmark.shift_bits);
}

void list_connmark_target(std::string& out, const ConnmarkTarget& connmark, const Frame&) {
    out += " CONNMARK";
    const bool save = connmark.mode == ConnmarkTarget::Mode::save;
    if (connmark.mode == ConnmarkTarget::Mode::set) {
        list_operation(out, connmark.value, connmark.ctmask);
    } else {
        out += save ? " save" : " restore";
        if (connmark.nfmask != connmark.ctmask)
            append(out, " {} 0x{:x} {} ~0x{:x}", save ? "nfmask" : "ctmask",
                   save ? connmark.nfmask : connmark.ctmask, save ? "ctmask" : "nfmask",
                   save ? connmark.ctmask : connmark.nfmask);
        else if (connmark.nfmask != all_bits)
            append(out, " mask 0x{:x}", connmark.nfmask);
    }
    if (connmark.shift_bits != 0) append(out, " {} {}", shift_name(connmark), connmark.shift_bits);
}

}  // namespace

const TargetKind& mark_target() {
    static const auto kind = make_kind<MarkTarget, Target, take_mark_target, save_mark_target,
                                       list_mark_target, finish_mark_target>("MARK", mark_option_list);
    return kind;
}

const TargetKind& connmark_target() {
    static const auto kind =
        make_kind<ConnmarkTarget, Target, take_connmark_target, save_connmark_target, list_connmark_target,
                  finish_connmark_target>("CONNMARK", connmark_option_list);
    return kind;
}

}  // namespace weft::hook
