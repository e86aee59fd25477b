#include "dataplane/port/vhost_frame.hpp"

#include <rte_memcpy.h>

#include <algorithm>
#include <atomic>
#include <cstring>

namespace weft::ports {

namespace {

struct FullHeader {
    VirtioNetHeader virtio;
    std::uint16_t buffers;
};
static_assert(sizeof(FullHeader) == 12);

/// Reads on through the pieces of a buffer.
class Reader {
  public:
    explicit Reader(const iovec* pieces) noexcept : piece_(pieces) {}
    /// The virtio header, which nearly always lies in the first piece, of `bytes` with what follows it.
    VirtioNetHeader header(std::uint32_t bytes) noexcept {
        VirtioNetHeader header;
        if (piece_->iov_len >= bytes) [[likely]] {
            std::memcpy(&header, piece_->iov_base, sizeof header);
            offset_ = bytes;
        } else {
            FullHeader full;
            copy(&full, bytes);
            header = full.virtio;
        }
        std::atomic_signal_fence(std::memory_order_seq_cst);  // the guest may write there meanwhile
        return header;
    }
    void copy(void* to, std::size_t n) noexcept {
        auto* at = static_cast<std::byte*>(to);
        while (n > 0) {
            if (offset_ == piece_->iov_len) {
                ++piece_;
                offset_ = 0;
            }
            const std::size_t here = std::min(n, piece_->iov_len - offset_);
            rte_memcpy(at, static_cast<const std::byte*>(piece_->iov_base) + offset_, here);
            at += here;
            offset_ += here;
            n -= here;
        }
    }

  private:
    const iovec* piece_;
    std::size_t offset_ = 0;
};

/// Writes on through the pieces of several buffers, and counts what is in each.
class Writer {
  public:
    Writer(const Window& window, unsigned first, std::uint32_t* written) noexcept
        : window_(window), chain_(&window.chains[first]), written_(written) {
        begin();
    }
    void copy(const void* from, std::size_t n) noexcept {
        const auto* at = static_cast<const std::byte*>(from);
        while (n > 0) {
            while (offset_ == piece_->iov_len)
                next_piece();
            const std::size_t here = std::min(n, piece_->iov_len - offset_);
            rte_memcpy(static_cast<std::byte*>(piece_->iov_base) + offset_, at, here);
            at += here;
            offset_ += here;
            *written_ += static_cast<std::uint32_t>(here);
            n -= here;
        }
    }

  private:
    void begin() noexcept {
        piece_ = &window_.pieces[chain_->first];
        end_ = piece_ + chain_->parts;
        offset_ = 0;
        *written_ = 0;
    }
    void next_piece() noexcept {
        offset_ = 0;
        if (++piece_ != end_) return;
        ++chain_;
        ++written_;
        begin();
    }
    const Window& window_;
    const Chain* chain_;
    const iovec *piece_, *end_;
    std::size_t offset_;
    std::uint32_t* written_;
};

FullHeader header_for(const Packet& packet, const GuestFeatures& guest, unsigned buffers) noexcept {
    FullHeader header{{}, static_cast<std::uint16_t>(buffers)};
    const Metadata& meta = packet.meta;
    if (meta.checksum == ChecksumState::unknown && meta.gso_type == GsoType::none) return header;
    if (!guest.has(GuestFeatures::guest_csum)) return header;
    header.virtio = to_virtio(packet);
    if (!guest.has(GuestFeatures::guest_ecn))
        header.virtio.gso_type &= static_cast<std::uint8_t>(~virtio::gso_ecn);
    return header;
}

/// Chains further mbufs behind m, which is full, and fills them. False, with m as it was, if there were none.
bool take_rest(Reader& reader, std::uint64_t left, rte_mbuf* m) noexcept {
    rte_mbuf* last = m;
    for (; left > 0; last = last->next) {
        rte_mbuf* next = rte_pktmbuf_alloc(m->pool);
        if (!next) {
            rte_pktmbuf_free(m->next);
            m->next = nullptr;
            m->nb_segs = 1;
            return false;
        }
        next->data_off = 0;
        next->data_len = static_cast<std::uint16_t>(std::min<std::uint64_t>(left, next->buf_len));
        reader.copy(rte_pktmbuf_mtod(next, void*), next->data_len);
        left -= next->data_len;
        last->next = next;
        ++m->nb_segs;
    }
    return true;
}

}  // namespace

Taken take_guest_frame(const iovec* pieces, std::uint64_t bytes, const GuestFeatures& guest,
                       rte_mbuf* first) noexcept {
    const std::uint32_t header_bytes = guest.header_bytes();
    if (bytes <= header_bytes || bytes - header_bytes > longest_guest_frame) return Taken::truncated;
    Reader reader{pieces};
    VirtioNetHeader header = reader.header(header_bytes);
    // A driver must not vouch for checksums (5.1.6.2.1).
    header.flags &= virtio::needs_checksum;
    const auto frame = static_cast<std::uint32_t>(bytes - header_bytes);
    Packet* packet = Packet::from(first);
    if (!from_virtio(header, frame, packet->meta)) return Taken::contradictory;
    const auto head = std::min<std::uint32_t>(frame, rte_pktmbuf_tailroom(first));
    reader.copy(rte_pktmbuf_mtod(first, void*), head);
    if (frame > head && !take_rest(reader, frame - head, first)) return Taken::no_mbuf;
    first->data_len = static_cast<std::uint16_t>(head);
    first->pkt_len = frame;
    packet->meta.tag_place = TagPlace::none;
    return Taken::whole;
}

void give_guest_frame(const Packet& packet, const GuestFeatures& guest, const Window& window, unsigned first,
                      unsigned buffers, std::uint32_t* written) noexcept {
    const FullHeader header = header_for(packet, guest, buffers);
    const std::uint32_t header_bytes = guest.header_bytes();
    const iovec& piece = window.pieces[window.chains[first].first];
    if (packet.nb_segs == 1 && packet.meta.tag_place != TagPlace::stripped &&
        piece.iov_len >= header_bytes + packet.length()) [[likely]] {
        auto* at = static_cast<std::byte*>(piece.iov_base);
        std::memcpy(at, &header, header_bytes);
        rte_memcpy(at + header_bytes, packet.data(), packet.length());
        written[0] = header_bytes + packet.length();
        return;
    }
    Writer writer{window, first, written};
    writer.copy(&header, header_bytes);
    const rte_mbuf* m = &packet;
    const auto* data = rte_pktmbuf_mtod(m, const std::byte*);
    std::uint32_t length = m->data_len;
    if (packet.meta.tag_place == TagPlace::stripped) [[unlikely]] {
        constexpr std::uint32_t addresses = 2 * sizeof(MacAddress);
        const VlanTag tag{be16{packet.meta.vlan_tpid}, be16{packet.meta.vlan_tci}};
        writer.copy(data, addresses);
        writer.copy(&tag, sizeof tag);
        data += addresses;
        length -= addresses;
    }
    writer.copy(data, length);
    for (m = m->next; m; m = m->next)
        writer.copy(rte_pktmbuf_mtod(m, const void*), m->data_len);
}

}  // namespace weft::ports
