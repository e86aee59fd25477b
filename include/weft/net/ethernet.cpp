#include "weft/net/ethernet.hpp"

namespace weft {

namespace {
constexpr char digits[] = "0123456789abcdef";

int digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}
}  // namespace

std::string to_string(const MacAddress& mac) {
    std::string text;
    for (const auto byte : mac.bytes) {
        if (!text.empty()) text += ':';
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        if (i > 0) {
            if (at >= text.size() || (text[at] != ':' && text[at] != '-')) return std::nullopt;
            ++at;
        }
        int value = -1;
        for (int n = 0; n < 2 && at < text.size() && digit(text[at]) >= 0; ++n, ++at)
            value = (value < 0 ? 0 : value * 16) + digit(text[at]);
        if (value < 0) return std::nullopt;
        mac.bytes[i] = static_cast<std::uint8_t>(value);
    }
    if (at != text.size()) return std::nullopt;
    return mac;
}

}  // namespace weft
