// The lines of LOG, in the words of net/netfilter/nf_log_syslog.c of Linux 6.1.
#pragma once

#include <string>

#include "control/publish/names.hpp"
#include "dataplane/hook/log_ring.hpp"

namespace weft {

/// Without level and line end. What the kernel reads beyond the bytes that were kept is told as truncated.
[[nodiscard]] std::string log_text(const LoggedPacket&, const Names&);

}  // namespace weft
