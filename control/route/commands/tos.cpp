#include "control/route/commands/tos.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace weft {

namespace {

struct Name {
    std::string_view word;
    std::uint8_t value;
};
constexpr Name names[] = {{"0", 0},       {"default", 0}, {"CS1", 0x20},  {"AF11", 0x28}, {"AF12", 0x30},
                          {"AF13", 0x38}, {"CS2", 0x40},  {"AF21", 0x48}, {"AF22", 0x50}, {"AF23", 0x58},
                          {"CS3", 0x60},  {"AF31", 0x68}, {"AF32", 0x70}, {"AF33", 0x78}, {"CS4", 0x80},
                          {"AF41", 0x88}, {"AF42", 0x90}, {"AF43", 0x98}, {"CS5", 0xa0},  {"EF", 0xb8},
                          {"CS6", 0xc0},  {"CS7", 0xe0}};

}  // namespace

std::optional<std::uint8_t> read_tos(std::string_view word) {
    const auto* const known =
        std::find_if(std::begin(names), std::end(names), [&](const Name& name) { return name.word == word; });
    if (known != std::end(names)) return known->value;
    if (word.starts_with("0x") || word.starts_with("0X")) word.remove_prefix(2);
    std::uint8_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 16);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    return value;
}

std::string tos_text(std::uint8_t tos) {
    const auto* const known =
        std::find_if(std::begin(names), std::end(names), [&](const Name& name) { return name.value == tos; });
    return known != std::end(names) ? std::string(known->word) : fmt::format("{:#04x}", tos);
}

}  // namespace weft
