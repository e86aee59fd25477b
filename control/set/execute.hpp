// A command carried out on sets.
#pragma once

#include <string>

#include "control/set/command.hpp"
#include "control/set/print.hpp"

namespace weft::ipset {

/// Changes `sets` or writes to `out` what the command prints. Throws Refusal; the sets may be half changed
/// then. False if it was a test and the element is not in the set; `said` is what ipset says on stderr of a
/// test.
bool execute(const Command&, Sets& sets, const Environment&, std::string& out, std::string& said);

}  // namespace weft::ipset
