#include "dataplane/route/fragment.hpp"

#include <rte_ip_frag.h>

#include <algorithm>

#include "dataplane/route/header.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

void finish(Packet& piece, const Packet& whole, const std::byte* link_header, std::uint16_t l3) noexcept {
    std::memcpy(rte_pktmbuf_prepend(&piece, l3), link_header, l3);
    piece.meta = whole.meta;
    Ipv4Header& ip = ipv4(piece);
    ip.checksum = ipv4_checksum(ip);
}

}  // namespace

unsigned fragment4(Packet& packet, std::uint16_t mtu, rte_mempool* pool,
                   Packet* out[max_fragments]) noexcept {
    const std::uint16_t l3 = packet.meta.l3_offset, header = ipv4(packet).header_size();
    // rte_ip_frag wants pieces whose payload is a multiple of eight, but for the last.
    const auto payload = static_cast<std::uint16_t>((mtu - header) & ~7);
    if (mtu < header + 8) return 0;
    std::byte link_header[ip_head_bytes];
    std::memcpy(link_header, packet.data(), l3);
    rte_mbuf* pieces[max_fragments];
    rte_pktmbuf_adj(&packet, l3);
    const int made = rte_ipv4_fragment_packet(&packet, pieces, max_fragments,
                                              static_cast<std::uint16_t>(header + payload), pool, pool);
    rte_pktmbuf_prepend(&packet, l3);
    for (int i = 0; i < made; ++i) {
        out[i] = Packet::from(pieces[i]);
        finish(*out[i], packet, link_header, l3);
    }
    return made > 0 ? static_cast<unsigned>(made) : 0;
}

}  // namespace weft
