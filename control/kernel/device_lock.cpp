#include "control/kernel/device_lock.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <thread>

namespace weft {
namespace {

// A killed process closes its packet sockets one by one, each in up to 50 ms.
constexpr auto patience = std::chrono::seconds(2);
constexpr int askers = 128;  // connections that nobody accepts: each is somebody who was refused

Descriptor new_socket() {
    return Descriptor{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

/// The process that listens there, 0 if it cannot be told.
pid_t holder(const sockaddr_un& address, socklen_t length) {
    const auto asking = new_socket();
    ucred peer{};
    socklen_t size = sizeof peer;
    if (connect(asking.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        getsockopt(asking.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return 0;
    return peer.pid;
}

}  // namespace

Result<DeviceLock> DeviceLock::take(const Netns& netns, const std::string& device, int index,
                                    bool from_dead) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto name = fmt::format("weft device {}", index);
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return run_in(netns, [&]() -> Result<DeviceLock> {
        auto lock = new_socket();
        const auto end = std::chrono::steady_clock::now() + patience;
        while (bind(lock.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
            if (errno != EADDRINUSE)
                return refuse(fmt::format("{} cannot be locked: {}", device, std::strerror(errno)));
            if (from_dead && std::chrono::steady_clock::now() < end) {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
                continue;
            }
            const auto process = holder(address, length);
            return refuse(fmt::format(
                "{} is the device of a port of another weftd that lives{}: remove that port first", device,
                process ? fmt::format(" (process {})", process) : ""));
        }
        if (listen(lock.get(), askers) != 0)
            return refuse(fmt::format("{} cannot be locked: {}", device, std::strerror(errno)));
        return DeviceLock{std::move(lock)};
    });
}

}  // namespace weft
