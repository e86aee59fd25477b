// Options of matches and targets: their types, what excludes what, and the messages of libxtables about them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "weft/hook/types.hpp"

namespace weft::hook {

enum class Argument : std::uint8_t {
    none,
    text,  ///< length between min and max; 0 is no bound; cut to `size` - 1 bytes if size is not 0
    number8,
    number16,
    number32,
    range16,  ///< low:high
    range32,
    masked_mark,  ///< value[/mask]
    syslog_level,
    address,
    prefix,
    protocol,
    port_range,  ///< numbers or services, low:high
    mac,
    own,  ///< read by the match itself, which also says what may be repeated or inverted
};

/// One long option. Bit `id` stands for it in `excludes` and `needs`.
struct Option {
    std::string_view name;
    unsigned id = 0;
    Argument argument = Argument::none;
    bool invertible = false, mandatory = false, repeatable = false;
    std::uint32_t excludes = 0, needs = 0;
    std::uint64_t min = 0, max = 0;
    std::size_t size = 0;
};
[[nodiscard]] constexpr std::uint32_t option_bit(unsigned id) noexcept {
    return 1U << id;
}

/// An option as it stood on the line, its argument read.
struct OptionCall {
    const Option& option;
    std::string_view kind;  ///< of the match or target
    Family family;
    bool inverted;
    std::string_view text;    ///< the argument
    const std::string* next;  ///< the word after it, or null
    bool next_taken = false;  ///< set by who used `next`
    std::uint8_t protocol;    ///< of the rule, so far
    bool protocol_inverted;
    std::string& warnings;  ///< lines for stderr that refuse nothing

    std::uint64_t number = 0;
    Range<std::uint32_t> range{};
    unsigned values = 1;  ///< how many of a range were written
    MaskedMark mark{};
    Prefix prefix{};
    std::array<std::uint8_t, 6> mac{};
};

/// Reads the argument into `call` by the option's type, and notes the option in `seen`. Refuses in
/// libxtables' words.
void read_option(OptionCall& call, std::uint32_t& seen);

/// What of these options is missing or excluded by another, when the line is over. Refuses.
void check_options(std::string_view kind, std::span<const Option>, std::uint32_t seen);

}  // namespace weft::hook
