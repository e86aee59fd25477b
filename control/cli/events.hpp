// Where the events of a stream go: lines to standard output, a capture's bytes to a file.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "control/cli/interruption.hpp"
#include "weft/result.hpp"

namespace weft::cli {

/// From open() on SIGINT and SIGTERM end the stream, and the program says what it saw.
class EventSink {
  public:
    using Json = nlohmann::ordered_json;

    /// `file`: of bytes; empty or "-": standard output. Opened only when the stream begins.
    explicit EventSink(std::string file) : file_(std::move(file)) {}
    ~EventSink();
    EventSink(const EventSink&) = delete;
    EventSink& operator=(const EventSink&) = delete;

    /// `socket`: where the stream comes from. Errors: "FILE: Permission denied".
    Result<> open(int socket);
    /// The stream is a capture's: says so on standard error, as tcpdump does.
    void listen(std::string_view interface, std::uint64_t snap);
    /// The stream is conntrack's events: of "flow" or "expectation".
    void follow_connections(std::string_view what) { connections_ = what; }
    /// Prints or writes one event. Errors: "FILE: No space left on device".
    Result<> take(const Json& answer);
    /// tcpdump's last lines to standard error, if it was a capture, or conntrack's.
    void summarize() const;

  private:
    Result<> write(std::string_view text, int descriptor, const std::string& name);

    std::string file_;
    int descriptor_ = -1;
    bool capture_ = false;
    std::string_view connections_{};  ///< empty: not conntrack's
    std::uint64_t captured_ = 0, lost_ = 0, shown_ = 0;
    std::optional<Interruption> interruption_;
};

}  // namespace weft::cli
