// SCTP's common header and its checksum, CRC32c (RFC 9260 3.1 and appendix A).
#pragma once

#include <rte_hash_crc.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "weft/net/byte_order.hpp"

namespace weft {

struct SctpHeader {
    be16 source_port;
    be16 destination_port;
    be32 tag;
    std::array<std::uint8_t, 4> checksum;  ///< CRC32c, its lowest byte first

    friend bool operator==(const SctpHeader&, const SctpHeader&) = default;
};
static_assert(sizeof(SctpHeader) == 12);

/// A CRC32c in the making. A value; not thread safe.
class Crc32c {
  public:
    /// The next n bytes of one byte stream.
    void add(const void* data, std::uint32_t n) noexcept {
        const auto* at = static_cast<const std::byte*>(data);
        // rte_hash_crc() wants words to be aligned, which they are not in a frame.
        for (; n >= sizeof(std::uint64_t); at += sizeof(std::uint64_t), n -= sizeof(std::uint64_t)) {
            std::uint64_t word;
            std::memcpy(&word, at, sizeof word);
            crc_ = rte_hash_crc_8byte(word, crc_);
        }
        for (; n > 0; ++at, --n)
            crc_ = rte_hash_crc_1byte(static_cast<std::uint8_t>(*at), crc_);
    }
    /// Adds `length` bytes of a chain from `offset` on; stops at its end if that comes earlier.
    void add_chain(const rte_mbuf* m, std::uint32_t offset, std::uint32_t length) noexcept {
        for (; m && length; m = m->next) {
            if (offset >= m->data_len) {
                offset -= m->data_len;
                continue;
            }
            const std::uint32_t n = std::min<std::uint32_t>(m->data_len - offset, length);
            add(rte_pktmbuf_mtod_offset(m, const std::byte*, offset), n);
            offset = 0;
            length -= n;
        }
    }
    /// As the header holds it.
    [[nodiscard]] std::array<std::uint8_t, 4> checksum() const noexcept {
        const std::uint32_t done = ~crc_;
        return {static_cast<std::uint8_t>(done), static_cast<std::uint8_t>(done >> 8),
                static_cast<std::uint8_t>(done >> 16), static_cast<std::uint8_t>(done >> 24)};
    }

  private:
    std::uint32_t crc_ = 0xffff'ffff;
};

/// Begins the checksum of a packet with its header, whose own field counts as zeros: what follows the header
/// is to be added.
[[nodiscard]] inline Crc32c begin_sctp_checksum(SctpHeader header) noexcept {
    header.checksum = {};
    Crc32c crc;
    crc.add(&header, sizeof header);
    return crc;
}

/// The checksum that the SCTP packet at `offset` of a chain should have, whose header lies in the first
/// segment; `length` bytes of header and chunks.
[[nodiscard]] inline std::array<std::uint8_t, 4> sctp_checksum(const rte_mbuf* m, std::uint32_t offset,
                                                               std::uint32_t length) noexcept {
    SctpHeader header;
    std::memcpy(&header, rte_pktmbuf_mtod_offset(m, const std::byte*, offset), sizeof header);
    Crc32c crc = begin_sctp_checksum(header);
    crc.add_chain(m, offset + sizeof header, length - std::uint32_t{sizeof header});
    return crc.checksum();
}

/// Writes it, as after a port was translated.
inline void renew_sctp_checksum(rte_mbuf* m, std::uint32_t offset, std::uint32_t length) noexcept {
    const auto checksum = sctp_checksum(m, offset, length);
    std::memcpy(rte_pktmbuf_mtod_offset(m, std::byte*, offset + offsetof(SctpHeader, checksum)),
                checksum.data(), checksum.size());
}

}  // namespace weft
