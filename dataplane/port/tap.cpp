#include "dataplane/port/tap.hpp"

#include <unistd.h>

#include <cerrno>

#include "dataplane/port/tap_queue.hpp"

namespace weft::ports {

std::uint16_t Tap::receive(std::uint16_t queue, Packet* out[], std::uint16_t n, ReceiveLoss& loss) noexcept {
    Receiver& r = *receivers_[queue];
    std::uint16_t count = 0;
    std::uint64_t bytes = 0;
    // A lost frame takes a turn too, so that a flood of them ends the burst.
    for (std::uint16_t turn = 0; turn < n && arm(r.slot, r.pool); ++turn) {
        const auto length = readv(descriptors_[queue].get(), r.slot.iov, std::size(r.slot.iov));
        if (length < 0) {
            if (errno == EBADFD) far_end_is_gone(queue);
            break;
        }
        switch (take(r.slot, static_cast<std::size_t>(length), out[count])) {
            case Taken::whole:
                bytes += out[count++]->length();
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
    }
    r.counters.good.add(count, bytes);
    return count;
}

std::uint16_t Tap::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n, TransmitLoss& loss) noexcept {
    Sender& s = *senders_[queue];
    const auto own = static_cast<std::uint16_t>(queue % descriptors_.size());
    std::uint64_t bytes = 0;
    std::uint16_t sent = 0, lost = 0;
    while (sent + lost < n) {
        Packet* packet = in[sent + lost];
        ssize_t written = -1;
        errno = EMSGSIZE;
        if (vectors_for(*packet) <= Sender::vector_count)
            written = writev(descriptors_[own].get(), s.vectors,
                             static_cast<int>(describe(*packet, s.head, s.vectors)));
        if (written >= 0) {
            bytes += packet->length();
            ++sent;
        } else if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
            break;
        } else {  // EIO: the far end is down; EBADFD: it is gone; others: it refuses this frame
            if (errno == EBADFD) far_end_is_gone(own);
            ++lost;
            ++loss.packets;
            loss.bytes += packet->length();
        }
        Packet::free(packet);
    }
    s.counters.good.add(sent, bytes);
    s.counters.errors.add(lost);
    return static_cast<std::uint16_t>(sent + lost);
}

void Tap::far_end_is_gone(std::uint16_t queue) noexcept {
    gone_.store(true, std::memory_order_relaxed);
    // The number stays valid for whoever waits on it; readv and writev now end in EAGAIN and EINVAL.
    dup2(never_readable_.get(), descriptors_[queue].get());
}

}  // namespace weft::ports
