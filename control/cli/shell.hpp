// The interactive shell: lines, history, completion. Reads commands from a pipe as well.
#pragma once

#include "control/cli/client.hpp"

namespace weft::cli {

/// Runs lines until the end of standard input, "exit" or "quit". A line that fails does not end it. Returns
/// the status of the last line that failed, 0 if none.
int run_shell(const Client& client);

}  // namespace weft::cli
