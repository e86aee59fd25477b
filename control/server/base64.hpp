// Base64 (RFC 4648 section 4) for streams of bytes in JSON lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft::server {

[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// Padded text only; nothing if it is not base64.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace weft::server
