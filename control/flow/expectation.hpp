// An expected connection as conntrack-tools shows it: as libnetfilter_conntrack 1.0.9 has it in
// expect/snprintf_default.c.
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
    std::uint16_t zone = 0;
    std::uint64_t key = 0;  ///< by which who tracks it knows it

    /// nf_ct_expect_find_get: a packet of this tuple would be what is expected.
    [[nodiscard]] bool fits(bool of_v6, std::uint8_t of_protocol, const Tuple&) const noexcept;
};

/// One line, without its end.
[[nodiscard]] std::string print(const Expectation&);
/// The same as `conntrack -E expect` has it.
[[nodiscard]] std::string print(Event, const Expectation&);
/// {"expected":{…},"mask":{…},"master":{…},"timeout":…,"class":0,"helper":…}
void append_json(std::string& out, const Expectation&);

}  // namespace weft::conntrack
