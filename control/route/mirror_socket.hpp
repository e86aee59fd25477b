// The mirror's netlink socket: big buffers, many datagrams at a time.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "control/kernel/attributes.hpp"
#include "control/kernel/descriptor.hpp"
#include "control/kernel/netns.hpp"
#include "control/route/routes.hpp"
#include "weft/result.hpp"

namespace weft {

/// One thread at a time.
class MirrorSocket {
  public:
    /// With `subscribed` it hears of links, their settings, addresses, neighbours, next hops, routes and
    /// rules.
    static Result<MirrorSocket> open(const Netns& netns, std::size_t buffer, bool subscribed);

    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
    /// The address the kernel knows it by (nlmsg_pid of its answers).
    [[nodiscard]] std::uint32_t port() const noexcept { return port_; }

    /// How many datagrams were there, up to 32; 0: none; -1: some were lost (ENOBUFS).
    int receive();
    [[nodiscard]] Bytes datagram(int i) const noexcept {
        return {buffer_.get() + static_cast<std::size_t>(i) * datagram_size,
                headers_[static_cast<std::size_t>(i)].msg_len};
    }
    /// False if the kernel does not take the request now.
    bool ask_for(RouteDump kind, std::uint32_t sequence);
    /// What came of it is told by notifications, if by anything.
    void use_neighbour(int device, bool v6, const IpAddress& address);

  private:
    static constexpr std::size_t datagram_size = 32768, datagram_count = 32;
    MirrorSocket(Descriptor descriptor, std::uint32_t port, std::size_t datagrams);

    Descriptor descriptor_;
    std::uint32_t port_;
    std::unique_ptr<std::byte[]> buffer_;
    std::vector<iovec> vectors_;
    std::vector<mmsghdr> headers_;
};

}  // namespace weft
