// What a packet socket's queue keeps from one burst to the next.
#pragma once

#include "dataplane/port/af_packet.hpp"
#include "dataplane/port/ring_sender.hpp"

namespace weft::ports {

/// Its worker's alone, but for the counters.
struct AfPacket::Receiver {
    struct Control {
        alignas(cmsghdr) std::byte bytes[CMSG_SPACE(sizeof(tpacket_auxdata))];
    };

    Receiver(int socket, rte_mempool* pool) noexcept;
    ~Receiver();
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    int socket;
    rte_mempool* pool;
    std::byte* bounce;
    ReceiveSlot slots[batch_size];
    mmsghdr messages[batch_size];
    Control controls[batch_size];
    QueueCounters counters;
};

struct AfPacket::Sender {
    static constexpr unsigned vector_count = 1024;  ///< also the kernel's limit for one message (UIO_MAXIOV)

    Sender(int descriptor, std::unique_ptr<RingSender> tags) noexcept
        : socket(descriptor), ring(std::move(tags)) {}
    unsigned prepare(Packet* in[], unsigned n) noexcept;
    /// Sends the first prepared packet, which the kernel found too long, if its tags are what is too much.
    RingSender::Outcome send_long(const Packet& packet, std::uint16_t mtu) noexcept;

    int socket;
    std::unique_ptr<RingSender> ring;
    mmsghdr messages[batch_size]{};
    SendHead heads[batch_size]{};
    iovec vectors[vector_count];
    QueueCounters counters;
};

}  // namespace weft::ports
