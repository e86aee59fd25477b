#include "control/kernel/netns.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace weft {

Result<Netns> Netns::open_path(const std::string& path, std::string name) {
    Descriptor descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!descriptor) {
        if (errno == ENOENT && !name.empty())
            return refuse(
                fmt::format("network namespace {} does not exist: make it by `ip netns add`", name));
        return refuse(fmt::format("network namespace {}: {}", path, std::strerror(errno)));
    }
    struct stat status {};
    if (ioctl(descriptor.get(), NS_GET_NSTYPE) != CLONE_NEWNET || fstat(descriptor.get(), &status) != 0)
        return refuse(fmt::format("{} is not a network namespace", path));
    return Netns{std::move(descriptor), std::move(name), status.st_ino};
}

Result<Netns> Netns::current() {
    return open_path("/proc/thread-self/ns/net", "");
}

Result<Netns> Netns::open(const std::string& name_or_path) {
    if (name_or_path.empty()) return current();
    if (name_or_path == "." || name_or_path == "..")
        return refuse(fmt::format("{} is not a network namespace", name_or_path));
    const bool is_path = name_or_path.find('/') != std::string::npos;
    return open_path(is_path ? name_or_path : "/run/netns/" + name_or_path, name_or_path);
}

std::vector<Netns> Netns::all_named() {
    std::vector<Netns> all;
    const auto add = [&all](Result<Netns> opened) {
        if (opened) all.push_back(std::move(*opened));
    };
    add(current());
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator("/run/netns", missing))
        add(open(entry.path().filename().string()));
    return all;
}

Result<NamespaceScope> NamespaceScope::enter(const Netns& netns) {
    Descriptor back{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!back) return refuse(fmt::format("cannot open the own network namespace: {}", std::strerror(errno)));
    if (setns(netns.descriptor(), CLONE_NEWNET) != 0)
        return refuse(fmt::format("cannot enter network namespace {}: {}{}", netns.name(),
                                  std::strerror(errno),
                                  errno == EPERM ? ": weft needs CAP_SYS_ADMIN for that" : ""));
    return NamespaceScope{std::move(back)};
}

NamespaceScope::~NamespaceScope() {
    if (!back_) return;
    if (setns(back_.get(), CLONE_NEWNET) != 0) {
        std::perror("cannot return to the own network namespace");
        std::abort();
    }
}

}  // namespace weft
