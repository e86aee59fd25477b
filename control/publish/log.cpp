#include "control/publish/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <string>

namespace weft {

namespace {

// What poll(2) promises a pipe to have room for, so that a reader who stopped stops nobody here.
constexpr std::size_t most_at_once = 4096;
std::atomic<unsigned> lost{0};

bool has_room() noexcept {
    pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT);
}

void write_line(std::string_view text, std::string line = "weftd: ") {
    line.append(text.substr(0, most_at_once - line.size() - 1));
    line += '\n';
    [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

namespace {

/// False: nobody reads, and the line that was to be written is counted as lost.
bool may_write() {
    if (!has_room()) {
        ++lost;
        return false;
    }
    if (const unsigned before = lost.exchange(0)) {
        write_line(fmt::format("{} lines were lost: nobody read them in time", before));
        if (!has_room()) {
            ++lost;
            return false;
        }
    }
    return true;
}

}  // namespace

void log_line(std::string_view line) noexcept {
    if (may_write()) write_line(line);
}

void log_line_of(unsigned level, std::string_view line) noexcept {
    if (may_write()) write_line(line, fmt::format("<{}>weftd: ", level));
}

}  // namespace weft
