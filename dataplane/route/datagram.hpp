// Datagrams whose fragments rules and conntrack look at as one.
//   reads   the IP header, IPv6's fragment header
//   to      where its first fragment goes, each fragment as it is
//   Linux   ipv4_conntrack_defrag and ipv6_defrag, priority -400, and ip_local_deliver; what they put
//   together
//           leaves in the pieces that came (ip_do_fragment with frag_max_size, ip6_fragment)
#pragma once

#include "dataplane/hook/hooks.hpp"

namespace weft {

/// The packet is a fragment that rules may not be asked about alone.
[[nodiscard]] bool waits_for_rest(Packet&, const Context&) noexcept;

/// Takes such a packet, received on meta.iif: when its datagram is whole, all of it goes on.
[[nodiscard]] Verdict gather_input(Packet&, Context&) noexcept;
/// The same before the hook INPUT if nobody has gathered it before (ip_local_deliver; IPv6 asks the hook
/// about fragments). The family has rules.
[[nodiscard]] bool host_waits_for_rest(Packet&, const Context&) noexcept;
[[nodiscard]] Verdict gather_local(Packet&, Context&) noexcept;
/// Another worker has found that it is for the host.
[[nodiscard]] bool is_to_gather_for_host(const Packet&) noexcept;
/// A packet that the host sends by meta.oif: through the hooks, fragments when all are there, whoever tracks
/// (ip_finish_output, ip6_finish_output: the kernel cuts behind the hooks).
[[nodiscard]] Verdict leave_host(Packet&, Context&) noexcept;
/// Where a fragment's payload begins, bytes from the first of its first segment.
[[nodiscard]] std::uint32_t payload_at(Packet&) noexcept;

/// The packet's bytes from its IP header on; while hooks look at a datagram, those that it has when its
/// pieces are put together (ip_frag_reasm, nf_ct_frag6_reasm).
[[nodiscard]] std::uint32_t quotable_length(Packet&, const Context&) noexcept;
/// Copies the first `length` of them, at least an IP header.
void quote(Packet&, std::uint32_t length, std::byte* to, const Context&) noexcept;
/// Of the datagram that hooks look at: writes the first `length` such bytes back into its fragments, but for
/// what lies in the IP header and IPv6's extension headers, which each fragment has of its own. Their first
/// hook_head_bytes are writable.
void put_back(Packet&, const std::byte* from, std::uint32_t length, const Context&) noexcept;

/// Drops what waited too long. Whom a first fragment is from is told: of IPv4 by the host that it was for
/// alone, of IPv6 whoever it was for, as ip_expire and ip6frag_expire_frag_queue do. True if stages have to
/// run.
bool expire_fragments(Context&) noexcept;

}  // namespace weft
