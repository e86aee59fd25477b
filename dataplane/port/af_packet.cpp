#include "dataplane/port/af_packet.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/port/af_packet_queue.hpp"
#include "dataplane/port/free_burst.hpp"

namespace weft::ports {

namespace {

/// The tag that the device or the kernel took off (packet(7), PACKET_AUXDATA).
void take_tag(msghdr& header, Metadata& meta) noexcept {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
        tpacket_auxdata aux;
        std::memcpy(&aux, CMSG_DATA(c), sizeof aux);
        if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) return;
        meta.tag_place = TagPlace::stripped;
        meta.vlan_tci = aux.tp_vlan_tci;
        meta.vlan_tpid = aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ether_type::vlan;
        return;
    }
}

}  // namespace

std::uint16_t AfPacket::receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                                ReceiveLoss& loss) noexcept {
    Receiver& r = *receivers_[queue];
    std::uint16_t ready = 0;
    while (ready < n && arm(r.slots[ready], r.pool))
        ++ready;
    if (ready == 0) return 0;  // the frames wait in the socket; what overflows there the kernel counts

    const int got = recvmmsg(r.socket, r.messages, ready, MSG_DONTWAIT | MSG_TRUNC, nullptr);
    // EAGAIN; or the device went down or away, which info() tells of; or, EINVAL, a frame that no virtio
    // header describes, which the kernel has thrown away.
    if (got <= 0) {
        if (got < 0 && errno == EINVAL) {
            ++loss.bad_offload;
            r.counters.errors.add(1);
        }
        return 0;
    }
    std::uint16_t count = 0;
    std::uint64_t bytes = 0;
    for (int i = 0; i < got; ++i) {
        mmsghdr& message = r.messages[i];
        Packet* packet = nullptr;
        switch (take(r.slots[i], message.msg_len, packet)) {
            case Taken::whole:
                take_tag(message.msg_hdr, packet->meta);
                bytes += packet->length();
                out[count++] = packet;
                break;
            case Taken::truncated:
                ++loss.truncated;
                r.counters.truncated.add(1);
                break;
            case Taken::no_mbuf:
                ++loss.no_mbuf;
                r.counters.no_mbuf.add(1);
                break;
            case Taken::contradictory:
                ++loss.bad_offload;
                r.counters.errors.add(1);
                break;
        }
        message.msg_hdr.msg_controllen = sizeof(Receiver::Control);
    }
    r.counters.good.add(count, bytes);
    return count;
}

/// Describes as many packets as there are vectors for; 0 if the first needs more than there are at all.
unsigned AfPacket::Sender::prepare(Packet* in[], unsigned n) noexcept {
    unsigned used = 0, i = 0;
    for (; i < n && used + vectors_for(*in[i]) <= vector_count; ++i) {
        msghdr& header = messages[i].msg_hdr;
        header.msg_iov = &vectors[used];
        header.msg_iovlen = describe(*in[i], heads[i], header.msg_iov);
        used += static_cast<unsigned>(header.msg_iovlen);
    }
    return i;
}

RingSender::Outcome AfPacket::Sender::send_long(const Packet& packet, std::uint16_t mtu) noexcept {
    std::uint32_t around = ethernet_header_size;
    std::uint16_t at = offsetof(EthernetHeader, type);
    for (; at + sizeof(VlanTag) <= packet.head_length();
         at = static_cast<std::uint16_t>(at + vlan_tag_size)) {
        be16 type;
        std::memcpy(&type, packet.data() + at, sizeof type);
        if (!is_vlan_tpid(type.host())) break;
        around += vlan_tag_size;
    }
    // A stripped tag is in neither length.
    if (!ring || packet.length() > mtu + around) return RingSender::Outcome::refused;
    return ring->send(messages[0].msg_hdr.msg_iov, messages[0].msg_hdr.msg_iovlen);
}

std::uint16_t AfPacket::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                                 TransmitLoss& loss) noexcept {
    Sender& s = *senders_[queue];
    std::uint16_t done = 0;
    while (done < n) {
        const unsigned prepared = s.prepare(in + done, n - done);
        const int sent = prepared ? sendmmsg(s.socket, s.messages, prepared, MSG_DONTWAIT) : -1;
        if (sent > 0) {
            s.counters.good.add(static_cast<unsigned>(sent),
                                free_burst(in + done, static_cast<std::uint16_t>(sent)));
            done = static_cast<std::uint16_t>(done + sent);
            continue;
        }
        if (prepared && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)) break;
        if (prepared && errno == EMSGSIZE) {
            const auto outcome = s.send_long(*in[done], mtu_.load(std::memory_order_relaxed));
            if (outcome == RingSender::Outcome::full) break;
            if (outcome == RingSender::Outcome::sent) {
                s.counters.good.add(1, free_burst(in + done, 1));
                ++done;
                continue;
            }
            errno = EMSGSIZE;
        }
        // The device is down or gone (all fail), or refuses this frame (the others may pass).
        const bool all = prepared && (errno == ENETDOWN || errno == ENXIO || errno == ENODEV);
        const auto lost = static_cast<std::uint16_t>(all ? n - done : 1);
        s.counters.errors.add(lost);
        loss.packets += lost;
        loss.bytes += free_burst(in + done, lost);
        done = static_cast<std::uint16_t>(done + lost);
    }
    return done;
}

}  // namespace weft::ports
