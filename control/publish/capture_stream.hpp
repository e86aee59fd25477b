// tcpdump's answer: a capture's frames as pcapng, or a line each, until the client has enough.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "control/command/grammar.hpp"
#include "control/publish/switch.hpp"
#include "control/server/message.hpp"

namespace weft {

/// Opens the capture that the words ask for and answers with its stream, or refuses. The stream ends when the
/// client closes, after -c frames, or with the interface. A client that reads slowly loses frames, which are
/// counted. `io` and `live` outlive every connection.
[[nodiscard]] server::Answer tcpdump(boost::asio::io_context& io, Switch& live, const command::Match& match,
                                     bool json);

}  // namespace weft
