// Where a traced packet is, as trace_packet of net/ipv4/netfilter/ip_tables.c words it.
#pragma once

#include <cstddef>
#include <string>

#include "control/hook/ruleset.hpp"

namespace weft::hook {

/// "raw:PREROUTING:rule:1" of the rule at `index` from 0; at index rules.size() the end of the chain:
/// "raw:PREROUTING:policy:2" of a built-in one, else "filter:LAN:return:3". Like the kernel, which knows the
/// end of a chain by what stands there, it takes a rule that says ACCEPT, DROP or RETURN of every packet for
/// one.
[[nodiscard]] std::string trace_words(TableId, const Chain&, std::size_t index);

}  // namespace weft::hook
