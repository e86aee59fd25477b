// Answers of `conntrack` that pass the whole table: they are made in pieces, since it may be long.
#pragma once

#include <string>

#include "control/flow/command.hpp"
#include "control/flow/connections.hpp"
#include "control/server/pieces.hpp"

namespace weft::conntrack {

/// -L, -D and -F. `connections` outlives it.
class Listing final : public Pieces {
  public:
    Listing(Connections& connections, Command command, bool json);
    bool next(std::string& to) override;

  private:
    void add(std::string& to, const Entry& entry);
    void finish();

    Connections& connections_;
    Command command_;
    bool json_, begun_ = false;
    std::uint32_t cursor_ = 0;
    std::uint64_t count_ = 0;
};

/// One line, or with `json` an element of an array.
[[nodiscard]] std::string text_of(const Entry&, const Style&, bool json);

}  // namespace weft::conntrack
