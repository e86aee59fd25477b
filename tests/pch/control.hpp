// Precompiled for tests of control.
#ifndef WEFT_TESTS_PCH_CONTROL_HPP
#define WEFT_TESTS_PCH_CONTROL_HPP

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#endif
