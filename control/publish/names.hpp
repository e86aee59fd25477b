// The names behind the numbers that workers know.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "control/publish/indexes.hpp"

namespace weft {

/// As they are when it is made.
class Names {
  public:
    Names() = default;
    explicit Names(const Indexes& indexes)
        : interfaces_(in_order(indexes.interfaces)), bridge_ports_(in_order(indexes.bridge_ports)) {}

    [[nodiscard]] std::string interface(IfIndex number) const { return at(interfaces_, number); }
    [[nodiscard]] std::string bridge_port(BridgePortIndex number) const { return at(bridge_ports_, number); }

    /// Takes the other's names for numbers that have none here.
    void fill(const Names& other) {
        fill(interfaces_, other.interfaces_);
        fill(bridge_ports_, other.bridge_ports_);
    }
    friend bool operator==(const Names&, const Names&) = default;

  private:
    static void fill(std::vector<std::string>& names, const std::vector<std::string>& others) {
        names.resize(std::max(names.size(), others.size()));
        for (std::size_t i = 0; i < others.size(); ++i)
            if (names[i].empty()) names[i] = others[i];
    }
    template <class Table>
    static std::vector<std::string> in_order(const Table& table) {
        std::vector<std::string> names(table.table_size());
        for (const auto& [name, number] : table.all())
            names[number] = name;
        return names;
    }
    static std::string at(const std::vector<std::string>& names, std::size_t number) {
        return number < names.size() && !names[number].empty() ? names[number]
                                                               : "interface " + std::to_string(number);
    }
    std::vector<std::string> interfaces_, bridge_ports_;
};

}  // namespace weft
