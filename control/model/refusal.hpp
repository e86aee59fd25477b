// Errors in the words of the Linux program whose command was refused.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "control/command/grammar.hpp"
#include "weft/result.hpp"

namespace weft {

/// A command line that cannot be read. What status that is of a Linux program says command::exit_status().
[[nodiscard]] inline Error usage_error(std::string sentence, int column = 0) {
    return {ErrorCode::usage, std::move(sentence), column};
}

/// A command that was understood and cannot be done, with the word it fails on.
[[nodiscard]] inline Error refuse_at(std::string sentence, int column = 0) {
    return {ErrorCode::refused, std::move(sentence), column};
}

/// A value of the command line that one of weft's own words cannot take: exit 1, caret under it.
[[nodiscard]] inline Error wrong_word(const command::Item& item, std::string_view expected) {
    return {ErrorCode::usage, fmt::format("\"{}\" is wrong: expected {}", item.value, expected), item.column};
}

/// iproute2's `ip`.
namespace ip {
[[nodiscard]] inline Error kernel(std::string_view words) {
    return refuse(fmt::format("RTNETLINK answers: {}", words));
}
[[nodiscard]] inline Error wrong(const command::Item& item, std::string_view why) {
    return usage_error(fmt::format("Error: argument \"{}\" is wrong: {}", item.value, why), item.column);
}
[[nodiscard]] inline Error no_device(const command::Item& item) {
    return refuse_at(fmt::format("Cannot find device \"{}\"", item.value), item.column);
}
[[nodiscard]] inline Error no_device_to_show(const command::Item& item) {
    return refuse_at(fmt::format("Device \"{}\" does not exist.", item.value), item.column);
}
}  // namespace ip

/// iproute2's `bridge`.
namespace bridge {
[[nodiscard]] inline Error refused(std::string sentence, int column = 0) {
    return refuse_at(std::move(sentence), column);
}
[[nodiscard]] inline Error kernel(std::string_view words) {
    return refused(fmt::format("RTNETLINK answers: {}", words));
}
[[nodiscard]] inline Error no_device(const command::Item& item) {
    return refused(fmt::format("Cannot find device \"{}\"", item.value), item.column);
}
[[nodiscard]] inline Error no_bridge_device(const command::Item& item) {
    return refused(fmt::format("Cannot find bridge device \"{}\"", item.value), item.column);
}
}  // namespace bridge

/// bridge-utils' `brctl`.
[[nodiscard]] inline Error brctl_refused(std::string sentence) {
    return refuse(std::move(sentence));
}

}  // namespace weft
