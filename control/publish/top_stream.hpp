// top's answer: rates of workers and interfaces, a screen each time.
#pragma once

#include <boost/asio/io_context.hpp>

#include "control/command/grammar.hpp"
#include "control/publish/switch.hpp"
#include "control/server/message.hpp"

namespace weft {

/// A screen every -d seconds (1), -n times or until the client closes. `io` and `live` outlive every event
/// that is handled.
[[nodiscard]] server::Answer top(boost::asio::io_context& io, Switch& live, const command::Match& match,
                                 bool json);

}  // namespace weft
