// Rows of rules and whether they match one packet.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>

#include "tests/unit/hook_rig.hpp"

namespace weft::test {

struct Case {
    const char* rule;
    bool matches;
};
inline void check(HookRig& rig, const Bytes& packet, std::initializer_list<Case> cases) {
    for (const auto& [rule, matches] : cases)
        EXPECT_EQ(rig.matches(rule, packet), matches) << rule;
}

}  // namespace weft::test
