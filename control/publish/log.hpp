// weftd's log: one line after another on stderr.
#pragma once

#include <string_view>

namespace weft {

/// Writes "weftd: ", the line and a line end, in one piece. What stderr does not take (its reader went away)
/// is lost: a log is no reason to end.
void log_line(std::string_view line) noexcept;
/// The same after "<LEVEL>", syslog's, by which journald files a line (sd-daemon(3)).
void log_line_of(unsigned level, std::string_view line) noexcept;

}  // namespace weft
