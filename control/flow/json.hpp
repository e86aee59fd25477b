// Connections as JSON, with the words of libnetfilter_conntrack's XML (snprintf_xml.c); `conntrack` has no
// JSON of its own.
#pragma once

#include <string>

#include "control/flow/entry.hpp"

namespace weft::conntrack {

/// {"original":{"layer3":{…},"layer4":{…},"counters":{…}},"reply":{…},"independent":{…}}
void append_json(std::string& out, const Entry&);

}  // namespace weft::conntrack
