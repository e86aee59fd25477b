// Precompiled for control: what nearly every file there includes, and costs most to read.
#ifndef WEFT_CONTROL_PCH_CONTROL_HPP
#define WEFT_CONTROL_PCH_CONTROL_HPP

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#endif
