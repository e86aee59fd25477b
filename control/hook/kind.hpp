// Kinds of matches and targets: each file in match/ and target/ describes what it reads, prints and where it
// may stand. The lists in kinds.cpp name them all.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <functional>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "control/hook/option.hpp"
#include "control/hook/rule.hpp"

namespace weft::hook {

/// What rules refer to that is not in them. Called while a line is read.
struct Environment {
    enum class SetFamily : std::uint8_t { ip, ip6, any };
    /// The family of the set of this name, nothing if there is none. Empty: there are no sets.
    std::function<std::optional<SetFamily>(std::string_view)> find_set;
};

/// The rule's frame that a match or target is printed or checked with.
struct Frame {
    Family family;
    const Rule& rule;
    bool numeric = true;  ///< -n: no service names
};

/// Where a rule stands, when a table is committed: the kernel's xt_mtchk_param and xt_tgchk_param.
struct Place {
    Family family;
    TableId table;
    HookMask hooks;  ///< from which the rule's chain is reached
    const Rule& rule;
};

/// Why the kernel refuses a match or target where it stands.
struct Objection {
    int error = 0;       ///< errno; 0: it does not
    std::string reason;  ///< one sentence, without a full stop
    explicit operator bool() const noexcept { return error != 0; }
};
/// EINVAL, and why.
template <class... Arguments>
[[nodiscard]] Objection object(fmt::format_string<Arguments...> why, Arguments&&... arguments) {
    return {EINVAL, fmt::format(why, std::forward<Arguments>(arguments)...)};
}
/// To standing in another table.
[[nodiscard]] Objection only_in(const Place&, TableId);
/// To `what`, as the line has it, where packets come from other hooks than these.
[[nodiscard]] Objection only_from(const Place&, HookMask, std::string_view what);

/// A kind of a match (Variant is Match) or target. Functions that have nothing to do may be null.
template <class Variant>
struct Kind {
    std::string_view name;
    std::string_view listed;  ///< in -L's target column, if not the name
    bool ip = true, ip6 = true;
    std::span<const Option> options;
    Variant (*fresh)(Family);
    void (*take)(Variant&, OptionCall&, const Environment&);
    void (*finish)(const Variant&, std::uint32_t seen);  ///< before check_options; refuses
    void (*save)(std::string&, const Variant&, const Frame&);
    void (*list)(std::string&, const Variant&, const Frame&);
    Objection (*check)(const Variant&, const Place&);
    bool (*is)(const Variant&);  ///< of two kinds with one struct, or null
    void (*help)(std::string&);  ///< what -h says after the options
};
using MatchKind = Kind<Match>;
using TargetKind = Kind<Target>;

/// By the name after -m; for IPv6, the aliases of icmp6 too. Null if weft has none of that name and family.
[[nodiscard]] const MatchKind* find_match(Family, std::string_view name);
[[nodiscard]] const TargetKind* find_target(Family, std::string_view name);
[[nodiscard]] const MatchKind& kind_of(const Match&);
/// Null for no target, verdicts and jumps.
[[nodiscard]] const TargetKind* kind_of(Family, const Target&);

/// Wraps functions on a match's own struct into those of its kind.
template <class Data, class Variant, auto Take, auto Save, auto List, auto Finish = nullptr,
          auto Check = nullptr, auto Fresh = nullptr>
[[nodiscard]] constexpr Kind<Variant> make_kind(std::string_view name, std::span<const Option> options) {
    Kind<Variant> kind{};
    kind.name = name;
    kind.options = options;
    kind.fresh = [](Family family) -> Variant {
        if constexpr (std::is_null_pointer_v<decltype(Fresh)>)
            return static_cast<void>(family), Data{};
        else
            return Fresh(family);
    };
    if constexpr (!std::is_null_pointer_v<decltype(Take)>)
        kind.take = [](Variant& data, OptionCall& call, const Environment& environment) {
            if constexpr (std::is_invocable_v<decltype(Take), Data&, OptionCall&, const Environment&>)
                Take(std::get<Data>(data), call, environment);
            else
                static_cast<void>(environment), Take(std::get<Data>(data), call);
        };
    if constexpr (!std::is_null_pointer_v<decltype(Finish)>)
        kind.finish = [](const Variant& data, std::uint32_t seen) { Finish(std::get<Data>(data), seen); };
    if constexpr (!std::is_null_pointer_v<decltype(Save)>)
        kind.save = [](std::string& out, const Variant& data, const Frame& frame) {
            Save(out, std::get<Data>(data), frame);
        };
    if constexpr (!std::is_null_pointer_v<decltype(List)>)
        kind.list = [](std::string& out, const Variant& data, const Frame& frame) {
            List(out, std::get<Data>(data), frame);
        };
    if constexpr (!std::is_null_pointer_v<decltype(Check)>)
        kind.check = [](const Variant& data, const Place& place) {
            return Check(std::get<Data>(data), place);
        };
    kind.is = [](const Variant& data) { return std::holds_alternative<Data>(data); };
    return kind;
}

/// Appends by fmt.
template <class... Arguments>
void append(std::string& out, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out), text, std::forward<Arguments>(arguments)...);
}
[[nodiscard]] constexpr std::string_view bang(bool inverted) noexcept {
    return inverted ? " !" : "";
}

}  // namespace weft::hook
