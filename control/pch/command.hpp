// Precompiled for the grammar.
#ifndef WEFT_CONTROL_PCH_COMMAND_HPP
#define WEFT_CONTROL_PCH_COMMAND_HPP

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#endif
