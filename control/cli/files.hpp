// The client reads and writes all files, so paths are the caller's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weft/result.hpp"

namespace weft::cli {

/// The file's text; "-" is standard input. Errors: refused, "FILE: No such file or directory".
[[nodiscard]] Result<std::string> read_file(const std::string& path);

/// Replaces the file's content as a whole or not at all, keeping its mode; "-" and what is no regular file
/// are written to as they are.
[[nodiscard]] Result<> write_file(const std::string& path, std::string_view text);

/// The frames of a capture file of Ethernet (pcap or pcapng), each in hexadecimal digits. Errors: refused.
[[nodiscard]] Result<std::vector<std::string>> read_capture(const std::string& path);

/// Everything to a descriptor. False: errno says why.
[[nodiscard]] bool write_all(int descriptor, std::string_view text);

}  // namespace weft::cli
