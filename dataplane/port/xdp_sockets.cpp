#include "dataplane/port/xdp_sockets.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace weft::ports {

namespace {

std::map<ino_t, int> descriptors() {
    std::map<ino_t, int> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        const int fd = std::atoi(entry.path().filename().c_str());
        int domain = 0;
        socklen_t size = sizeof domain;
        struct stat status {};
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_XDP &&
            fstat(fd, &status) == 0)
            found.emplace(status.st_ino, fd);
    }
    return found;
}

}  // namespace

std::set<ino_t> xdp_sockets() {
    std::set<ino_t> inodes;
    for (const auto& [inode, fd] : descriptors())
        inodes.insert(inode);
    return inodes;
}

void close_xdp_sockets(const std::set<ino_t>& sockets) {
    std::vector<std::pair<unsigned long, unsigned long>> rings;
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0, end = 0, inode = 0;
        if (line.find("socket:[") != std::string::npos &&
            std::sscanf(line.c_str(), "%lx-%lx %*s %*s %*s %lu", &begin, &end, &inode) == 3 &&
            sockets.contains(inode))
            rings.emplace_back(begin, end - begin);
    }
    for (const auto& [begin, size] : rings)
        munmap(reinterpret_cast<void*>(begin), size);
    for (const auto& [inode, fd] : descriptors())
        if (sockets.contains(inode)) close(fd);
}

}  // namespace weft::ports
