// The API's server: JSON lines on a Unix stream socket. One control thread: the io_context's.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "control/server/message.hpp"
#include "control/server/rights.hpp"
#include "weft/result.hpp"

namespace boost::asio {
class io_context;
}

namespace weft::server {

/// Carries out one request. Called on the server's thread; what it throws is answered as an internal error.
using Handler = std::function<Answer(const Request&)>;

struct Limits {
    std::size_t request_bytes = std::size_t{64} << 20;  ///< of one line; longer: answered and closed
    /// Answers waiting for a client that does not read; at this, no further request of its is taken.
    std::size_t waiting_bytes = std::size_t{1} << 20;
    std::size_t stream_bytes = std::size_t{4} << 20;  ///< events waiting for a slow reader; over it: closed
    /// Further ones are told so and closed; an eighth of them is for root and the socket's owner alone.
    std::size_t connections = 256;
    /// A client that takes nothing of its answers for so long is closed.
    std::chrono::milliseconds stalled{30'000};
};

/// The default socket: /run/weft/weft.sock, for a network namespace given by its name /run/weft/NETNS.sock.
[[nodiscard]] std::string default_socket(const std::string& netns = {});

class Server {
  public:
    /// Binds the socket (mode 0660; its directory is made if only that is missing) and listens. A socket file
    /// that nobody answers is removed; refused if a live daemon answers there, or if the path is something
    /// else. Requests are served as soon as the io_context runs. `io` must outlive the Server.
    static Result<Server> open(boost::asio::io_context& io, const std::string& path, Handler handler,
                               const Limits& limits = {});
    Server(Server&&) noexcept;
    Server& operator=(Server&&) noexcept;
    /// Closes the listener and all connections and unlinks the socket, if it is still its own.
    ~Server();

    /// Serves a connected socket as if it was accepted from `peer` (it is owned from here on).
    void serve(int socket, const Peer& peer);
    /// Open connections.
    [[nodiscard]] std::size_t connections() const noexcept;

  private:
    class State;
    explicit Server(std::shared_ptr<State>);
    std::shared_ptr<State> state_;
};

}  // namespace weft::server
