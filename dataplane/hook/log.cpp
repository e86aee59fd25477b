#include "dataplane/hook/log.hpp"

#include <algorithm>

#include "dataplane/hook/hooks.hpp"

namespace weft {

namespace {

/// What its pieces were put together to has the length of all and no fragment's bits.
void write_whole(LoggedPacket& to) noexcept {
    if (to.family != hook::Family::ip) return;
    Ipv4Header ip;
    std::memcpy(&ip, to.bytes.data(), sizeof ip);
    constexpr std::uint16_t do_not_fragment = 0x4000;
    ip.total_length = be16{static_cast<std::uint16_t>(to.length)};
    ip.fragment = be16{static_cast<std::uint16_t>(ip.fragment.host() & do_not_fragment)};
    std::memcpy(to.bytes.data(), &ip, sizeof ip);
}

}  // namespace

void log_packet(const Packet& packet, const LogWords& words, const hook::View& view,
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
        std::min<std::size_t>(packet.head_length() - std::size_t{packet.meta.l3_offset}, LoggedPacket::most));
    std::memcpy(to->bytes.data(), view.ip_header, to->held);
    if (context.hooks->datagram.count) write_whole(*to);
    to->number = log.given++;
    ring.give();
}

}  // namespace weft
