// A line of iptables or ip6tables, read but not yet carried out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/hook/kind.hpp"
#include "control/hook/refusal.hpp"
#include "control/hook/rule.hpp"

namespace weft::hook {

/// Bits: -L and -Z, -S and -Z may stand together.
enum Action : std::uint32_t {
    action_insert = 1U << 0,
    action_delete = 1U << 1,
    action_delete_number = 1U << 2,
    action_replace = 1U << 3,
    action_append = 1U << 4,
    action_list = 1U << 5,
    action_flush = 1U << 6,
    action_zero = 1U << 7,
    action_new_chain = 1U << 8,
    action_delete_chain = 1U << 9,
    action_set_policy = 1U << 10,
    action_rename_chain = 1U << 11,
    action_list_rules = 1U << 12,
    action_zero_number = 1U << 13,
    action_check = 1U << 14,
};
inline constexpr std::uint32_t actions_with_rule =
    action_insert | action_delete | action_replace | action_append | action_check;

struct Command {
    std::uint32_t action = 0;  ///< 0: nothing to do (a line for the other family, or what `output` answers)
    std::string table;
    std::string chain, new_name, policy;
    bool chain_given = false;
    std::uint32_t number = 0;  ///< from 1; 0 if none
    bool verbose = false, numeric = false, exact = false, line_numbers = false;
    Counters counters;
    bool counters_given = false;

    Rule rule;               ///< without addresses, and without a target that is a verdict or chain
    std::string jump;        ///< word after -j or -g
    bool go = false;         ///< it was -g
    bool extension = false;  ///< jump names a target of Kind
    std::vector<Prefix> sources, destinations;

    std::string output;  ///< of --help and --version
    std::size_t chain_word = 0, jump_word = 0, number_word = 0, table_word = 0;
};

/// How the line is read.
struct Reading {
    Family family;
    std::string_view program;           ///< as messages name it
    bool restore = false;               ///< a line of a save file: some options are refused there
    std::string_view table = "filter";  ///< the line's, if it names none
};

/// Reads words[first…]. Refuses (throws Refusal); `word` is then the index of the offending word, or past the
/// last.
[[nodiscard]] Command read_command(const Reading&, const Environment&, std::span<const std::string> words,
                                   std::size_t first, std::size_t& word, std::string& warnings);

}  // namespace weft::hook
