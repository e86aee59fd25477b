#include "control/show/columns.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft {

std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t right_from,
                    bool last_left) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool right = i >= right_from && !(last_left && i + 1 == row.size());
            if (i) line += "  ";
            line +=
                right ? fmt::format("{:>{}}", row[i], widths[i]) : fmt::format("{:<{}}", row[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

}  // namespace weft
