#include "dataplane/nat/mangle.hpp"

#include <algorithm>

#include "dataplane/hook/hooks.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/route/header.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

/// Calls use(bytes, how many of them) for each part of a chain from `at` on.
template <class Use>
void for_each_part(rte_mbuf* m, std::uint32_t at, std::uint32_t length, Use&& use) noexcept {
    for (; m && length; m = m->next) {
        if (at >= m->data_len) {
            at -= m->data_len;
            continue;
        }
        const std::uint32_t n = std::min<std::uint32_t>(m->data_len - at, length);
        use(rte_pktmbuf_mtod_offset(m, std::byte*, at), n);
        at = 0;
        length -= n;
    }
}
void write(Packet& packet, std::uint32_t at, const void* from, std::uint32_t length) noexcept {
    const auto* next = static_cast<const std::byte*>(from);
    for_each_part(&packet, at, length, [&](std::byte* to, std::uint32_t n) {
        std::memcpy(to, next, n);
        next += n;
    });
}

bool is_own(const rte_mbuf* m) noexcept {
    for (; m; m = m->next)
        if (rte_mbuf_refcnt_read(m) != 1 || !RTE_MBUF_DIRECT(m)) return false;
    return true;
}

bool lengthen(Packet& packet, std::uint16_t by, Context& context) noexcept {
    if (rte_pktmbuf_append(&packet, by)) return true;
    rte_mbuf* const more = rte_pktmbuf_alloc(context.pool);
    if (!more) return false;
    if (!rte_pktmbuf_append(more, by) || rte_pktmbuf_chain(&packet, more) != 0) {
        rte_pktmbuf_free(more);
        return false;
    }
    return true;
}
void shorten(Packet& packet, std::uint32_t by) noexcept {
    while (by) {
        rte_mbuf* const last = rte_pktmbuf_lastseg(&packet);
        const auto n = static_cast<std::uint16_t>(std::min<std::uint32_t>(by, last->data_len));
        last->data_len = static_cast<std::uint16_t>(last->data_len - n);
        packet.pkt_len -= n;
        by -= n;
        if (last->data_len != 0 || last == &packet) continue;
        rte_mbuf* before = &packet;
        while (before->next != last)
            before = before->next;
        before->next = nullptr;
        --packet.nb_segs;
        rte_pktmbuf_free_seg(last);
    }
}

void set_ip_length(Packet& packet) noexcept {
    const std::uint32_t bytes = l3_length(packet);
    if (is_ipv6(packet)) {
        ipv6(packet).payload_length = be16{static_cast<std::uint16_t>(bytes - sizeof(Ipv6Header))};
        return;
    }
    Ipv4Header& ip = ipv4(packet);
    const be16 length{static_cast<std::uint16_t>(bytes)};
    ip.checksum = update_checksum(ip.checksum, ip.total_length, length);
    ip.total_length = length;
}

void set_tcp_checksum(Packet& packet, std::uint32_t at, std::uint32_t was, std::uint32_t is) noexcept {
    auto& tcp = *packet.header<TcpHeader>(at);
    if (packet.meta.checksum == ChecksumState::unfinished) {
        InternetSum sum(tcp.checksum);
        sum.subtract(be16{static_cast<std::uint16_t>(was)});
        sum.add(be16{static_cast<std::uint16_t>(is)});
        tcp.checksum = sum.sum();
        return;
    }
    tcp.checksum = be16{0};
    InternetSum sum = is_ipv6(packet) ? pseudo_header(ipv6(packet), ip_protocol::tcp, is)
                                      : pseudo_header(ipv4(packet), ip_protocol::tcp, is);
    add_chain(sum, &packet, at, is);
    tcp.checksum = sum.checksum();
}

void replace_word(TcpHeader& tcp, std::byte* at, std::int32_t add, bool summed) noexcept {
    be32 was;
    std::memcpy(&was, at, sizeof was);
    const be32 is{was.host() + static_cast<std::uint32_t>(add)};
    // An option may begin at an odd byte; Linux sums its words as if it did not.
    if (summed) tcp.checksum = update_checksum(tcp.checksum, was, is);
    std::memcpy(at, &is, sizeof is);
}

}  // namespace

bool replace_payload(Packet& packet, std::uint32_t offset, std::uint32_t length, std::string_view with,
                     Context& context) noexcept {
    const auto l4 = layer4_of(packet, context);
    if (!l4 || l4->head < sizeof(TcpHeader) || !is_own(&packet)) return false;
    const auto at = static_cast<std::uint32_t>(l4->data - packet.data());
    const std::uint32_t header = (packet.header<TcpHeader>(at)->data_offset >> 4) * 4U;
    const std::uint32_t begin = at + header + offset, tail_at = begin + length;
    if (tail_at > packet.length() || l3_length(packet) + with.size() - length > 0xffff) return false;
    const std::uint32_t tail = packet.length() - tail_at;
    std::byte* const kept = context.hooks->whole.get();
    std::byte* to = kept;
    for_each_part(&packet, tail_at, tail, [&](const std::byte* from, std::uint32_t n) {
        std::memcpy(to, from, n);
        to += n;
    });
    const auto words = static_cast<std::uint32_t>(with.size());
    if (words > length && !lengthen(packet, static_cast<std::uint16_t>(words - length), context))
        return false;
    if (words < length) shorten(packet, length - words);
    write(packet, begin, with.data(), words);
    write(packet, begin + words, kept, tail);
    if (words != length) set_ip_length(packet);
    set_tcp_checksum(packet, at, l4->length, l4->length + words - length);
    return true;
}

void adjust_numbers(const L4View& l4, unsigned direction, const SeqAdjust (&ways)[2],
                    ChecksumState checksum) noexcept {
    constexpr std::uint8_t option_end = 0, option_nop = 1, option_sack = 5;
    constexpr std::uint32_t block = 8;
    if (l4.head < sizeof(TcpHeader)) return;
    auto* const at = const_cast<std::byte*>(l4.data);
    auto& tcp = *reinterpret_cast<TcpHeader*>(at);
    const bool summed = checksum != ChecksumState::unfinished;
    const SeqAdjust &own = ways[direction], &other = ways[!direction];
    replace_word(tcp, at + offsetof(TcpHeader, sequence), own.of_sent(tcp.sequence.host()), summed);
    const auto take_back = [&](std::byte* number) {
        be32 acknowledged;
        std::memcpy(&acknowledged, number, sizeof acknowledged);
        replace_word(tcp, number, -other.of_acknowledged(acknowledged.host()), summed);
    };
    take_back(at + offsetof(TcpHeader, acknowledgement));
    const std::uint32_t end = std::min((tcp.data_offset >> 4) * 4U, l4.head);
    for (std::uint32_t i = sizeof tcp; i < end;) {
        const auto kind = static_cast<std::uint8_t>(at[i]);
        if (kind == option_end) return;
        if (kind == option_nop) {
            ++i;
            continue;
        }
        const std::uint32_t size = i + 1 < end ? static_cast<std::uint8_t>(at[i + 1]) : 0;
        if (size < 2 || i + size > end) return;
        if (kind == option_sack && size >= 2 + block && (size - 2) % block == 0)
            for (std::uint32_t edge = i + 2; edge < i + size; edge += sizeof(be32))
                take_back(at + edge);
        i += size;
    }
}

}  // namespace weft
