// Frames to and from descriptors that speak virtio_net_hdr: packet sockets and TAPs.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "weft/net/virtio_net.hpp"
#include "weft/packet.hpp"
#include "weft/port.hpp"

namespace weft::ports {

/// The longest frame that is taken in whole: a GSO frame of 64 KiB after its first segment.
inline constexpr std::size_t bounce_bytes = 65536;

/// Where a received frame lies before it becomes a packet: virtio header, one mbuf, and what does not fit
/// there. The bounce area is copied into further segments, which costs nothing to frames that need none; 32
/// spare mbufs for each slot instead would.
struct ReceiveSlot {
    rte_mbuf* mbuf = nullptr;
    std::byte* bounce = nullptr;  ///< bounce_bytes
    iovec iov[3];
    VirtioNetHeader header;
};

/// bounce_bytes for each of n slots: address space, which becomes memory where it is written.
std::byte* map_bounce(std::size_t n) noexcept;
void unmap_bounce(std::byte* area, std::size_t n) noexcept;

/// Gives the slot an mbuf, if it has none, and sets its vectors. False if no mbuf was free.
bool arm(ReceiveSlot& slot, rte_mempool* pool) noexcept;

/// What became of a received frame.
enum class Taken : std::uint8_t { whole, truncated, contradictory, no_mbuf };

/// Takes a frame of `length` bytes (virtio header included) out of the slot as a packet without tag. Unless
/// `whole`, the slot keeps its mbuf and out is untouched.
Taken take(ReceiveSlot& slot, std::size_t length, Packet*& out) noexcept;

/// What precedes a sent frame: the virtio header and, where its tag was stripped, its addresses with the tag.
struct SendHead {
    VirtioNetHeader virtio;
    MacAddress destination, source;
    VlanTag tag;
};
static_assert(sizeof(SendHead) == sizeof(VirtioNetHeader) + 16);

/// Vectors that a packet needs at most.
[[nodiscard]] inline unsigned vectors_for(const Packet& packet) noexcept {
    return packet.nb_segs + 1u;
}
/// Describes the packet, which is not changed, by vectors_for(packet) vectors or fewer; returns how many.
unsigned describe(const Packet& packet, SendHead& head, iovec* iov) noexcept;

}  // namespace weft::ports
