// The memif protocol, version 2.0, as FD.io defines it (VPP's memif.h): messages of 128 bytes on a SEQPACKET
// socket, rings and buffers in memory that the client shares. Words are the host's, which is little-endian.
//
// c2s: from client to server; s2c: from server to client. The client makes all memory and both kinds of
// rings.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::ports::memif {

inline constexpr std::uint32_t cookie = 0x3E31F20;
inline constexpr std::uint16_t version = 0x0200;
inline constexpr std::uint16_t max_regions = 64, max_rings = 64;
inline constexpr std::uint8_t max_log2_ring_size = 14;
inline constexpr std::uint32_t buffer_size = 2048;  ///< of the buffers that our client makes
inline constexpr std::uint16_t ring_masks_interrupts = 1, descriptor_goes_on = 1, add_ring_c2s = 1;

enum class MessageType : std::uint16_t {
    none,
    ack,
    hello,
    init,
    add_region,
    add_ring,
    connect,
    connected,
    disconnect
};

struct [[gnu::packed]] Hello {
    char name[32];
    std::uint16_t min_version, max_version;
    std::uint16_t max_region, max_s2c_ring, max_c2s_ring;  ///< the highest index
    std::uint8_t max_log2_ring_size;
};
struct [[gnu::packed]] Init {
    std::uint16_t version;
    std::uint32_t id;
    std::uint8_t mode;  ///< 0: Ethernet
    char secret[24];
    char name[32];
};
struct [[gnu::packed]] AddRegion {
    std::uint16_t index;
    std::uint64_t size;
};
struct [[gnu::packed]] AddRing {
    std::uint16_t flags, index, region;
    std::uint32_t offset;
    std::uint8_t log2_ring_size;
    std::uint16_t private_header_size;
};
struct [[gnu::packed]] Named {
    char name[32];  ///< of connect and connected: the sender's interface
};
struct [[gnu::packed]] Disconnect {
    std::uint32_t code;
    char reason[96];
};

struct [[gnu::packed]] Message {
    MessageType type = MessageType::none;
    union [[gnu::packed]] {
        std::uint8_t raw[126] = {};
        Hello hello;
        Init init;
        AddRegion add_region;
        AddRing add_ring;
        Named named;
        Disconnect disconnect;
    };
};
static_assert(sizeof(Message) == 128);

/// What stands before a ring's descriptors. The producer of frames writes head of a c2s ring and tail of an
/// s2c ring, whose head counts the buffers that the client supplied.
struct RingHead {
    std::uint32_t cookie;
    std::uint16_t flags;
    std::uint16_t head;
    std::uint8_t pad0[56];
    std::uint16_t tail;
    std::uint8_t pad1[62];
};
static_assert(sizeof(RingHead) == 128);

/// A descriptor is two words of 64 bits: flags, region and length; then offset and metadata.
struct Descriptor {
    std::uint16_t flags, region;
    std::uint32_t length, offset;
};
inline constexpr std::size_t descriptor_bytes = 16;

constexpr std::size_t ring_bytes(std::uint8_t log2) {
    return sizeof(RingHead) + (descriptor_bytes << log2);
}

}  // namespace weft::ports::memif
