// One weftd at a time has a kernel device as a port, and one a control socket's path.
#pragma once

#include <string>

#include "control/kernel/descriptor.hpp"
#include "control/kernel/netns.hpp"
#include "weft/result.hpp"

namespace weft {

/// Held while it lives, and no longer than the process: an abstract socket (unix(7)) of the device's
/// namespace with the device's index in its name, so that two namespaces and two control sockets do not
/// matter.
class DeviceLock {
  public:
    /// Refused if a live process holds it, in one sentence with its id. With `from_dead` its holder is
    /// thought to be dead: one that is just ending is waited for.
    static Result<DeviceLock> take(const Netns& netns, const std::string& device, int index,
                                   bool from_dead = false);
    DeviceLock() noexcept = default;
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(socket_); }
    void release() noexcept { socket_.reset(); }

  private:
    friend Result<DeviceLock> lock_socket(const std::string& path);
    explicit DeviceLock(Descriptor socket) : socket_(std::move(socket)) {}
    Descriptor socket_;
};

/// One weftd at a time on a control socket's path, also when its file was removed. The directory exists.
Result<DeviceLock> lock_socket(const std::string& path);

}  // namespace weft
