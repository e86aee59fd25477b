// Every match and target there is: each is defined in the file of its name in match/ and target/.
#pragma once

#include <algorithm>
#include <array>

#include "control/hook/kind.hpp"

namespace weft::hook {

const MatchKind& tcp_match();
const MatchKind& udp_match();
const MatchKind& icmp_match();
const MatchKind& icmp6_match();
const MatchKind& multiport_match();
const MatchKind& iprange_match();
const MatchKind& mac_match();
const MatchKind& mark_match();
const MatchKind& connmark_match();
const MatchKind& conntrack_match();
const MatchKind& state_match();
const MatchKind& recent_match();
const MatchKind& limit_match();
const MatchKind& comment_match();
const MatchKind& addrtype_match();
const MatchKind& physdev_match();
const MatchKind& pkttype_match();
const MatchKind& length_match();
const MatchKind& set_match();
const MatchKind& ttl_match();
const MatchKind& hl_match();
const MatchKind& rt_match();
const MatchKind& statistic_match();
const MatchKind& rpfilter_match();

const TargetKind& reject_target();
const TargetKind& reject6_target();
const TargetKind& log_target();
const TargetKind& mark_target();
const TargetKind& connmark_target();
const TargetKind& ct_target();
const TargetKind& notrack_target();
const TargetKind& tcpmss_target();
const TargetKind& trace_target();
const TargetKind& snat_target();
const TargetKind& dnat_target();
const TargetKind& masquerade_target();
const TargetKind& redirect_target();
const TargetKind& netmap_target();

}  // namespace weft::hook
