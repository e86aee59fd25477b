#include "dataplane/hook/log.hpp"

#include <algorithm>

#include "dataplane/route/datagram.hpp"

namespace weft {

void log_packet(Packet& packet, const LogWords& words, const hook::View& view,
                const Context& context) noexcept {
    HookLog& log = *context.hooks->log;
    LogRing& ring = log.rings[static_cast<std::size_t>(words.of)];
    LoggedPacket* const to = ring.place();
    if (!to) return;
    to->family = view.family;
    to->level = words.level;
    to->flags = words.flags;
    to->set_prefix(words.prefix);
    to->iif = view.iif;
    to->oif = view.oif;
    to->physical_in = view.physical_in;
    to->physical_out = view.physical_out;
    std::memcpy(&to->ethernet, packet.data(), sizeof to->ethernet);
    to->mark = view.mark;
    to->length = view.length;
    to->held = static_cast<std::uint16_t>(
        std::min<std::size_t>(quotable_length(packet, context), LoggedPacket::most));
    quote(packet, to->held, reinterpret_cast<std::byte*>(to->bytes.data()), context);
    to->number = log.given++;
    ring.give();
}

}  // namespace weft
