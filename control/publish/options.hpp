// The command line of weftd.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weft/result.hpp"

namespace weft {

struct DaemonOptions {
    std::string config;             ///< empty: /etc/weft/weft.conf if it exists
    std::string socket;             ///< never empty after parsing
    std::string netns;              ///< of the TAPs; empty: the current one
    std::vector<unsigned> workers;  ///< CPUs; never empty after parsing
    std::vector<unsigned> control;  ///< the other allowed CPUs, or the workers' if there is none
    bool poll = false, no_kernel = false, no_huge = false, clean = false, help = false, version = false,
         manual = false;
    std::string pidfile;
    std::vector<std::string> eal;  ///< after "--"
};

/// Errors: usage (exit 1), naming the word.
Result<DaemonOptions> parse_daemon_options(int argc, const char* const argv[]);
[[nodiscard]] std::string daemon_usage();
/// The manual page weftd(8) in man(7)'s language.
[[nodiscard]] std::string daemon_manual();

/// A CPU list as taskset -c takes it: "0,5,8-11,0-20:2". Only allowed CPUs.
Result<std::vector<unsigned>> parse_cpu_list(std::string_view text, const std::vector<unsigned>& allowed);
/// CPUs this process may run on, in order.
[[nodiscard]] std::vector<unsigned> allowed_cpus();

}  // namespace weft
