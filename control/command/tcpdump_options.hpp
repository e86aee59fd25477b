// tcpdump's command line, which getopt(3) reads, made into words that the grammar reads.
#pragma once

#include <string>
#include <vector>

#include "weft/result.hpp"

namespace weft::command {

/// "-nei", "-c5", "--interface=br0" become words of their own; of an option given twice the last counts; what
/// changes nothing here is left out. What is no option is the filter, wherever it stands, and all behind
/// "--". `columns` goes along. `unfinished`: the last option may lack its value. Errors: usage, in tcpdump's
/// words where it would refuse, else by the option's name.
[[nodiscard]] Result<> spread_tcpdump_options(std::vector<std::string>& words, std::vector<int>& columns,
                                              bool unfinished);

}  // namespace weft::command
