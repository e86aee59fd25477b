// Any frame, cut into any segments, with any virtio header, tags and tag edits, sent by any port.
//
// Input: 1 byte number of segment sizes (low 2 bits), those sizes (1 byte each); virtio header (10 bytes);
// port offloads (1); mbufs that the pool still gives (1; 255: any number); stripped tag (1: bit 0 there is
// one, bit 1 it is 802.1ad), its TCI (2); number of edits (low 3 bits of 1), the edits (1 each); zeros to
// append (2); the frame. corpus/make_frames.py writes seeds of this form.
#include <array>
#include <string>
#include <vector>

#include "dataplane/egress/prepare.hpp"
#include "dataplane/egress/tag.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "tests/support/offload_frames.hpp"
#include "weft/net/virtio_net.hpp"
#include "weft/port.hpp"

namespace weft::fuzz {
namespace {

// Lengths and segment counts of a packet agree with its chain.
void require_sound(const Packet& p) noexcept {
    std::uint32_t length = 0;
    unsigned segments = 0;
    for (const rte_mbuf* m = &p; m; m = m->next) {
        length += m->data_len;
        ++segments;
        require(m->data_off + std::uint32_t{m->data_len} <= m->buf_len, "a segment lies in its buffer");
    }
    require(p.pkt_len == length, "pkt_len is the sum of the segments");
    require(p.nb_segs == segments, "nb_segs is their number");
}

// What ingress would say of the tag.
void look_at_tag(Packet& p, Input& input) noexcept {
    const auto place = input.byte();
    const auto tci = input.take<std::uint16_t>();
    if (place & 1) {
        p.meta.tag_place = TagPlace::stripped;
        p.meta.vlan_tpid = place & 2 ? ether_type::service_vlan : ether_type::vlan;
        p.meta.vlan_tci = tci;
    } else {
        detail::look_for_tag(p);
    }
}

// One stage's edit, and whether the frame's length moved as the edit says.
void edit(Packet& p, std::uint8_t what) noexcept {
    const std::uint32_t before = p.pkt_len;
    const bool stripped = p.meta.tag_place == TagPlace::stripped;
    const bool in_frame = p.meta.tag_place == TagPlace::in_frame;
    bool done = false;
    std::uint32_t after = before;
    switch (what % 5) {
        case 0:
            done = push_in_frame(p, ether_type::service_vlan, what);
            after += stripped ? 8 : 4;
            break;
        case 1:
            done = pop_from_frame(p);
            after -= 4;
            break;
        case 2:
            done = make_stripped(p);
            after -= in_frame ? 4 : 0;
            break;
        case 3:
            done = insert_stripped(p);
            after += stripped ? 4 : 0;
            break;
        default:
            done = pop_tag(p);
            after -= stripped ? 0 : 4;
            break;
    }
    require(p.pkt_len == (done ? after : before), "an edit moves the length by its tags");
    require_sound(p);
}

void check_sent(Packet& p, std::uint8_t port, bool segmented, bool whole_sum) {
    require_sound(p);
    require(p.nb_segs == 1 || (port & Offload::multi_segment), "no chain for a port that takes none");
    require(p.meta.tag_place != TagPlace::stripped || (port & Offload::vlan_insert), "no stripped tag left");
    require(p.meta.checksum != ChecksumState::unfinished || (port & Offload::checksum),
            "no sum left unfinished");
    require(p.meta.gso_type == GsoType::none || (port & Offload::checksum), "GSO only with checksums");
    require(p.meta.gso_type == GsoType::none || !p.meta.gso_ecn || (port & Offload::tcp_ecn),
            "CWR only for a port that keeps it in the first segment");
    if (segmented && whole_sum && !(port & Offload::checksum)) {
        const std::string fault = test::fault_of(test::bytes_of(p));
        require(fault.empty(), fault.c_str());
    }
    // What is still unfinished or GSO is described to the next machine.
    Metadata again = p.meta;
    VirtioNetHeader header = to_virtio(p);
    // Tags have moved a sum to where weft itself takes none any more, not beyond 16 bits.
    const bool near_end = header.csum_start > virtio::most_checksum_start;
    if (p.meta.tag_place != TagPlace::stripped && !near_end)
        require(from_virtio(header, p.pkt_len, again), "to_virtio says nothing that from_virtio refuses");
}

void run(Input input) {
    test::HeapPool pool;
    std::vector<std::size_t> sizes(input.byte() & 3);
    for (auto& size : sizes)
        size = input.byte();
    const auto header = input.take<VirtioNetHeader>();
    const std::uint8_t port = input.byte() & 0x7f;
    const std::uint8_t mbufs = input.byte();
    Input tag = input;
    (void)input.take<std::array<std::uint8_t, 3>>();
    std::vector<std::uint8_t> edits(input.byte() & 7);
    for (auto& each : edits)
        each = input.byte();
    const auto zeros = input.take<std::uint16_t>();
    std::vector<std::uint8_t> frame(input.rest().begin(), input.rest().end());
    frame.resize(frame.size() + zeros);

    Packet* p = test::make_chain(pool.get(), frame, sizes);
    if (!from_virtio(header, p->pkt_len, p->meta)) return Packet::free(p);
    look_at_tag(*p, tag);

    // Bit 3 of an edit: from here on the packet has a clone, which must not see any edit.
    Packet* other = nullptr;
    std::vector<std::uint8_t> others_bytes;
    for (const std::uint8_t each : edits) {
        if ((each & 8) && !other) {
            other = Packet::from(rte_pktmbuf_clone(p, pool.get()));
            other->meta = p->meta;
            others_bytes = test::bytes_of(*other);
        }
        edit(*p, each);
    }

    const bool whole_sum = p->meta.checksum != ChecksumState::unfinished;
    if (mbufs != 255) pool.set_limit(pool.live() + mbufs);
    const std::vector<std::uint8_t> before = test::bytes_of(*p);
    const bool gso = p->meta.gso_type != GsoType::none;
    Packet* out[max_segments];
    DropReason why{};
    const unsigned n = prepare_for_port(p, port, pool.get(), out, max_segments, why);
    if (n == 0) {
        require(test::bytes_of(*p) == before, "a packet to be dropped is unchanged");
        Packet::free(p);
    }
    for (unsigned i = 0; i < n; ++i) {
        check_sent(*out[i], port, gso && out[i]->meta.gso_type == GsoType::none, whole_sum);
        if (other) require(test::bytes_of(*other) == others_bytes, "a clone does not see edits");
        Packet::free(out[i]);
    }
    if (other) Packet::free(other);
    require(pool.live() == 0, "every mbuf went back");
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weft::fuzz::run({data, size});
    return 0;
}
