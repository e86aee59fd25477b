// The names behind the numbers that workers know, as they were when a trace took each of its steps.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "control/publish/names.hpp"

namespace weft {

/// A number that is given to another interface never bears its former one's name. Control thread only.
class NameHistory {
  public:
    NameHistory() = default;
    NameHistory(Names names) : eras_{Era{0, std::move(names)}} {}  // names that never changed are a history

    /// These are the names from about step `from` on: numbers that are new now may be in steps shortly before
    /// it. To be called after each change, so that no number is given up and given out again between two
    /// calls.
    void note(std::uint32_t from, Names names) {
        if (names == eras_.back().names) return;
        eras_.push_back({from, std::move(names)});
        // Too many to remember: the numbers of that time stay without names.
        if (eras_.size() > most_eras) eras_[eras_.size() - most_eras].names = {};
    }

    /// Of a number at the beginning.
    [[nodiscard]] std::string interface(IfIndex number) const {
        return eras_.front().names.interface(number);
    }

    /// Numbers the times between two changes.
    [[nodiscard]] std::size_t era_of(std::uint32_t step) const {
        std::size_t era = eras_.size() - 1;
        while (era > 0 && eras_[era].from > step)
            --era;
        return era;
    }
    /// What numbers meant in an era: its own names, what the next one brought, what the ones before had.
    [[nodiscard]] Names in_era(std::size_t era) const {
        Names names = eras_[era].names;
        if (era + 1 < eras_.size()) names.fill(eras_[era + 1].names);
        for (std::size_t before = era; before-- > 0;)
            names.fill(eras_[before].names);
        return names;
    }

  private:
    static constexpr std::size_t most_eras = 64;
    struct Era {
        std::uint32_t from;
        Names names;
    };
    std::vector<Era> eras_{Era{0, {}}};
};

}  // namespace weft
