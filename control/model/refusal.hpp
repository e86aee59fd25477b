// Errors in the words and with the exit status of the Linux program whose command was refused.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "control/command/grammar.hpp"
#include "weft/result.hpp"

namespace weft {

/// An error that ends the Linux program whose word it is with this status (0..255).
[[nodiscard]] inline Error exit_with(int status, std::string sentence, int column = 0) {
    return {static_cast<ErrorCode>(status), std::move(sentence), column};
}

/// One of weft's own words, understood but not done, with the word it fails on.
[[nodiscard]] inline Error refuse_at(std::string sentence, int column) {
    return {ErrorCode::refused, std::move(sentence), column};
}

/// A value of the command line that one of weft's own words cannot take: exit 1, caret under it.
[[nodiscard]] inline Error wrong_word(const command::Item& item, std::string_view expected) {
    constexpr std::size_t most = 60;
    return {ErrorCode::usage,
            fmt::format("\"{}{}\" is wrong: expected {}", item.value.substr(0, most),
                        item.value.size() > most ? "..." : "", expected),
            item.column};
}

/// iproute2's `ip`: 255 a wrong value (exit(-1)), 1 a device it does not find, 2 what the kernel refuses.
namespace ip {
[[nodiscard]] inline Error kernel(std::string_view words) {
    return refuse(fmt::format("RTNETLINK answers: {}", words));
}
[[nodiscard]] inline Error wrong(const command::Item& item, std::string_view why) {
    return exit_with(255, fmt::format("Error: argument \"{}\" is wrong: {}", item.value, why), item.column);
}
[[nodiscard]] inline Error no_device(const command::Item& item) {
    return exit_with(1, fmt::format("Cannot find device \"{}\"", item.value), item.column);
}
[[nodiscard]] inline Error no_device_to_show(const command::Item& item) {
    return exit_with(1, fmt::format("Device \"{}\" does not exist.", item.value), item.column);
}
/// Refuses a prefix that is not of the family that -4 or -6 asks for.
[[nodiscard]] inline Result<> check_family(const command::Match& match, const command::Item& item, bool v6) {
    if (!match.option(v6 ? "-4" : "-6")) return {};
    return exit_with(
        1, fmt::format("Error: {} prefix is expected rather than \"{}\".", v6 ? "inet" : "inet6", item.value),
        item.column);
}
}  // namespace ip

/// iproute2's `bridge`: 255 whatever it is (return -1).
namespace bridge {
[[nodiscard]] inline Error refused(std::string sentence, int column = 0) {
    return exit_with(255, std::move(sentence), column);
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

/// bridge-utils' `brctl`: 1.
[[nodiscard]] inline Error brctl_refused(std::string sentence) {
    return exit_with(1, std::move(sentence));
}

}  // namespace weft
