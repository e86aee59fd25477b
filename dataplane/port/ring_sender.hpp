// Sends what sendmsg(2) on a packet socket refuses: frames that are longer than the device's MTU by their
// tags.
//
// packet_snd() grants four bytes to one 802.1Q tag and nothing to 802.1ad or a second tag (EMSGSIZE). With a
// virtio header tpacket_snd() does not ask (net/packet/af_packet.c). Its ring pages would be referenced by
// the sent frame, and written again while a local receiver still holds that; so the virtio header calls the
// whole frame "headers", which the kernel copies.
#pragma once

#include <linux/if_packet.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/port/netns.hpp"

namespace weft::ports {

/// One user at a time. Takes 64 KiB of kernel memory.
class RingSender {
  public:
    /// In the calling thread's namespace. Null if the kernel gives no ring: such frames are then lost.
    static std::unique_ptr<RingSender> open(int device_index);
    ~RingSender();
    RingSender(const RingSender&) = delete;
    RingSender& operator=(const RingSender&) = delete;

    enum class Outcome : std::uint8_t { sent, full, refused };
    /// The first vector begins with the VirtioNetHeader.
    [[nodiscard]] Outcome send(const iovec* iov, std::size_t n) noexcept;

  private:
    static constexpr unsigned slot_bytes = 16384, slots = 4;
    RingSender(Fd socket, std::byte* ring) noexcept : socket_(std::move(socket)), ring_(ring) {}

    Fd socket_;
    std::byte* ring_;
    unsigned next_ = 0;
};

}  // namespace weft::ports
