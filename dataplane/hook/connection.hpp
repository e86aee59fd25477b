// A packet's connection between the hooks that it passes, as its metadata keep it.
#pragma once

#include "dataplane/hook/hooks.hpp"

namespace weft {

/// The round in hand, as the tracker asks for it.
[[nodiscard]] FlowMoment moment_of(const Context&) noexcept;

/// A connection was found for it or attached to it.
[[nodiscard]] bool has_connection(const Packet&) noexcept;
/// Of one that has a connection.
[[nodiscard]] CtInfo connection_info(const Packet&) noexcept;
/// The direction of the connection that it goes in, 0 or 1 (CTINFO2DIR): of an answer of ours not that of
/// connection_index, which is of the packet that it is about.
[[nodiscard]] unsigned connection_direction(const Packet&) noexcept;
/// Another worker asked its raw rules.
[[nodiscard]] bool was_handed_over(const Packet&) noexcept;

/// To another worker, where it comes to the same hook again. The packet is gone; if the ring proves full, it
/// is dropped.
[[nodiscard]] Verdict hand_over(Packet&, HandedFor, unsigned worker, Context&) noexcept;
/// Gives what is for them to all other workers.
void give_to_others(Context&) noexcept;
/// Of a fragment: the worker that it was handed to gathers its datagram.
[[nodiscard]] bool is_to_gather_here(const Packet&) noexcept;
[[nodiscard]] Verdict hand_to_gather(Packet&, HandedFor, unsigned worker, Context&) noexcept;

/// Before any rule: hands a packet of a connection in zone 0 to the worker that owns it.
[[nodiscard]] PacketEnd go_to_owner(Packet&, HandedFor, Context&) noexcept;
/// nf_conntrack_in for a packet on its way: looks up or begins its connection and notes it in the metadata.
/// `template_`: what a CT rule asked for, or null. How the packet ends, or nothing.
[[nodiscard]] PacketEnd track(Packet&, const hook::CtTarget* template_, HandedFor, Context&) noexcept;
/// A packet of ours about another belongs to that one's connection (nf_ct_attach).
void attach_connection(Packet& ours, const Packet& about, const Context&) noexcept;
/// It is of ours about another that NOTRACK has had: conntrack looks at it, whatever CT rules say
/// (nf_conntrack_attach leaves a state that is not empty, at which xt_ct_target gives up).
[[nodiscard]] bool answers_untracked(const Packet&) noexcept;

/// A rule answers the packet, a TCP segment, with a reset (nf_ct_set_closing).
void close_connection(const Packet&, Context&) noexcept;

/// Its new connection is one that another has made expected.
void set_related(Packet&) noexcept;

/// What rules may know of the packet's connection: true if there is one, else `state` is what it is without.
[[nodiscard]] bool connection_facts(const Packet&, hook::ConnectionFacts&, std::uint8_t& state,
                                    Context&) noexcept;
/// Takes over the mark that a rule gave it.
void set_connection_mark(const Packet&, std::uint32_t mark, Context&) noexcept;

/// nf_conntrack_confirm; two that are the same become one (nf_ct_resolve_clash). How the packet ends, or
/// nothing.
[[nodiscard]] PacketEnd confirm_connection(Packet&, Context&) noexcept;

}  // namespace weft
