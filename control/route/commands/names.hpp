// The names of routing tables, protocols and scopes: the kernel's own, and those of /etc/iproute2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

/// Reads the files when made, none if the folder is empty. Files that are missing are no error.
class RoutingNames {
  public:
    explicit RoutingNames(const std::string& folder = "/etc/iproute2");

    [[nodiscard]] std::string table(std::uint32_t number) const { return name(tables_, number); }
    [[nodiscard]] std::string protocol(std::uint8_t number) const { return name(protocols_, number); }
    [[nodiscard]] std::string scope(std::uint8_t number) const { return name(scopes_, number); }
    /// By name or number.
    [[nodiscard]] std::optional<std::uint32_t> table(std::string_view text) const {
        return number(tables_, text, UINT32_MAX);
    }
    [[nodiscard]] std::optional<std::uint32_t> protocol(std::string_view text) const {
        return number(protocols_, text, 255);
    }
    [[nodiscard]] std::optional<std::uint32_t> scope(std::string_view text) const {
        return number(scopes_, text, 255);
    }

  private:
    using Names = std::map<std::uint32_t, std::string>;
    static void read(const std::string& path, Names& names);
    static std::string name(const Names& names, std::uint32_t number);
    static std::optional<std::uint32_t> number(const Names& names, std::string_view text, std::uint32_t most);
    Names tables_, protocols_, scopes_;
};

/// RTN_*: "unicast", "blackhole", …; a number where there is no word.
[[nodiscard]] std::string route_type_name(std::uint8_t type);
[[nodiscard]] std::optional<std::uint8_t> route_type(std::string_view word);

/// RTAX_* of the metrics that a route may set, by iproute2's words; 0: none.
[[nodiscard]] std::uint8_t metric_number(std::string_view word);
[[nodiscard]] std::string_view metric_name(std::uint8_t number);  ///< empty: none

}  // namespace weft
