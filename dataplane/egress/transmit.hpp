// The last step: packets collected for a port are sent by this worker's queue, or handed to the worker that
// owns one. What the device does not take is dropped as egress/ring_full, what it refuses as
// egress/device_error.
#pragma once

#include "dataplane/context.hpp"

namespace weft {

/// Sends what is collected for a port. Every packet of the buffer is sent, handed over or dropped.
void flush(PortIndex port, Context& context) noexcept;

/// Flushes every port that holds something; called after a round over the receive queues.
inline void flush_all(Context& context) noexcept {
    for (std::uint16_t i = 0; i < context.filled_count; ++i) {
        flush(context.filled[i], context);
        context.transmit[context.filled[i]].listed = false;
    }
    context.filled_count = 0;
}

/// Makes room in a buffer that is full, and has one that was empty flushed at the end of the round.
void make_room(TransmitBuffer& buffer, PortIndex port, Context& context) noexcept;

/// Collects a packet that needs nothing more than sending.
inline void collect(Packet& packet, PortIndex port, Context& context) noexcept {
    TransmitBuffer& buffer = context.transmit[port];
    if (buffer.count % batch_size == 0) [[unlikely]]
        make_room(buffer, port, context);
    buffer.packets[buffer.count++] = &packet;
    buffer.bytes += packet.length();
}

/// A packet that another worker handed over to be sent by this one.
void take_over(Packet& packet, Context& context) noexcept;

}  // namespace weft
