#include "control/cli/connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/cli/interruption.hpp"

namespace weft::cli {

namespace {

Error unreachable(const std::string& socket, const char* why) {
    return {ErrorCode::unreachable,
            fmt::format("no weftd answers at {}: {}; start it, or name its socket by -s, -n or WEFT_SOCKET",
                        socket, why),
            0};
}

}  // namespace

Result<Connection> Connection::open(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return unreachable(path, std::strerror(ENAMETOOLONG));
    std::memcpy(address.sun_path, path.data(), path.size());
    const int number = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (number < 0) return unreachable(path, std::strerror(errno));
    Connection connection(number, path);
    if (connect(number, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return unreachable(path, std::strerror(errno));
    return connection;
}

Connection::Connection(Connection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), path_(std::move(other.path_)) {}

Connection::~Connection() {
    if (socket_ >= 0) ::close(socket_);
}

Error Connection::lost(const std::string& why) const {
    return {ErrorCode::unreachable, fmt::format("the weftd at {} broke off: {}", path_, why), 0};
}

Result<> Connection::ask(const Question& question, const std::function<bool(const Json&)>& received) {
    Json request{{"id", 1}, {"argv", question.argv}};
    if (question.input) request["stdin"] = *question.input;
    if (question.json) request["json"] = true;
    std::string line;
    try {
        line = request.dump() + '\n';
    } catch (const Json::type_error&) {
        return Error{ErrorCode::usage, "the command or its input is no UTF-8 text", 0};
    }
    for (std::size_t at = 0; at < line.size();) {
        const auto sent = send(socket_, line.data() + at, line.size() - at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) return Result<>{};
        // A daemon that refuses the connection has said why: read it.
        if (sent < 0) break;
        at += static_cast<std::size_t>(sent);
    }
    std::string input;
    std::size_t searched = 0;
    while (true) {
        auto end = input.find('\n', searched);
        if (end == std::string::npos) {
            searched = input.size();
            std::array<char, 65536> chunk;
            const auto got = recv(socket_, chunk.data(), chunk.size(), 0);
            if (got < 0 && errno == EINTR) return Result<>{};
            if (got < 0) return lost(std::strerror(errno));
            if (got == 0 && Interruption::happened()) return Result<>{};
            if (got == 0) return lost("no answer");
            input.append(chunk.data(), static_cast<std::size_t>(got));
            continue;
        }
        const auto answer = Json::parse(input.substr(0, end), nullptr, false);
        input.erase(0, end + 1);
        searched = 0;
        if (!answer.is_object()) return lost("its answer is no JSON object");
        if (!received(answer)) return {};
    }
}

}  // namespace weft::cli
