// Precompiled for control/kernel and control/publish.
#ifndef WEFT_CONTROL_PCH_KERNEL_HPP
#define WEFT_CONTROL_PCH_KERNEL_HPP

#include <fmt/format.h>
#include <rte_mbuf.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#endif
