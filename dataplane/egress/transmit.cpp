#include "dataplane/egress/transmit.hpp"

#include "dataplane/observe/observer.hpp"
#include "weft/port.hpp"

namespace weft {

namespace {

void drop_from(TransmitBuffer& buffer, std::uint16_t first, DropReason why, IfIndex interface,
               Context& context) noexcept {
    for (std::uint16_t i = first; i < buffer.count; ++i)
        context.drop(*buffer.packets[i], why, interface);
}

void give(TransmitBuffer& buffer, const PortEntry& entry, Context& context) noexcept {
    const unsigned owner = context.worker % entry.tx_queues;
    for (std::uint16_t i = 0; i < buffer.count; ++i) {
        buffer.packets[i]->meta.oif = entry.interface;
        buffer.packets[i]->meta.handed_for = HandedFor::sending;
    }
    const unsigned given = context.hand_over[owner]->enqueue(buffer.packets, buffer.count);
    drop_from(buffer, static_cast<std::uint16_t>(given), DropReason::handover_ring_full, entry.interface,
              context);
    context.handed_over->add(given);
    context.wakers[owner]->wake();
}

void send(TransmitBuffer& buffer, const PortEntry& entry, Context& context) noexcept {
    if (context.observer) [[unlikely]]
        context.observer->sends(buffer.packets, buffer.count, entry.interface, context);
    TransmitLoss loss;
    const std::uint16_t sent =
        entry.port->transmit(static_cast<std::uint16_t>(context.worker), buffer.packets, buffer.count, loss);
    std::uint64_t bytes = buffer.bytes;
    for (std::uint16_t i = sent; i < buffer.count; ++i)
        bytes -= buffer.packets[i]->length();
    auto& counters = (*context.counters)[entry.interface];
    counters.sent.add(sent - loss.packets, bytes - loss.bytes);
    if (loss.packets) [[unlikely]]
        counters.dropped[static_cast<std::size_t>(DropReason::egress_device_error)].add(loss.packets,
                                                                                        loss.bytes);
    if (sent < buffer.count) [[unlikely]]
        drop_from(buffer, sent, DropReason::egress_ring_full, entry.interface, context);
}

}  // namespace

void flush(PortIndex port, Context& context) noexcept {
    TransmitBuffer& buffer = context.transmit[port];
    const PortEntry& entry = context.topology->ports[port];
    if (!entry.port) [[unlikely]]
        drop_from(buffer, 0, DropReason::handover_gone, no_interface, context);
    else if (context.worker < entry.tx_queues) [[likely]]
        send(buffer, entry, context);
    else
        give(buffer, entry, context);
    buffer.count = 0;
    buffer.bytes = 0;
}

void make_room(TransmitBuffer& buffer, PortIndex port, Context& context) noexcept {
    if (buffer.count != 0) flush(port, context);
    if (buffer.listed) return;
    buffer.listed = true;
    context.filled[context.filled_count++] = port;
}

void take_over(Packet& packet, Context& context) noexcept {
    const IfIndex out = packet.meta.oif;
    if (context.topology->exists(out) && context.topology->interface(out).port != no_index) [[likely]]
        collect(packet, context.topology->interface(out).port, context);
    else
        context.drop(packet, DropReason::handover_gone, no_interface);
}

}  // namespace weft
