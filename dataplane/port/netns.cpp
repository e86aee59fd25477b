#include "dataplane/port/netns.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace weft::ports {

Fd::~Fd() {
    if (fd_ >= 0) close(fd_);
}

Result<InNamespace> InNamespace::enter(int netns) {
    if (netns < 0) return InNamespace{Fd{}};
    Fd home{open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!home) return refuse(fmt::format("cannot read the own network namespace: {}", std::strerror(errno)));
    if (setns(netns, CLONE_NEWNET) != 0)
        return refuse(fmt::format("cannot enter the network namespace: {} (root or CAP_SYS_ADMIN is needed)",
                                  std::strerror(errno)));
    return InNamespace{std::move(home)};
}

InNamespace::~InNamespace() {
    // Going on in the wrong namespace would touch the wrong host's devices.
    if (home_ && setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

Result<Fd> open_namespace(const std::string& name_or_path) {
    const auto path =
        name_or_path.find('/') == std::string::npos ? "/run/netns/" + name_or_path : name_or_path;
    Fd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return refuse(fmt::format("no network namespace {}: {}", name_or_path, std::strerror(errno)));
    return fd;
}

}  // namespace weft::ports
