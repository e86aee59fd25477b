// The options of conntrack 1.4.7: their names, and which command takes which.
#pragma once

#include <getopt.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "control/flow/command.hpp"

namespace weft::conntrack {

/// What getopt gives for an option of a protocol; those of the program itself are their letters.
enum ProtocolOption : int {
    option_orig_source_port = 256,
    option_orig_destination_port,
    option_reply_source_port,
    option_reply_destination_port,
    option_mask_source_port,
    option_mask_destination_port,
    option_tuple_source_port,
    option_tuple_destination_port,
    option_state,
    option_orig_tag,
    option_reply_tag,
    option_icmp_type,
    option_icmp_code,
    option_icmp_id,
    option_end,
};

inline constexpr const char* short_options =
    ":L::I::U::D::G::E::F::A::hVs:d:r:q:p:t:u:e:a:z[:]:{:}:m:i:f:o:n::"
    "g::c:b:C::Sj::w:l:<:>::(:):";

/// The program's, and those of a protocol once -p named it (0: none); ends as getopt_long wants.
[[nodiscard]] std::vector<option> long_options(std::uint8_t protocol);
/// The first name of an option, as messages have it.
[[nodiscard]] std::string_view name_of_option(int letter);

enum class Need : std::uint8_t { illegal, compulsory, optional, coupled };
/// Of the program's options in the order in which it complains; `letters` goes along.
inline constexpr std::string_view option_letters = "sdrqptuze[]{}amifngocbjwl<>()";
[[nodiscard]] Need need_of(Action, char letter);
/// Of the same commands on the table expect.
[[nodiscard]] Need need_of_expect(Action, char letter);
/// The same of a protocol's.
[[nodiscard]] std::span<const int> protocol_options(std::uint8_t protocol);
[[nodiscard]] Need need_of_protocol_option(Action, int option);
[[nodiscard]] Need need_of_expect_protocol_option(Action, int option);

}  // namespace weft::conntrack
