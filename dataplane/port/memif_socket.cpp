#include "dataplane/port/memif_socket.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

namespace weft::ports {

namespace {

bool is_abstract(const std::string& path) {
    return path.starts_with('@');
}

struct Address {
    sockaddr_un un{};
    socklen_t length;

    explicit Address(const std::string& path) {
        un.sun_family = AF_UNIX;
        std::memcpy(un.sun_path, path.data(), path.size());
        length = sizeof un;
        if (is_abstract(path)) {
            un.sun_path[0] = '\0';
            length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        }
    }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&un); }
};

Fd new_socket(int netns) {
    const auto scope = InNamespace::enter(netns);  // abstract names belong to one
    return scope ? Fd{socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} : Fd{};
}

/// Removes the file of a socket that nobody listens on.
Result<> clear_stale(const std::string& path, int netns) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) return refuse(fmt::format("{} is there and is no socket", path));
    const Fd probe = new_socket(netns);
    const Address address{path};
    if (connect(probe.get(), address.get(), address.length) == 0 || errno != ECONNREFUSED)
        return refuse(fmt::format("{} is the socket of a program that runs", path));
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
        return refuse(fmt::format("{} is left over and cannot be removed: {}", path, std::strerror(errno)));
    return {};
}

}  // namespace

Result<> check_memif_path(const std::string& path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return refuse(fmt::format("the path {} is longer than a socket's can be ({} bytes)", path,
                                  sizeof(sockaddr_un::sun_path) - 1));
    if (is_abstract(path)) return {};
    const auto folder = std::filesystem::path{path}.parent_path();
    std::error_code error;
    if (!folder.empty() && !std::filesystem::is_directory(folder, error))
        return refuse(fmt::format("there is no directory {}", folder.string()));
    return {};
}

Result<MemifListener> MemifListener::open(const std::string& path, int netns) {
    if (auto ok = check_memif_path(path); !ok) return std::move(ok).error();
    if (!is_abstract(path))
        if (auto ok = clear_stale(path, netns); !ok) return std::move(ok).error();
    Fd fd = new_socket(netns);
    const Address address{path};
    if (!fd || bind(fd.get(), address.get(), address.length) != 0 || listen(fd.get(), 16) != 0)
        return refuse(errno == EADDRINUSE
                          ? fmt::format("{} is the socket of a program that runs", path)
                          : fmt::format("cannot listen on {}: {}", path, std::strerror(errno)));
    struct stat status {};
    if (!is_abstract(path)) stat(path.c_str(), &status);
    return MemifListener{std::move(fd), path, status.st_dev, status.st_ino};
}

MemifListener::~MemifListener() {
    struct stat status {};
    if (!fd_ || is_abstract(path_) || lstat(path_.c_str(), &status) != 0) return;
    if (status.st_dev == device_ && status.st_ino == inode_) unlink(path_.c_str());
}

Fd memif_connect(const std::string& path, int netns) {
    Fd fd = new_socket(netns);
    const Address address{path};
    if (!fd || connect(fd.get(), address.get(), address.length) != 0) return {};
    return fd;
}

}  // namespace weft::ports
