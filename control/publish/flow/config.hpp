// net.netfilter.nf_conntrack_* as workers take them.
#pragma once

#include <map>
#include <string>

#include "dataplane/flow/config.hpp"

namespace weft {

/// Of Model::sysctls; what is not set is as in Linux 6.1. It has to be published again when they change.
[[nodiscard]] FlowConfig flow_config(const std::map<std::string, std::string>& sysctls);
/// net.netfilter.nf_conntrack_checksum: whether a wrong checksum makes a packet INVALID.
[[nodiscard]] bool checks_sums(const std::map<std::string, std::string>& sysctls);

}  // namespace weft
