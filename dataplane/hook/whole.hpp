// A packet's bytes side by side, for who reads its payload.
#pragma once

#include "dataplane/hook/hooks.hpp"

namespace weft {

/// From the IP header on, of all segments and of all pieces of a datagram. Where they lie apart it is a copy,
/// which is the worker's and good until the next call.
[[nodiscard]] FlowPacket in_one_piece(Packet&, const Context&) noexcept;

/// From the IP header on, as far as they lie side by side in the first segment. Where what rules and
/// conntrack ask for may be cut (is_cut) it is the datagram's first hook_head_bytes, a copy as in_one_piece()
/// makes it.
[[nodiscard]] FlowPacket headers_in_one_piece(Packet&, const Context&) noexcept;

/// hook::read_packet of the packet, or of the datagram that its pieces make: then the view is good until the
/// next in_one_piece().
[[nodiscard]] bool read_view(hook::View&, Packet&, const Context&) noexcept;

/// A datagram whose first fragment is so short that headers which are tracked and translated may lie in the
/// next ones, too.
[[nodiscard]] inline bool is_cut(const Packet& packet, const Context& context) noexcept {
    return context.hooks->datagram.count != 0 && packet.length() < hook_head_bytes;
}

}  // namespace weft
