// `conntrack -E`: what happens to connections, or to what is expected, to whoever listens.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>

#include "control/flow/command.hpp"
#include "control/flow/connections.hpp"
#include "control/server/message.hpp"

namespace weft {

/// Takes from the workers, some 50 times a second, while there is a listener. Control thread only; `io` and
/// `connections` outlive it, and it outlives its listeners' connections.
class ConnectionEvents {
  public:
    ConnectionEvents(boost::asio::io_context& io, conntrack::Connections& connections)
        : connections_(connections), clock_(io) {}

    /// The stream of what `command` asks for. It ends when the client closes; one that reads slowly loses
    /// events, which it is told of, as of those that workers lost.
    [[nodiscard]] server::Answer listen(conntrack::Command command, bool json);

    /// Gives listeners what has happened; by itself while there are any.
    void deliver();

  private:
    struct Listener;

    void add(std::shared_ptr<Listener> listener);
    void wait();
    /// Whether somebody listens to connections, or to expectations.
    [[nodiscard]] bool wants(bool expectations) const;
    void want(bool expectations, bool on);
    /// How many were lost.
    std::uint64_t take_connections();
    std::uint64_t take_expectations();

    conntrack::Connections& connections_;
    boost::asio::steady_timer clock_;
    std::list<std::shared_ptr<Listener>> listeners_;
};

}  // namespace weft
