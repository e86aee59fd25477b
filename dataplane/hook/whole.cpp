#include "dataplane/hook/whole.hpp"

#include <algorithm>

#include "dataplane/route/datagram.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

namespace {

FlowPacket copied(Packet& packet, std::uint32_t most, const Context& context) noexcept {
    const std::uint32_t bytes = quotable_length(packet, context), head = std::min(bytes, most);
    std::byte* const whole = context.hooks->whole.get();
    quote(packet, head, whole, context);
    return {whole, head, bytes};
}

}  // namespace

FlowPacket in_one_piece(Packet& packet, const Context& context) noexcept {
    const std::uint32_t l3 = packet.meta.l3_offset;
    if (context.hooks->datagram.count == 0 && packet.head_length() == packet.length()) {
        const std::uint32_t bytes = packet.length() - l3;
        return {packet.header<std::byte>(l3), bytes, bytes};
    }
    return copied(packet, ~0U, context);
}

FlowPacket headers_in_one_piece(Packet& packet, const Context& context) noexcept {
    if (is_cut(packet, context)) [[unlikely]]
        return copied(packet, hook_head_bytes, context);
    return {.ip = packet.header<std::byte>(packet.meta.l3_offset),
            .head = packet.head_length() - std::uint32_t{packet.meta.l3_offset},
            .bytes = whole_length(packet, context)};
}

bool read_view(hook::View& view, Packet& packet, const Context& context) noexcept {
    const FlowPacket from = headers_in_one_piece(packet, context);
    return hook::read_packet(view, is_ipv6(packet) ? hook::Family::ip6 : hook::Family::ip,
                             reinterpret_cast<const std::uint8_t*>(from.ip), from.head);
}

}  // namespace weft
