#include "dataplane/egress/finish.hpp"

#include <array>
#include <bit>

#include "weft/net/checksum.hpp"

namespace weft {

namespace {

// Byte by byte, since the field may lie across two segments.
void store(rte_mbuf* m, std::uint32_t offset, be16 value) noexcept {
    for (const std::byte byte : std::bit_cast<std::array<std::byte, 2>>(value)) {
        while (offset >= m->data_len) {
            offset -= m->data_len;
            m = m->next;
        }
        *rte_pktmbuf_mtod_offset(m, std::byte*, offset) = byte;
        ++offset;
    }
}

}  // namespace

bool checksum_fits(const Packet& packet) noexcept {
    return packet.meta.checksum_start >= ethernet_header_size &&
           std::uint32_t{packet.meta.checksum_start} + packet.meta.checksum_offset + sizeof(be16) <=
               packet.pkt_len;
}

bool finish_checksum(Packet& packet) noexcept {
    Metadata& meta = packet.meta;
    if (meta.checksum != ChecksumState::unfinished) return true;
    if (!checksum_fits(packet)) return false;
    InternetSum sum;
    add_chain(sum, &packet, meta.checksum_start, packet.pkt_len - meta.checksum_start);
    be16 checksum = sum.checksum();
    if (checksum.raw() == 0) checksum = be16::from_raw(0xffff);
    store(&packet, std::uint32_t{meta.checksum_start} + meta.checksum_offset, checksum);
    meta.checksum = ChecksumState::good;
    return true;
}

}  // namespace weft
