// A command carried out on a table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/hook/command.hpp"
#include "control/hook/ruleset.hpp"

namespace weft::hook {

/// Why libiptc or the kernel would refuse: an errno, and their sentence for it without the full stop.
struct Failure {
    int error;
    std::string message;
};
/// Of an errno that has no sentence of its own.
[[nodiscard]] Failure failure(int error);

/// What a command adds to: what it prints, and what it warns of.
struct Said {
    std::string& output;
    std::string& warnings;
};

/// Changes `table`. The table may be half changed after a failure:
/// work on a copy. Throws Refusal if the rule names a target that is none.
[[nodiscard]] std::optional<Failure> execute(Family, const Command&, Table& table, Said);

/// What the program itself does, so that no chain can be called so.
[[nodiscard]] bool is_verdict(std::string_view name) noexcept;
/// libiptc's room for a chain's name with its end (IPT_CHAINLABEL's 32 bytes), of which iptables uses
/// name_limit.
inline constexpr std::size_t chain_label_size = 32;

/// True if the command can change the table.
[[nodiscard]] bool changes(const Command&) noexcept;

void flush_all(Table&);
void delete_user_chains(Table&);

}  // namespace weft::hook
