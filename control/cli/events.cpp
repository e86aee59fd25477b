#include "control/cli/events.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/cli/files.hpp"
#include "control/server/base64.hpp"

namespace weft::cli {

namespace {

constexpr std::string_view clear_screen = "\x1b[H\x1b[J";

}  // namespace

EventSink::~EventSink() {
    if (descriptor_ > STDERR_FILENO) close(descriptor_);
}

Result<> EventSink::open(int socket) {
    if (file_.empty() || file_ == "-") {
        descriptor_ = STDOUT_FILENO;
    } else {
        descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (descriptor_ < 0) return refuse(fmt::format("{}: {}", file_, std::strerror(errno)));
    }
    interruption_.emplace(socket);
    return {};
}

void EventSink::listen(std::string_view interface, std::uint64_t snap) {
    capture_ = true;
    fmt::print(stderr, "tcpdump: listening on {}, link-type EN10MB (Ethernet), snapshot length {} bytes\n",
               interface, snap);
}

Result<> EventSink::write(std::string_view text, int descriptor, const std::string& name) {
    if (write_all(descriptor, text)) return {};
    return refuse(fmt::format("{}: {}", name, std::strerror(errno)));
}

Result<> EventSink::take(const Json& answer) {
    const auto to_file = file_.empty() || file_ == "-" ? std::string("standard output") : file_;
    if (const auto bytes = answer.find("base64"); bytes != answer.end() && bytes->is_string())
        return write(server::decode_base64(bytes->get<std::string>()).value_or(std::string()), descriptor_,
                     to_file);
    const auto event = answer.value("event", Json());
    if (event.is_object() && event.contains("captured")) {
        captured_ = event.value("captured", captured_);
        lost_ = event.value("lost", lost_);
        return {};
    }
    if (event.is_object() && event.contains("error")) {
        fmt::print(stderr, "{}\n", event.value("error", std::string()));
        return {};
    }
    if (!event.is_object() || !event.contains("text")) {
        ++shown_;
        return write(event.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n', STDOUT_FILENO,
                     "standard output");
    }
    std::string text;
    if (event.value("screen", false) && isatty(STDOUT_FILENO)) text = clear_screen;
    text += event.value("text", std::string());
    if (!text.ends_with('\n')) text += '\n';
    shown_ += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    return write(text, STDOUT_FILENO, "standard output");
}

void EventSink::summarize() const {
    if (!connections_.empty())
        fmt::print(stderr, "conntrack v1.4.7 (conntrack-tools): {} {} events have been shown.\n", shown_,
                   connections_);
    if (!capture_) return;
    const auto line = [](std::uint64_t count, const char* what) {
        fmt::print(stderr, "{} packet{} {}\n", count, count == 1 ? "" : "s", what);
    };
    line(captured_, "captured");
    line(captured_ + lost_, "received by filter");
    line(lost_, "dropped by kernel");
}

}  // namespace weft::cli
