// Where a memif's two sides meet: a SEQPACKET socket with a file, or an abstract one ("@name"). Control side.
#pragma once

#include <sys/types.h>

#include <string>

#include "dataplane/port/netns.hpp"
#include "weft/result.hpp"

namespace weft::ports {

/// A listening socket. Its file, if it is still ours, goes with it.
class MemifListener {
  public:
    /// Takes the place of a socket file that nobody listens on. Errors: one sentence without subject.
    static Result<MemifListener> open(const std::string& path, int netns);
    MemifListener(MemifListener&&) noexcept = default;
    MemifListener& operator=(MemifListener&&) = delete;
    ~MemifListener();
    [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

  private:
    MemifListener(Fd fd, std::string path, dev_t device, ino_t inode)
        : fd_(std::move(fd)), path_(std::move(path)), device_(device), inode_(inode) {}
    Fd fd_;
    std::string path_;
    dev_t device_;
    ino_t inode_;
};

/// A socket connected to whoever listens; none if nobody does.
Fd memif_connect(const std::string& path, int netns);

/// Refused, in one sentence without subject, if no socket can have this path: too long, no such directory.
Result<> check_memif_path(const std::string& path);

}  // namespace weft::ports
