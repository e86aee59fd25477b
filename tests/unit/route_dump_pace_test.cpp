// Dumps for what the kernel forgets silently: a lone event has one at once, a flapping device few.
#include <gtest/gtest.h>

#include "control/route/dump_pace.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;
using Time = DumpPace::Clock::time_point;

/// Rounds in a minute in which something is wanted each 10 ms and a round takes `takes`.
unsigned rounds_of_a_minute(DumpPace::Clock::duration takes) {
    DumpPace pace;
    unsigned rounds = 0;
    Time end = Time::max();
    for (Time now{1h}; now < Time{1h + 1min}; now += 10ms) {
        if (now >= end) {
            pace.ended(now);
            end = Time::max();
        }
        pace.want(1);
        if (pace.take(now) != 0) {
            ++rounds;
            end = now + takes;
        }
    }
    return rounds;
}

TEST(DumpPaceTest, ALoneWishIsGrantedAtOnce) {
    DumpPace pace;
    Time now{1h};
    EXPECT_EQ(pace.take(now), 0u);
    EXPECT_EQ(pace.next(), Time::max());
    pace.want(5);
    EXPECT_LE(pace.next(), now);
    EXPECT_EQ(pace.take(now), 5u);
    EXPECT_EQ(pace.take(now), 0u);
    pace.ended(now += 10ms);
    pace.want(2);
    EXPECT_EQ(pace.take(now += 1min), 2u);
}

TEST(DumpPaceTest, WhatIsWantedSoonAfterComesTogetherWhenItsTimeHasCome) {
    DumpPace pace;
    Time now{1h};
    pace.want(1);
    ASSERT_EQ(pace.take(now), 1u);
    pace.want(2);
    EXPECT_EQ(pace.take(now + 1h), 0u) << "one round after the other";
    EXPECT_EQ(pace.next(), Time::max());
    pace.ended(now += 300ms);
    pace.want(4);
    EXPECT_EQ(pace.next(), now + 1200ms);
    EXPECT_EQ(pace.take(now + 1200ms - 1ms), 0u);
    EXPECT_EQ(pace.take(now += 1200ms), 6u);
    pace.ended(now += 1ms);
    pace.want(1);
    EXPECT_EQ(pace.next(), now + DumpPace::least);
}

TEST(DumpPaceTest, AFlappingDeviceHasFewDumpsAndNeverWaitsLong) {
    EXPECT_LE(rounds_of_a_minute(10ms), 60'000u / 200 + 1);
    EXPECT_GE(rounds_of_a_minute(10ms), 60'000u / 250);
    EXPECT_LE(rounds_of_a_minute(400ms), 60'000u / 2'000 + 1);
    EXPECT_LE(rounds_of_a_minute(1s), 60u / 3 + 1);
    EXPECT_GE(rounds_of_a_minute(10s), 60u / (10 + 2));
    DumpPace pace;
    pace.ended(Time{1h});  // of no round, such as a command's
    pace.want(1);
    EXPECT_EQ(pace.take(Time{1h}), 1u);
}

}  // namespace
}  // namespace weft
