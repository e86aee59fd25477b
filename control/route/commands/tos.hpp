// A TOS as iproute2 reads and writes it (lib/rt_names.c): by the names of its rt_dsfield, else hexadecimal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

/// "AF11", "0x28" or "28"; nothing of other words and above 0xff.
[[nodiscard]] std::optional<std::uint8_t> read_tos(std::string_view word);
[[nodiscard]] std::string tos_text(std::uint8_t tos);

}  // namespace weft
