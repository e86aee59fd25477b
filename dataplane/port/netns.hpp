// Network namespaces as seen by the code that opens ports. Control thread only.
#pragma once

#include <string>
#include <utility>

#include "weft/result.hpp"

namespace weft::ports {

/// Owns a file descriptor. Move only.
class Fd {
  public:
    Fd() noexcept = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// The calling thread is in another namespace while this lives. Sockets and TAPs made meanwhile stay there.
class InNamespace {
  public:
    /// -1: stay where we are.
    static Result<InNamespace> enter(int netns);
    InNamespace(InNamespace&&) noexcept = default;
    InNamespace& operator=(InNamespace&&) = delete;
    ~InNamespace();

  private:
    explicit InNamespace(Fd home) noexcept : home_(std::move(home)) {}
    Fd home_;
};

/// A name under /run/netns, or a path if it has a '/'.
Result<Fd> open_namespace(const std::string& name_or_path);

}  // namespace weft::ports
