// /proc/sys/net of a namespace.
#pragma once

#include <string>
#include <string_view>

#include "control/kernel/netns.hpp"
#include "weft/result.hpp"

namespace weft {

/// Whether `path` is like "net/ipv4/conf/br0.8/rp_filter": below net/, words separated by '/', none of them
/// empty, "." or "..". Separated by '/' because interface names may contain dots.
[[nodiscard]] bool is_sysctl_path(std::string_view path) noexcept;

/// The value without its final newline. Refused with the path and the kernel's words.
Result<std::string> read_sysctl(const Netns& netns, const std::string& path);

Result<> write_sysctl(const Netns& netns, const std::string& path, std::string_view value);

}  // namespace weft
