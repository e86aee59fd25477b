// What save prints makes the same model, whatever it is; diff is empty exactly if nothing differs.
#include "control/model/save.hpp"

#include <gtest/gtest.h>

#include "control/model/load.hpp"
#include "control/model/validate.hpp"
#include "tests/unit/random_model.hpp"

namespace weft {
namespace {

TEST(ModelSave, LoadingWhatWasSavedGivesTheSameModel) {
    for (unsigned seed = 0; seed < 500; ++seed) {
        const auto model = random_model(seed);
        const auto valid = validate(model);
        ASSERT_TRUE(valid) << "seed " << seed << ": " << valid.error().message;
        const auto text = save(model);
        const auto again = load(text, "saved");
        ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().message << text;
        EXPECT_EQ(save(*again), text) << "seed " << seed;
        EXPECT_TRUE(*again == model) << "seed " << seed << '\n' << text;
    }
}

TEST(ModelDiff, IsEmptyExactlyBetweenEqualModels) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        const auto one = random_model(seed), other = random_model(seed + 1);
        EXPECT_EQ(diff(one, one), "");
        EXPECT_EQ(diff(one, other).empty(), one == other) << "seed " << seed;
    }
}

TEST(ModelDiff, ShowsLinesThatGoAndCome) {
    const auto from =
        load("port add p0 type null\nport add p1 type null\nip link add br0 type bridge\n", "a");
    const auto to = load(
        "port add p0 up type null\nport add p1 type null\nip link add br0 type bridge\n"
        "ip link set p1 master br0\n",
        "b");
    ASSERT_TRUE(from && to);
    EXPECT_EQ(diff(*from, *to),
              "-port add p0 type null\n"
              "+port add p0 up type null\n"
              "+ip link set p1 master br0\n");
}

TEST(ModelDiff, ShowsAnotherOrder) {
    const auto from = load("port add p0 type null\nport add p1 type null\n", "a");
    const auto to = load("port add p1 type null\nport add p0 type null\n", "b");
    ASSERT_TRUE(from && to);
    EXPECT_EQ(diff(*from, *to), "-port add p0 type null\n+port add p0 type null\n");
}

}  // namespace
}  // namespace weft
