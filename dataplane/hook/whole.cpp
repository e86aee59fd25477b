#include "dataplane/hook/whole.hpp"

#include "dataplane/route/datagram.hpp"

namespace weft {

FlowPacket in_one_piece(Packet& packet, const Context& context) noexcept {
    const std::uint32_t l3 = packet.meta.l3_offset;
    if (context.hooks->datagram.count == 0 && packet.head_length() == packet.length()) {
        const std::uint32_t bytes = packet.length() - l3;
        return {packet.header<std::byte>(l3), bytes, bytes};
    }
    const std::uint32_t bytes = quotable_length(packet, context);
    std::byte* const whole = context.hooks->whole.get();
    quote(packet, bytes, whole, context);
    return {whole, bytes, bytes};
}

}  // namespace weft
