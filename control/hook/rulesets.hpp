// The rules of both families as a configuration has them: a value that costs two pointers to copy.
//
// Not thread safe; a copy may be read by another thread.
#pragma once

#include <array>
#include <memory>

#include "control/hook/ruleset.hpp"

namespace weft::hook {

class Rulesets {
  public:
    /// Without rules.
    Rulesets();

    [[nodiscard]] const Ruleset& of(Family family) const noexcept { return *families_[index(family)]; }
    /// To change; made anew before that if copies of this share it. Holds until this is copied.
    [[nodiscard]] Ruleset& edit(Family family);
    /// Whether nobody has changed it since one was copied from the other: a quick answer, which may be no.
    [[nodiscard]] bool shares(const Rulesets& other, Family family) const noexcept {
        return families_[index(family)] == other.families_[index(family)];
    }

    /// The same rules and policies; counters are no part of a configuration.
    friend bool operator==(const Rulesets&, const Rulesets&);

  private:
    static std::size_t index(Family family) noexcept { return static_cast<std::size_t>(family); }
    std::array<std::shared_ptr<Ruleset>, 2> families_;
};

inline constexpr std::array families{Family::ip, Family::ip6};

[[nodiscard]] bool same_rules(const Chain&, const Chain&);
[[nodiscard]] bool same_rules(const Table&, const Table&);

/// Rules and policies of `next` that `running` has in the same place, counted from the chain's beginning or
/// end, go on counting from there: who loads a file again has no counter begin anew.
void keep_counters(Rulesets& next, const Rulesets& running);

}  // namespace weft::hook
