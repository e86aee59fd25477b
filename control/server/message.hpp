// The API's messages, one JSON object a line (README, "API"): what a handler gets and gives.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/server/pieces.hpp"
#include "control/server/rights.hpp"

namespace weft::server {

using Json = nlohmann::ordered_json;

struct Request {
    Json id;                        ///< whatever the client chose; answered with
    std::vector<std::string> argv;  ///< at least one word
    std::string input;              ///< "stdin"
    bool json = false;              ///< "json"; a -j in argv is the grammar's business
    Peer peer;
    Rights rights = Rights::all;
};

/// The server's end of an answer without end. Kept by the handler that answered with one; may outlive the
/// connection. Call on the server's thread only. What a slow reader leaves unread is bounded: over it,
/// closed.
class Stream {
  public:
    virtual ~Stream() = default;
    /// False once the client closed, or read too slowly: drop the stream then.
    [[nodiscard]] virtual bool open() const noexcept = 0;
    /// Bytes that wait for the client to read them.
    [[nodiscard]] virtual std::size_t waiting() const noexcept = 0;
    /// {"id":1,"event":{…}}. Nothing if closed.
    virtual void event(const Json& event) = 0;
    /// {"id":1,"base64":"…"}
    virtual void bytes(std::string_view bytes) = 0;
    /// Ends the stream from this side, for one that is finite (tcpdump -c): a last
    /// {"id":1,"ok":true,"exit":0,"text":""}.
    virtual void end(int exit = 0) = 0;
};

struct Answer {
    int exit = 0;
    std::string text;                   ///< for stdout; of a refused command, what it printed before
    std::optional<Json> data;           ///< instead of text
    std::string encoded;                ///< instead of data: what is JSON already
    std::string error;                  ///< not empty: refused ("ok":false)
    int column = 0;                     ///< 1-based, of the word that is wrong
    unsigned line = 0;                  ///< 1-based, of "stdin", if the word is there; else 0
    std::vector<std::string> warnings;  ///< for stderr
    /// Set: they make text, or data if JSON was asked for, and then exit and warnings.
    std::shared_ptr<Pieces> pieces;
    bool pieces_are_json = false;
    /// Set: the answer is a stream; called once, after {"ok":true,"stream":true} is queued.
    std::function<void(std::shared_ptr<Stream>)> stream;
    /// Called once after the answer was written to the client, or could not be (a command that ends the
    /// daemon).
    std::function<void()> then;
};

/// An answer that refuses, with the program's exit status.
[[nodiscard]] Answer refusal(const Error& error, int exit);

/// Reads a request line, without its line end. Errors: usage; `id` is then what could be read of it, else
/// null. Nesting costs a bit a level and no stack.
[[nodiscard]] Result<Request> decode_request(std::string_view line, Json& id);

/// The lines that answer, each with its line end. Bytes that are no UTF-8 are replaced, never thrown upon.
[[nodiscard]] std::string encode_answer(const Json& id, const Answer& answer, bool json);
/// One line in parts: its beginning, some of its text or data, its end.
[[nodiscard]] std::string encode_pieces_start(const Json& id, bool json);
[[nodiscard]] std::string encode_piece(std::string_view piece, bool json);
[[nodiscard]] std::string encode_pieces_end(const Pieces& pieces, bool json);
[[nodiscard]] std::string encode_stream_start(const Json& id);
[[nodiscard]] std::string encode_event(const Json& id, const Json& event);
[[nodiscard]] std::string encode_bytes(const Json& id, std::string_view bytes);

}  // namespace weft::server
