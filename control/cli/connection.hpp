// The client's end of the API: one request, its answers.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "weft/result.hpp"

namespace weft::cli {

using Json = nlohmann::ordered_json;

struct Question {
    std::vector<std::string> argv;
    std::optional<std::string> input;
    bool json = false;
};

/// A connection to weftd; blocks. Owns its descriptor.
class Connection {
  public:
    /// Errors: unreachable, with the sentence that is the same for all programs.
    static Result<Connection> open(const std::string& socket);
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&&) = delete;
    ~Connection();

    /// Sends the question; `received` gets each line of the answer and says whether more is wanted.
    Result<> ask(const Question& question, const std::function<bool(const Json&)>& received);

    [[nodiscard]] int socket() const noexcept { return socket_; }

  private:
    Connection(int socket, std::string path) : socket_(socket), path_(std::move(path)) {}
    [[nodiscard]] Error lost(const std::string& why) const;

    int socket_;
    std::string path_;
};

}  // namespace weft::cli
