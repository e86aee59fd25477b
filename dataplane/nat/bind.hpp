// What a new connection is translated to, decided once for each side: nf_nat_setup_info and the targets of
// net/netfilter/xt_nat.c, nf_nat_masquerade.c, nf_nat_redirect.c and xt_NETMAP.c.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/hook/hooks.hpp"
#include "dataplane/nat/side.hpp"
#include "weft/hook/target.hpp"

namespace weft {

/// Where a packet is. Interfaces: no_interface, of one that the host sends or gets.
struct NatPlace {
    hook::Hook at;
    IfIndex iif, oif;
};

[[nodiscard]] constexpr NatSide side_at(hook::Hook at) noexcept {
    return at == hook::Hook::prerouting || at == hook::Hook::output ? NatSide::destination : NatSide::source;
}

/// The packet's connection is new, and nothing was decided on this side.
[[nodiscard]] bool is_undecided(const Packet&, NatSide, const Context&) noexcept;
/// Decides. `said`: by the table nat; without a target connections are still kept apart. How the packet ends,
/// or nothing. Worker: the connection's owner.
[[nodiscard]] PacketEnd bind(Packet&, const NatPlace&, const hook::WalkResult& said, Context&) noexcept;
/// How an expected connection follows its master, or null: then the table nat is not asked.
[[nodiscard]] const FollowMaster* follows_master(const Packet&, Context&) noexcept;
/// Decides both sides of it (nf_nat_follow_master). How the packet ends, or nothing.
[[nodiscard]] PacketEnd bind_as(Packet&, const FollowMaster&, Context&) noexcept;
/// A packet for which the rule has no free port: counted for it, and told.
[[nodiscard]] Verdict drop_without_port(hook::RuleId, bool v6, Context&) noexcept;
/// It goes out by another interface than that whose address MASQUERADE gave it (nf_nat_oif_changed): then
/// the connection has ended.
[[nodiscard]] bool has_moved(Packet&, const NatPlace&, Context&) noexcept;

}  // namespace weft
