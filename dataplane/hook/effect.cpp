#include "dataplane/hook/effect.hpp"

namespace weft::hook {

// net/netfilter/xt_mark.c, mark_tg
void set_mark(const MarkTarget& target, View& packet) noexcept {
    packet.set_mark((packet.mark & ~target.mask) ^ target.value, target.mask);
}

// net/netfilter/xt_connmark.c, connmark_tg_shift
void set_connmark(const ConnmarkTarget& target, View& packet, Rests& rests) noexcept {
    using Mode = ConnmarkTarget::Mode;
    auto* connection = packet.connection;
    if (!connection) return;
    const auto shifted = [&](std::uint32_t mark) {
        return target.shift_right ? mark >> target.shift_bits : mark << target.shift_bits;
    };
    switch (target.mode) {
        case Mode::set:
            if (target.shift_bits != 0) rests.on_connection_mark(packet, ~target.ctmask);
            connection->set_mark(shifted((connection->mark & ~target.ctmask) ^ target.value),
                                 target.shift_bits != 0 ? 0xffff'ffff : target.ctmask);
            return;
        case Mode::save:
            rests.on_mark(packet, target.nfmask);
            connection->set_mark((connection->mark & ~target.ctmask) ^ shifted(packet.mark & target.nfmask),
                                 target.ctmask);
            return;
        case Mode::restore:
            rests.on_connection_mark(packet, target.ctmask);
            packet.set_mark((packet.mark & ~target.nfmask) ^ shifted(connection->mark & target.ctmask),
                            target.nfmask);
            return;
    }
}

// net/netfilter/xt_CT.c, xt_ct_target: the first wins, and a packet that has a connection keeps it. Until it
// is tracked, rules find the template in the connection's place, confirmed and without mark, tuples and time
// (xt_ct_tg_check).
void set_template(const CtTarget& target, View& packet) noexcept {
    if (packet.connection || packet.template_ || !packet.takes_template) return;
    packet.template_ = &target;
    packet.state = target.notrack ? ConntrackState::untracked : ConntrackState::new_;
    if (target.notrack || !packet.of_template) return;
    *packet.of_template = {};
    packet.of_template->status = ConntrackStatus::confirmed;
    packet.connection = packet.of_template;
}

}  // namespace weft::hook
