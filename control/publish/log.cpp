#include "control/publish/log.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <iterator>

namespace weft {

void log_line(std::string_view line) noexcept {
    static constexpr std::string_view head = "weftd: ", end = "\n";
    const auto piece = [](std::string_view text) {
        return iovec{const_cast<char*>(text.data()), text.size()};
    };
    const iovec pieces[] = {piece(head), piece(line), piece(end)};
    [[maybe_unused]] const auto written = writev(STDERR_FILENO, pieces, std::size(pieces));
}

}  // namespace weft
