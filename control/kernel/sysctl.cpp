#include "control/kernel/sysctl.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weft {
namespace {

Result<Descriptor> open_sysctl(const std::string& path, int mode) {
    if (!is_sysctl_path(path)) return refuse(fmt::format("{} is not a network sysctl", path));
    Descriptor file{::open(("/proc/sys/" + path).c_str(), mode | O_CLOEXEC)};
    if (!file) return refuse(fmt::format("sysctl {}: {}", path, std::strerror(errno)));
    return file;
}

}  // namespace

bool is_sysctl_path(std::string_view path) noexcept {
    if (!path.starts_with("net/") || path.find('\0') != path.npos) return false;
    while (true) {
        const auto end = std::min(path.find('/'), path.size());
        const auto word = path.substr(0, end);
        if (word.empty() || word == "." || word == "..") return false;
        if (end == path.size()) return true;
        path.remove_prefix(end + 1);
    }
}

Result<std::string> read_sysctl(const Netns& netns, const std::string& path) {
    return run_in(netns, [&]() -> Result<std::string> {
        auto file = open_sysctl(path, O_RDONLY);
        if (!file) return std::move(file).error();
        std::string text;
        char block[4096];
        ssize_t n;
        while ((n = read(file->get(), block, sizeof block)) > 0)
            text.append(block, static_cast<std::size_t>(n));
        if (n < 0) return refuse(fmt::format("sysctl {}: {}", path, std::strerror(errno)));
        if (!text.empty() && text.back() == '\n') text.pop_back();
        return text;
    });
}

Result<> write_sysctl(const Netns& netns, const std::string& path, std::string_view value) {
    return run_in(netns, [&]() -> Result<> {
        auto file = open_sysctl(path, O_WRONLY);
        if (!file) return std::move(file).error();
        if (write(file->get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
            return refuse(fmt::format("sysctl {} = {}: {}", path, value, std::strerror(errno)));
        return {};
    });
}

}  // namespace weft
