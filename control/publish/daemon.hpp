// Requests carried out on the running switch: parse, act on a copy of the model, judge, make true.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string>

#include "control/command/grammar.hpp"
#include "control/publish/connection_events.hpp"
#include "control/publish/switch.hpp"
#include "control/server/message.hpp"

namespace weft {

struct Session;

/// Control thread only. `io` and `live` outlive it.
class Daemon {
  public:
    /// `end` ends the event loop (`weft stop`).
    Daemon(boost::asio::io_context& io, Switch& live, std::function<void()> end);

    [[nodiscard]] server::Answer handle(const server::Request& request);

    /// Makes running what the text says, wholly (start, SIGHUP, apply). `name` is used in messages.
    Result<> apply_text(const std::string& text, const std::string& name);

  private:
    server::Answer run_command(const server::Request& request);
    server::Answer run_transaction(const server::Request& request);
    server::Answer connection_events(const command::Match& match, bool json);
    server::Answer apply_file(const server::Request& request, const command::Match& match);
    server::Answer answer_to(Result<> done) const;
    Result<> make_true(const Model& next);
    /// Of what commands left: the model, then what they do afterwards; what is to be said of it is a warning.
    Result<> make_true(Session& session);
    void roll_back(const char* why);

    boost::asio::io_context& io_;
    Switch& live_;
    std::function<void()> end_;
    ConnectionEvents connection_events_;
    boost::asio::steady_timer confirmation_;
    bool waiting_ = false;           ///< for `confirm`
    std::optional<Model> previous_;  ///< before the last apply
    bool stopping_ = false;
};

}  // namespace weft
