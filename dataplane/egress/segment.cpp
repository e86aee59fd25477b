#include "dataplane/egress/segment.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "dataplane/egress/finish.hpp"
#include "weft/net/checksum.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"
#include "weft/port.hpp"

namespace weft {

namespace {

constexpr std::uint32_t max_headers = 512;
constexpr std::uint8_t tcp_fin = 0x01, tcp_psh = 0x08, tcp_cwr = 0x80;
constexpr std::uint16_t fragment_mask = 0x3fff;  // MF and offset

using Bytes = std::span<const std::byte>;

template <class Header>
const Header* header_at(Bytes bytes, std::size_t offset) noexcept {
    return offset + sizeof(Header) <= bytes.size() ? reinterpret_cast<const Header*>(bytes.data() + offset)
                                                   : nullptr;
}

// Where the headers of a GSO frame begin, in bytes from the first of the frame.
struct Layers {
    bool ipv6 = false;
    std::uint32_t l3 = 0;
    std::uint32_t l4 = 0;
    std::uint32_t payload = 0;
    std::uint16_t checksum_field = 0;  // from l4
};

// l4 of an IPv4 packet that is not a fragment; 0 if it is not one that carries `protocol`.
std::uint32_t ipv4_transport(Bytes bytes, std::uint32_t l3, std::uint8_t protocol) noexcept {
    const auto* ip = header_at<Ipv4Header>(bytes, l3);
    if (!ip || ip->version_ihl >> 4 != 4 || ip->header_size() < sizeof(Ipv4Header) ||
        ip->protocol != protocol || (ip->fragment.host() & fragment_mask) != 0)
        return 0;
    return l3 + ip->header_size();
}

// The same for IPv6, over the extension headers that may stand before a segment.
std::uint32_t ipv6_transport(Bytes bytes, std::uint32_t l3, std::uint8_t protocol) noexcept {
    const auto* ip = header_at<Ipv6Header>(bytes, l3);
    if (!ip || ip->version_class_flow.host() >> 28 != 6) return 0;
    std::uint8_t next = ip->next_header;
    std::uint32_t at = l3 + sizeof(Ipv6Header);
    while (next != protocol) {
        if (next != ip_protocol::hop_by_hop && next != ip_protocol::routing &&
            next != ip_protocol::destination_options)
            return 0;
        // A jumbogram (RFC 2675): its length option would be wrong in every segment.
        if (next == ip_protocol::hop_by_hop && ip->payload_length.host() == 0) return 0;
        const auto* extension = header_at<std::array<std::uint8_t, 2>>(bytes, at);
        if (!extension) return 0;
        next = (*extension)[0];
        at += ((*extension)[1] + 1u) * 8;
    }
    return at;
}

bool find_layers(Bytes bytes, const Metadata& meta, Layers& layers) noexcept {
    std::uint32_t at = offsetof(EthernetHeader, type);
    const be16* type = header_at<be16>(bytes, at);
    for (unsigned tags = 0; type && is_vlan_tpid(type->host()) && tags < 2; ++tags) {
        at += vlan_tag_size;
        type = header_at<be16>(bytes, at);
    }
    if (!type) return false;
    layers.l3 = at + sizeof(be16);

    const bool tcp = meta.gso_type != GsoType::udp;
    const std::uint8_t protocol = tcp ? ip_protocol::tcp : ip_protocol::udp;
    if (type->host() == ether_type::ipv4 && meta.gso_type != GsoType::tcp6) {
        layers.l4 = ipv4_transport(bytes, layers.l3, protocol);
    } else if (type->host() == ether_type::ipv6 && meta.gso_type != GsoType::tcp4) {
        layers.ipv6 = true;
        layers.l4 = ipv6_transport(bytes, layers.l3, protocol);
    }
    if (layers.l4 == 0) return false;

    if (tcp) {
        const auto* header = header_at<TcpHeader>(bytes, layers.l4);
        const std::uint32_t size = header ? (header->data_offset >> 4) * 4u : 0;
        if (size < sizeof(TcpHeader)) return false;
        layers.payload = layers.l4 + size;
        layers.checksum_field = offsetof(TcpHeader, checksum);
    } else {
        layers.payload = layers.l4 + sizeof(UdpHeader);
        layers.checksum_field = offsetof(UdpHeader, checksum);
    }
    return layers.payload <= bytes.size() &&
           (meta.checksum != ChecksumState::unfinished ||
            (meta.checksum_start == layers.l4 && meta.checksum_offset == layers.checksum_field));
}

// The payload not handed out yet.
struct Cursor {
    const rte_mbuf* m;
    std::uint32_t offset;

    // The next bytes that lie together, at most n; steps over what was handed out before.
    std::uint16_t piece(std::uint32_t n) noexcept {
        while (offset >= m->data_len) {
            offset -= m->data_len;
            m = m->next;
        }
        return static_cast<std::uint16_t>(std::min<std::uint32_t>(n, m->data_len - offset));
    }
};

void append_copy(Packet& segment, Cursor& from, std::uint32_t n) noexcept {
    while (n) {
        const std::uint16_t piece = from.piece(n);
        std::memcpy(rte_pktmbuf_mtod_offset(&segment, std::byte*, segment.data_len),
                    rte_pktmbuf_mtod_offset(from.m, const std::byte*, from.offset), piece);
        segment.data_len = static_cast<std::uint16_t>(segment.data_len + piece);
        segment.pkt_len += piece;
        from.offset += piece;
        n -= piece;
    }
}

bool append_shared(Packet& segment, Cursor& from, std::uint32_t n, rte_mempool* pool) noexcept {
    rte_mbuf* tail = &segment;
    while (n) {
        const std::uint16_t piece = from.piece(n);
        rte_mbuf* view = rte_pktmbuf_alloc(pool);
        if (!view) return false;
        // Attaching counts a reference on the buffer's owner, so it wants a mutable mbuf though it edits no
        // byte.
        rte_pktmbuf_attach(view, const_cast<rte_mbuf*>(from.m));
        view->data_off = static_cast<std::uint16_t>(view->data_off + from.offset);
        view->data_len = piece;
        tail->next = view;
        tail = view;
        ++segment.nb_segs;
        segment.pkt_len += piece;
        from.offset += piece;
        n -= piece;
    }
    return true;
}

// What the headers of one segment need to know of the whole.
struct Cut {
    const Layers& layers;
    const Metadata& meta;
    std::uint32_t frame_length;
};

// `number`: of the segment from 0; `first_byte`: of its payload within the whole payload.
void rewrite_headers(Packet& segment, const Cut& cut, unsigned number, std::uint32_t first_byte,
                     bool last) noexcept {
    const Layers& layers = cut.layers;
    const std::uint32_t length = segment.pkt_len;
    const std::uint32_t l4_length = length - layers.l4;
    InternetSum sum;
    if (layers.ipv6) {
        auto* ip = segment.header<Ipv6Header>(layers.l3);
        ip->payload_length = be16{static_cast<std::uint16_t>(length - layers.l3 - sizeof(Ipv6Header))};
        sum = pseudo_header(*ip, cut.meta.gso_type == GsoType::udp ? ip_protocol::udp : ip_protocol::tcp,
                            l4_length);
    } else {
        auto* ip = segment.header<Ipv4Header>(layers.l3);
        ip->total_length = be16{static_cast<std::uint16_t>(length - layers.l3)};
        ip->id = be16{static_cast<std::uint16_t>(ip->id.host() + number)};
        ip->checksum = ipv4_checksum(*ip);
        sum = pseudo_header(*ip, ip->protocol, l4_length);
    }

    auto* field = segment.header<be16>(layers.l4 + layers.checksum_field);
    if (cut.meta.checksum == ChecksumState::unfinished) {
        // The sender's own sum knows the final destination behind a routing header: only the length is
        // another.
        sum = InternetSum{*field};
        sum.subtract(be32{cut.frame_length - layers.l4});
        sum.add(be32{l4_length});
    }
    *field = sum.sum();

    if (cut.meta.gso_type == GsoType::udp) {
        segment.header<UdpHeader>(layers.l4)->length = be16{static_cast<std::uint16_t>(l4_length)};
    } else {
        auto* tcp = segment.header<TcpHeader>(layers.l4);
        tcp->sequence = be32{tcp->sequence.host() + first_byte};
        if (!last) tcp->flags &= static_cast<std::uint8_t>(~(tcp_fin | tcp_psh));
        if (number) tcp->flags &= static_cast<std::uint8_t>(~tcp_cwr);
    }
    segment.meta = cut.meta;
    segment.meta.gso_type = GsoType::none;
    segment.meta.checksum = ChecksumState::unfinished;
    segment.meta.checksum_start = static_cast<std::uint16_t>(layers.l4);
    segment.meta.checksum_offset = layers.checksum_field;
}

}  // namespace

unsigned segment(Packet& frame, std::uint8_t port_offloads, rte_mempool* pool, Packet* out[], unsigned max,
                 DropReason& why) noexcept {
    why = DropReason::egress_bad_offload;
    const std::uint32_t readable =
        frame.data_len >= max_headers ? max_headers : std::min(max_headers, frame.pkt_len);
    std::byte scratch[max_headers];
    const auto* front = static_cast<const std::byte*>(rte_pktmbuf_read(&frame, 0, readable, scratch));
    Layers layers;
    if (!front || frame.meta.gso_size == 0 || !find_layers(Bytes{front, readable}, frame.meta, layers))
        return 0;

    const std::uint32_t payload = frame.pkt_len - layers.payload;
    const std::uint32_t size = std::min<std::uint32_t>(frame.meta.gso_size, payload);
    if (layers.payload - layers.l3 + size > UINT16_MAX) return 0;
    const std::uint32_t count = payload ? (payload + size - 1) / size : 1;
    if (count > max) return 0;

    const bool share = port_offloads & Offload::multi_segment;
    if (layers.payload + (share ? 0 : size) + RTE_PKTMBUF_HEADROOM > rte_pktmbuf_data_room_size(pool)) {
        why = DropReason::egress_too_big;
        return 0;
    }
    why = DropReason::egress_no_mbuf;
    if (rte_pktmbuf_alloc_bulk(pool, reinterpret_cast<rte_mbuf**>(out), count) != 0) return 0;

    const Cut cut{layers, frame.meta, frame.pkt_len};
    Cursor from{&frame, layers.payload};
    for (unsigned i = 0; i < count; ++i) {
        Packet& segment = *out[i];
        const std::uint32_t first_byte = i * size;
        const std::uint32_t n = std::min(size, payload - first_byte);
        std::memcpy(segment.data(), front, layers.payload);
        segment.data_len = static_cast<std::uint16_t>(layers.payload);
        segment.pkt_len = layers.payload;
        if (!share) {
            append_copy(segment, from, n);
        } else if (!append_shared(segment, from, n, pool)) {
            for (unsigned k = 0; k < count; ++k)
                Packet::free(out[k]);
            return 0;
        }
        rewrite_headers(segment, cut, i, first_byte, i + 1 == count);
        if (!(port_offloads & Offload::checksum)) (void)finish_checksum(segment);
    }
    Packet::free(&frame);
    return count;
}

}  // namespace weft
