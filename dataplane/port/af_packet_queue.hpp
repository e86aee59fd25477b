// What a packet socket's queue keeps from one burst to the next.
#pragma once

#include "dataplane/port/af_packet.hpp"

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

    explicit Sender(int descriptor) noexcept : socket(descriptor) {}
    unsigned prepare(Packet* in[], unsigned n) noexcept;

    int socket;
    mmsghdr messages[batch_size]{};
    SendHead heads[batch_size]{};
    iovec vectors[vector_count];
    QueueCounters counters;
};

}  // namespace weft::ports
