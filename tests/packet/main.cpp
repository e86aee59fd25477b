#include <gtest/gtest.h>

#include "tests/packet/environment.hpp"

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (::testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
    if (!weft::test::start_environment()) return 1;
    const int status = RUN_ALL_TESTS();
    weft::test::end_environment();
    return status;
}
