// One connection of the API: takes lines, answers them in order, carries streams. Used by server.cpp only.
#pragma once

#include <utility>  // boost/asio.hpp of 1.74 needs it before
//
#include <boost/asio.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/server/server.hpp"

namespace weft::server {

class Session : public std::enable_shared_from_this<Session> {
  public:
    using Socket = boost::asio::local::stream_protocol::socket;

    /// `handler` and `limits` are copied with shared ownership; `gone` is called once when the connection
    /// ended.
    Session(Socket socket, Peer peer, Rights rights, std::shared_ptr<const Handler> handler,
            const Limits& limits, std::function<void(Session*)> gone);

    void start();
    /// Sends one line that refuses the connection, then closes.
    void turn_away(const std::string& sentence);
    void close();

  private:
    class Channel;

    void read();
    void received(std::size_t bytes);
    void take_lines();
    [[nodiscard]] bool may_take() const noexcept;
    void handle(std::string_view line);
    void refuse_length();
    Answer carry_out(const Request& request);
    void start_stream(const Json& id, Answer& answer);
    void start_pieces(const Json& id, const Answer& answer);
    void next_piece_later();
    void next_piece();
    void send(std::string line, std::function<void()> then = {});
    void write();
    void sent(std::size_t bytes);
    void watch_progress();
    void finish_if_done();

    Socket socket_;
    boost::asio::steady_timer stall_;
    Peer peer_;
    Rights rights_;
    std::shared_ptr<const Handler> handler_;
    Limits limits_;
    std::function<void(Session*)> gone_;

    std::string chunk_;         ///< what one read brings
    std::string input_;         ///< lines not taken yet
    std::size_t searched_ = 0;  ///< so much of input_ has no line end
    bool reading_ = false, input_ended_ = false, taking_ = false, last_ = false, closed_ = false;

    struct Outgoing {
        std::string line;
        std::function<void()> then;
    };
    std::deque<Outgoing> output_;
    std::size_t waiting_ = 0;  ///< bytes in output_
    std::size_t written_ = 0;  ///< of its first line
    bool writing_ = false;
    std::shared_ptr<Channel> channel_;  ///< the open stream
    std::shared_ptr<Pieces> pieces_;    ///< the answer that is being made
    bool pieces_are_json_ = false, piece_is_due_ = false;
};

}  // namespace weft::server
