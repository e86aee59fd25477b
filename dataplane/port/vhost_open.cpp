#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/port/netns.hpp"
#include "dataplane/port/open.hpp"
#include "dataplane/port/vhost.hpp"
#include "dataplane/port/vhost_library.hpp"

namespace weft {
namespace ports {

namespace {

constexpr std::uint16_t max_pairs = 64;

Result<> check_folder(const std::string& port, const std::string& path, bool server) {
    if (path.size() >= sizeof sockaddr_un{}.sun_path)
        return refuse(
            fmt::format("port {}: {} is longer than the {} characters that a socket's path may have", port,
                        path, sizeof sockaddr_un{}.sun_path - 1));
    const auto slash = path.rfind('/');
    const std::string folder =
        slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
    struct stat status {};
    if (stat(folder.c_str(), &status) != 0)
        return refuse(fmt::format("port {}: {}: {}", port, folder, std::strerror(errno)));
    if (!S_ISDIR(status.st_mode)) return refuse(fmt::format("port {}: {} is not a folder", port, folder));
    if (access(folder.c_str(), server ? W_OK | X_OK : X_OK) != 0)
        return refuse(fmt::format("port {}: {} {}: {}", port,
                                  server ? "cannot make a socket in" : "cannot enter", folder,
                                  std::strerror(errno)));
    return {};
}

/// Removes the socket file of a dead program, so that the path is free.
Result<> free_path(const std::string& port, const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return {};
        return refuse(fmt::format("port {}: {}: {}", port, path, std::strerror(errno)));
    }
    if (!S_ISSOCK(status.st_mode))
        return refuse(fmt::format("port {}: {} exists and is not a socket: choose another path", port, path));
    const Fd probe{socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (connect(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN)
        return refuse(
            fmt::format("port {}: a program listens at {} already: choose another path", port, path));
    if (errno != ECONNREFUSED || unlink(path.c_str()) != 0)
        return refuse(fmt::format("port {}: {}: {}", port, path, std::strerror(errno)));
    return {};
}

}  // namespace

Vhost::Vhost(std::string name, std::string path, PortInfo info, rte_mempool* pool)
    : SoftwarePort(std::move(name), std::move(info)), path_(std::move(path)), pool_(pool) {
    for (std::uint16_t q = 0; q < info_.rx_queues; ++q)
        receivers_.push_back(std::make_unique<Direction>(memory_));
    for (std::uint16_t q = 0; q < info_.tx_queues; ++q)
        senders_.push_back(std::make_unique<Direction>(memory_));
    tell();
}

Vhost::~Vhost() {
    dismiss_vhost(path_);
}

PortInfo Vhost::info() {
    const std::lock_guard guard{lock_};
    PortInfo now = info_;
    now.tx_queues = told_.tx_queues;
    now.offloads = told_.offloads;
    now.link_up = told_.link_up;
    return now;
}

std::vector<std::pair<std::string, std::uint64_t>> Vhost::statistics() {
    Statistics all;
    std::vector<const QueueCounters*> queues;
    std::uint64_t broken = 0;
    for (const auto& d : receivers_) {
        queues.push_back(&d->counters);
        broken += d->broken.get();
    }
    append_receive(all, queues);
    queues.clear();
    for (const auto& d : senders_) {
        queues.push_back(&d->counters);
        broken += d->broken.get();
    }
    append_transmit(all, queues);
    const std::lock_guard guard{lock_};
    all.insert(all.end(), {{"broken_rings", broken}, {"connections", connections_}});
    return all;
}

}  // namespace ports

Result<std::unique_ptr<Port>> open_vhost(const std::string& name, const std::string& path, bool server,
                                         const PortQueues& queues, const PortEnvironment& environment) {
    using namespace ports;
    PortQueues asked = queues;
    if (asked.rx >= 1 && asked.rx <= max_pairs && !asked.tx)
        asked.tx = static_cast<std::uint16_t>(std::clamp<unsigned>(environment.workers, 1, asked.rx));
    auto info =
        software_port(name, "vhost-user", asked, environment, max_pairs, std::min(queues.rx, max_pairs));
    if (!info) return std::move(info).error();
    if (auto ok = check_folder(name, path, server); !ok) return std::move(ok).error();
    if (server)
        if (auto ok = free_path(name, path); !ok) return std::move(ok).error();
    auto port = std::make_unique<Vhost>(name, path, *std::move(info), environment.pool);
    if (auto ok = enlist_vhost(*port, path, server); !ok)
        return refuse(fmt::format("port {}: {}", name, ok.error().message));
    return std::unique_ptr<Port>{std::move(port)};
}

}  // namespace weft
