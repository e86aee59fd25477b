// Precompiled for dataplane: what nearly every file there includes, and costs most to read.
#ifndef WEFT_DATAPLANE_PCH_DATAPLANE_HPP
#define WEFT_DATAPLANE_PCH_DATAPLANE_HPP

#include <fmt/format.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#endif
