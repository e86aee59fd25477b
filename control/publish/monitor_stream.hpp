// monitor's answer: what happens, until the client has enough.
#pragma once

#include <boost/asio/io_context.hpp>

#include "control/publish/switch.hpp"
#include "control/server/message.hpp"

namespace weft {

/// Links as they come, go and change, at once; drops once a second. The stream ends when the client closes or
/// reads too slowly. `io` and `live` outlive every event that is handled.
[[nodiscard]] server::Answer monitor(boost::asio::io_context& io, Switch& live, bool json);

}  // namespace weft
