#include "control/server/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "control/command/program.hpp"

namespace weft::server {

namespace asio = boost::asio;

namespace {
constexpr std::size_t read_bytes = std::size_t{64} << 10;
}

/// A stream of this connection. The handler may keep it longer than the connection lives.
class Session::Channel : public Stream {
  public:
    Channel(std::weak_ptr<Session> session, Json id) : session_(std::move(session)), id_(std::move(id)) {}

    [[nodiscard]] bool open() const noexcept override { return open_ && !session_.expired(); }
    [[nodiscard]] std::size_t waiting() const noexcept override {
        const auto session = session_.lock();
        return session ? session->waiting_ : 0;
    }
    void event(const Json& event) override {
        send([&] { return encode_event(id_, event); });
    }
    void bytes(std::string_view bytes) override {
        send([&] { return encode_bytes(id_, bytes); });
    }

    void end(int exit) override {
        const auto session = session_.lock();
        if (!session || !open_) return;
        open_ = false;
        Answer last;
        last.exit = exit;
        session->send(encode_answer(id_, last, false));
        session->channel_.reset();
        // Not from within the handler's call: the next line would be carried out inside this one.
        asio::post(session->socket_.get_executor(), [session] { session->take_lines(); });
    }

    void cut() noexcept { open_ = false; }

  private:
    template <class Encode>
    void send(Encode encode) {
        const auto session = session_.lock();
        if (!session || !open_) return;
        session->send(encode());
        if (session->waiting_ > session->limits_.stream_bytes) session->close();
    }

    std::weak_ptr<Session> session_;
    Json id_;
    bool open_ = true;
};

Session::Session(Socket socket, Peer peer, Rights rights, std::shared_ptr<const Handler> handler,
                 const Limits& limits, std::function<void(Session*)> gone)
    : socket_(std::move(socket)),
      stall_(socket_.get_executor()),
      peer_(std::move(peer)),
      rights_(rights),
      handler_(std::move(handler)),
      limits_(limits),
      gone_(std::move(gone)),
      chunk_(read_bytes, '\0') {}

void Session::start() {
    read();
}

void Session::turn_away(const std::string& sentence) {
    last_ = true;
    send(encode_answer(nullptr, refusal(refuse(sentence), static_cast<int>(ErrorCode::refused)), false));
}

void Session::close() {
    if (closed_) return;
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
    stall_.cancel(ignored);
    if (channel_) channel_->cut();
    channel_.reset();
    pieces_.reset();
    // What was to happen after an answer happens though nobody read it.
    auto unsent = std::move(output_);
    output_.clear();
    for (auto& outgoing : unsent)
        if (outgoing.then) outgoing.then();
    if (gone_) std::exchange(gone_, nullptr)(this);
}

/// A line is taken when the one before is answered and the client takes its answers.
bool Session::may_take() const noexcept {
    return !closed_ && !last_ && !channel_ && !pieces_ && waiting_ < limits_.waiting_bytes;
}

void Session::read() {
    if (closed_ || reading_ || input_ended_ || last_) return;
    // While a stream runs, reading goes on to notice the end of the client, but no further than one chunk.
    if (!may_take() && !(channel_ && input_.size() < read_bytes)) return;
    reading_ = true;
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](const auto& error, std::size_t bytes) {
                                self->reading_ = false;
                                if (self->closed_) return;
                                if (!error) return self->received(bytes);
                                self->input_ended_ = true;
                                if (self->channel_ || error != asio::error::eof) return self->close();
                                // A last line may come without its end.
                                if (!self->input_.empty() && self->input_.back() != '\n')
                                    self->input_ += '\n';
                                self->take_lines();
                            });
}

void Session::received(std::size_t bytes) {
    input_.append(chunk_, 0, bytes);
    take_lines();
}

void Session::take_lines() {
    if (taking_) return;
    taking_ = true;
    std::size_t begin = 0;
    while (may_take()) {
        const auto end = input_.find('\n', std::max(begin, searched_));
        if (end == std::string::npos) {
            searched_ = input_.size();
            break;
        }
        // input_ grows only by a read, and none is called for from here.
        const auto line = std::string_view(input_).substr(begin, end - begin);
        begin = end + 1;
        searched_ = begin;
        if (line.size() > limits_.request_bytes)
            refuse_length();
        else if (!line.empty())
            handle(line);
    }
    input_.erase(0, begin);
    searched_ -= std::min(searched_, begin);
    if (may_take() && input_.size() > limits_.request_bytes) refuse_length();
    taking_ = false;
    finish_if_done();
    read();
}

/// The rest of the line is not waited for.
void Session::refuse_length() {
    last_ = true;
    const Error error{ErrorCode::usage, fmt::format("a request is at most {} bytes", limits_.request_bytes),
                      0};
    send(encode_answer(nullptr, refusal(error, static_cast<int>(error.code)), false));
}

void Session::handle(std::string_view line) {
    Json id;
    auto request = decode_request(line, id);
    if (!request)
        return send(
            encode_answer(id, refusal(request.error(), static_cast<int>(request.error().code)), false));
    request->peer = peer_;
    request->rights = rights_;
    auto answer = carry_out(*request);
    if (answer.stream) return start_stream(id, answer);
    if (answer.pieces) return start_pieces(id, answer);
    send(encode_answer(id, answer, request->json), std::move(answer.then));
}

Answer Session::carry_out(const Request& request) {
    if (rights_ != Rights::all) {
        if (const auto refused = refused_to_reader(request.argv)) {
            const int exit = refused->code == ErrorCode::usage ? command::exit_status(request.argv, *refused)
                                                               : static_cast<int>(refused->code);
            return refusal(*refused, exit);
        }
    }
    try {
        return (*handler_)(request);
    } catch (const std::exception& error) {
        return refusal(refuse(fmt::format("internal error: {}", error.what())),
                       static_cast<int>(ErrorCode::refused));
    }
}

void Session::start_stream(const Json& id, Answer& answer) {
    channel_ = std::make_shared<Channel>(weak_from_this(), id);
    send(encode_stream_start(id), std::move(answer.then));
    const auto channel = channel_;
    answer.stream(channel);
}

void Session::start_pieces(const Json& id, const Answer& answer) {
    pieces_ = answer.pieces;
    pieces_are_json_ = answer.pieces_are_json;
    send(encode_pieces_start(id, pieces_are_json_));
    next_piece_later();
}

/// Others have their turn before it.
void Session::next_piece_later() {
    if (!pieces_ || piece_is_due_ || waiting_ >= limits_.waiting_bytes) return;
    piece_is_due_ = true;
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        self->piece_is_due_ = false;
        if (!self->closed_) self->next_piece();
    });
}

void Session::next_piece() {
    std::string made;
    bool more = false;
    try {
        more = pieces_->next(made);
    } catch (const std::exception&) {
        return close();  // in the middle of a line nothing else can be said
    }
    if (!made.empty()) send(encode_piece(made, pieces_are_json_));
    if (more) return next_piece_later();
    const auto done = std::exchange(pieces_, nullptr);
    send(encode_pieces_end(*done, pieces_are_json_));
    take_lines();
}

void Session::send(std::string line, std::function<void()> then) {
    if (closed_) {
        if (then) then();
        return;
    }
    waiting_ += line.size();
    output_.push_back({std::move(line), std::move(then)});
    write();
}

void Session::write() {
    if (closed_ || writing_ || output_.empty()) return;
    writing_ = true;
    watch_progress();
    const auto& line = output_.front().line;
    socket_.async_write_some(asio::buffer(line.data() + written_, line.size() - written_),
                             [self = shared_from_this()](const auto& error, std::size_t bytes) {
                                 self->writing_ = false;
                                 if (self->closed_) return;
                                 if (error) return self->close();
                                 self->sent(bytes);
                             });
}

void Session::sent(std::size_t bytes) {
    written_ += bytes;
    waiting_ -= bytes;
    if (written_ == output_.front().line.size()) {
        const auto then = std::move(output_.front().then);
        output_.pop_front();
        written_ = 0;
        if (then) then();
    }
    if (output_.empty()) {
        boost::system::error_code ignored;
        stall_.cancel(ignored);
    }
    write();
    next_piece_later();
    take_lines();
}

void Session::watch_progress() {
    stall_.expires_after(limits_.stalled);
    stall_.async_wait([self = shared_from_this()](const auto& error) {
        if (!error && self->writing_) self->close();
    });
}

/// Nothing more comes, all is answered: a client that closed its sending side has its answers.
void Session::finish_if_done() {
    if (closed_ || !output_.empty() || channel_ || pieces_) return;
    const bool more = input_.find('\n') != std::string::npos;
    if (last_ || (input_ended_ && !more)) close();
}

}  // namespace weft::server
