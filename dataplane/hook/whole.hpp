// A packet's bytes side by side, for who reads its payload.
#pragma once

#include "dataplane/hook/hooks.hpp"

namespace weft {

/// From the IP header on, of all segments and of all pieces of a datagram. Where they lie apart it is a copy,
/// which is the worker's and good until the next call.
[[nodiscard]] FlowPacket in_one_piece(Packet&, const Context&) noexcept;

/// A datagram whose first fragment is so short that headers which are tracked and translated may lie in the
/// next ones, too.
[[nodiscard]] inline bool is_cut(const Packet& packet, const Context& context) noexcept {
    return context.hooks->datagram.count != 0 && packet.length() < hook_head_bytes;
}

}  // namespace weft
