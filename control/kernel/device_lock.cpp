#include "control/kernel/device_lock.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <thread>

namespace weft {
namespace {

// A killed process closes its packet sockets one by one, each in up to 50 ms.
constexpr auto patience = std::chrono::seconds(2);
constexpr int askers = 128;  // connections that nobody accepts: each is somebody who was refused

struct Name {
    sockaddr_un address{};
    socklen_t length = 0;
};

/// An abstract name; what is too long for one is cut.
Name abstract(const std::string& text) {
    Name name;
    name.address.sun_family = AF_UNIX;
    const std::size_t n = std::min(text.size(), sizeof name.address.sun_path - 1);
    std::memcpy(name.address.sun_path + 1, text.data(), n);
    name.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + n);
    return name;
}

Descriptor new_socket() {
    return Descriptor{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

/// The process that listens there, 0 if it cannot be told.
pid_t holder(const Name& name) {
    const auto asking = new_socket();
    ucred peer{};
    socklen_t size = sizeof peer;
    if (connect(asking.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length) != 0 ||
        getsockopt(asking.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return 0;
    return peer.pid;
}

bool bind_to(const Descriptor& socket, const Name& name) {
    return bind(socket.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length) == 0;
}

/// A holder that is just ending is waited for, if asked to. False: errno says why.
bool hold(const Descriptor& socket, const Name& name, bool wait) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!bind_to(socket, name)) {
        if (errno != EADDRINUSE || !wait || std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return listen(socket.get(), askers) == 0;
}

std::string process_text(const Name& name) {
    const auto process = holder(name);
    return process ? fmt::format(" (process {})", process) : "";
}

}  // namespace

Result<DeviceLock> DeviceLock::take(const Netns& netns, const std::string& device, int index,
                                    bool from_dead) {
    const Name name = abstract(fmt::format("weft device {}", index));
    return run_in(netns, [&]() -> Result<DeviceLock> {
        auto lock = new_socket();
        if (hold(lock, name, from_dead)) return DeviceLock{std::move(lock)};
        if (errno != EADDRINUSE)
            return refuse(fmt::format("{} cannot be locked: {}", device, std::strerror(errno)));
        return refuse(
            fmt::format("{} is the device of a port of another weftd that lives{}: remove that port first",
                        device, process_text(name)));
    });
}

Result<DeviceLock> lock_socket(const std::string& path) {
    const auto absolute = std::filesystem::absolute(path);
    struct stat directory {};
    if (stat(absolute.parent_path().c_str(), &directory) != 0)
        return refuse(fmt::format("socket {}: {}", path, std::strerror(errno)));
    const Name name = abstract(fmt::format("weft socket {}:{}/{}", directory.st_dev, directory.st_ino,
                                           absolute.filename().string()));
    auto lock = new_socket();
    if (hold(lock, name, true)) return DeviceLock{std::move(lock)};
    return refuse(fmt::format("socket {}: its weftd lives though the file was removed{}: end it first", path,
                              process_text(name)));
}

}  // namespace weft
