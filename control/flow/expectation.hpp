// An expected connection as conntrack-tools shows it (libnetfilter_conntrack 1.0.9,
// expect/snprintf_default.c).
#pragma once

#include <string>

#include "control/flow/entry.hpp"

namespace weft::conntrack {

struct Expectation {
    bool v6 = false;
    std::uint8_t protocol = 0;
    std::uint32_t timeout = 0;  ///< seconds left
    Tuple expected, mask, master;
    bool permanent = false, inactive = false;
    std::string helper;
};

/// One line, without its end.
[[nodiscard]] std::string print(const Expectation&);
/// The same as `conntrack -E expect` has it.
[[nodiscard]] std::string print(Event, const Expectation&);
/// {"expected":{…},"mask":{…},"master":{…},"timeout":…,"class":0,"helper":…}
void append_json(std::string& out, const Expectation&);

}  // namespace weft::conntrack
