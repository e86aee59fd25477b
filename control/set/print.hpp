// Sets in ipset's text.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "control/set/sets.hpp"

namespace weft::ipset {

/// What is not in the values: the time, what workers counted, who refers to a set.
struct Environment {
    std::uint64_t now_us = 0;  ///< coarse_microseconds()
    std::function<std::optional<hook::Counters>(std::uint64_t id, const Key&)> counters{};
    std::function<std::size_t(std::string_view name)> references{};
    std::function<std::uint32_t()> random{};
};

/// "10.0.0.0/8 timeout 9 nomatch packets 1 bytes 60 comment "x"". Without `counts` what is counted is left
/// out.
void put_entry(std::string& out, const Set&, const Entry&, const Environment&, bool counts = true);
/// "family inet hashsize 1024 maxelem 65536 timeout 9 …", without initval.
[[nodiscard]] std::string header(const Options&);
/// As `ipset save` prints it.
void put_saved(std::string& out, std::string_view name, const Set&, const Environment&);
/// As `ipset list` prints it.
void put_listed(std::string& out, std::string_view name, const Set&, const Environment&, bool terse);

}  // namespace weft::ipset
