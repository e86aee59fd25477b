#include "control/server/server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include "control/server/session.hpp"

namespace weft::server {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

  private:
    int number_;
};

Error failed(const std::string& path, std::string_view what) {
    return refuse(fmt::format("socket {}: {}: {}", path, what, std::strerror(errno)));
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return refuse(
            fmt::format("socket {}: a socket's path has 1 to {} bytes", path, sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

/// Removes what a dead daemon left at the path.
Result<> clear_path(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0)
        return errno == ENOENT ? Result<>{} : failed(path, "cannot look at it");
    if (!S_ISSOCK(status.st_mode))
        return refuse(fmt::format(
            "socket {}: a file of another kind is there: remove it or choose another path", path));
    const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe.number() < 0) return failed(path, "cannot make a socket");
    // EAGAIN: somebody listens but has no room just now.
    if (connect(probe.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EAGAIN)
        return refuse(
            fmt::format("socket {}: a live daemon answers there: stop it or choose another socket", path));
    if (errno != ECONNREFUSED) return failed(path, "cannot tell whether a daemon lives there");
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return failed(path, "cannot remove the old socket");
    return {};
}

/// Binds under a lock on the directory, so that of two daemons that start at once one finds the other.
Result<Descriptor> bind_socket(const std::string& path) {
    const auto address = address_of(path);
    if (!address) return address.error();
    const auto directory = std::filesystem::absolute(path).parent_path().string();
    if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
        return failed(path, "cannot make its directory");
    const Descriptor lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.number() < 0) return failed(path, "cannot open its directory");
    if (flock(lock.number(), LOCK_EX) != 0) return failed(path, "cannot lock its directory");
    if (auto cleared = clear_path(path, *address); !cleared) return cleared.error();
    Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (listener.number() < 0) return failed(path, "cannot make a socket");
    if (bind(listener.number(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return failed(path, "cannot bind");
    // Nobody can connect before listen(): the mode is right from the first moment on.
    if (chmod(path.c_str(), 0660) != 0 || listen(listener.number(), SOMAXCONN) != 0) {
        auto error = failed(path, "cannot listen");
        unlink(path.c_str());
        return error;
    }
    return listener;
}

}  // namespace

std::string default_socket(const std::string& netns) {
    // A namespace may be given by its path: its last part is its name.
    const auto name = std::filesystem::path(netns).filename().string();
    return fmt::format("/run/weft/{}.sock", name.empty() ? "weft" : name);
}

class Server::State : public std::enable_shared_from_this<State> {
  public:
    State(asio::io_context& io, std::string path, int listener, Handler handler, const Limits& limits)
        : io_(io),
          path_(std::move(path)),
          acceptor_(io, stream_protocol(), listener),
          retry_(io),
          handler_(std::make_shared<const Handler>(std::move(handler))),
          limits_(limits) {
        lstat(path_.c_str(), &own_);
    }

    void accept() {
        acceptor_.async_accept([self = shared_from_this()](const auto& error, Session::Socket socket) {
            if (!self->acceptor_.is_open()) return;
            if (!error) {
                const auto peer = peer_of(socket.native_handle());
                if (peer) self->serve(std::move(socket), *peer);
                return self->accept();
            }
            // Out of descriptors: trying again at once would spin.
            self->retry_.expires_after(std::chrono::milliseconds(100));
            self->retry_.async_wait([self](const auto& cancelled) {
                if (!cancelled) self->accept();
            });
        });
    }

    void serve(Session::Socket socket, const Peer& peer) {
        // An administrator may change the file's group while the daemon runs.
        struct stat status {};
        if (lstat(path_.c_str(), &status) != 0) status = own_;
        const auto rights = rights_of(peer, status.st_uid, status.st_gid);
        const auto session = std::make_shared<Session>(std::move(socket), peer, rights, handler_, limits_,
                                                       [weak = weak_from_this()](Session* gone) {
                                                           if (const auto self = weak.lock())
                                                               self->sessions_.erase(gone);
                                                       });
        sessions_.emplace(session.get(), session);
        if (rights == Rights::none)
            return session->turn_away(
                fmt::format("socket {}: not permitted: neither its owner nor a member of its group", path_));
        // Members of the group, who may be silent for ever, leave an eighth to root and the owner.
        const auto room = limits_.connections - (rights == Rights::all ? 0 : limits_.connections / 8);
        if (sessions_.size() > room)
            return session->turn_away(fmt::format("socket {}: more than {} connections", path_, room));
        session->start();
    }

    void serve(int socket, const Peer& peer) { serve(Session::Socket(io_, stream_protocol(), socket), peer); }

    void close() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        retry_.cancel(ignored);
        for (const auto& [key, session] : std::exchange(sessions_, {}))
            session->close();
        struct stat now {};
        if (lstat(path_.c_str(), &now) == 0 && now.st_ino == own_.st_ino && now.st_dev == own_.st_dev)
            unlink(path_.c_str());
    }

    [[nodiscard]] std::size_t connections() const noexcept { return sessions_.size(); }

  private:
    asio::io_context& io_;
    std::string path_;
    stream_protocol::acceptor acceptor_;
    asio::steady_timer retry_;
    std::shared_ptr<const Handler> handler_;
    Limits limits_;
    struct stat own_ {};
    std::unordered_map<Session*, std::shared_ptr<Session>> sessions_;
};

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;

Server& Server::operator=(Server&& other) noexcept {
    if (state_ && state_ != other.state_) state_->close();
    state_ = std::move(other.state_);
    return *this;
}

Server::~Server() {
    if (state_) state_->close();
}

Result<Server> Server::open(asio::io_context& io, const std::string& path, Handler handler,
                            const Limits& limits) {
    auto listener = bind_socket(path);
    if (!listener) return listener.error();
    auto state = std::make_shared<State>(io, path, listener->release(), std::move(handler), limits);
    state->accept();
    return Server(std::move(state));
}

void Server::serve(int socket, const Peer& peer) {
    state_->serve(socket, peer);
}

std::size_t Server::connections() const noexcept {
    return state_->connections();
}

}  // namespace weft::server
