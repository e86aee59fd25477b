// What a connection has of its helper (nf_conntrack_helper.c). A rule of the CT target gives it one, nothing
// else does.
#pragma once

#include <cstdint>

#include "dataplane/flow/tuple.hpp"
#include "weft/flow_helper.hpp"
#include "weft/hook/types.hpp"
#include "weft/net/address.hpp"

namespace weft {

/// struct nf_conntrack_expect_policy; the same of both.
struct HelperPolicy {
    static constexpr std::uint32_t most_expected = 1;  ///< of one connection
    static constexpr std::uint32_t seconds = 300;
};

/// What a change of the payload's length has done to a direction's sequence numbers (struct nf_ct_seqadj).
struct SeqAdjust {
    std::uint32_t position = 0;  ///< of the last change, as the sender numbers
    std::int32_t before = 0, after = 0;

    /// What is added to a number of the sender's.
    [[nodiscard]] constexpr std::int32_t of_sent(std::uint32_t seq) const noexcept {
        return static_cast<std::int32_t>(position - seq) < 0 ? after : before;
    }
    /// What was added to a number that the other side acknowledges.
    [[nodiscard]] constexpr std::int32_t of_acknowledged(std::uint32_t ack) const noexcept {
        return of_sent(ack - static_cast<std::uint32_t>(before));
    }
    /// nf_ct_seqadj_set: the payload at this number became longer by `by` bytes. A repetition changes
    /// nothing.
    constexpr void change(std::uint32_t seq, std::int32_t by) noexcept {
        if (by == 0 || (before != after && static_cast<std::int32_t>(position - seq) >= 0)) return;
        position = seq;
        before = after;
        after += by;
    }
};

/// Places after a line's end where a command may begin (struct nf_ct_ftp_master).
struct FtpLines {
    static constexpr unsigned most = 2;
    std::uint32_t after_end[most] = {};
    std::uint8_t count = 0;

    [[nodiscard]] bool has(std::uint32_t seq) const noexcept;
    void add(std::uint32_t seq) noexcept;
};

/// Of a master's expectations, the newest first. The table's, under its lock.
struct ExpectationList {
    std::uint32_t first = 0, count = 0;
};

/// By which interfaces (IfIndex) packets of an endpoint independent source come in from it, and leave.
struct EndPlace {
    std::uint16_t inside = 0, outside = 0;
};

/// What the rule that translated a connection's source lets the host have.
struct GivenPorts {
    hook::PortRange ports{};  ///< 0-0: any
    std::uint32_t rule = 0;   ///< hook::RuleId
};

/// How an expected connection is to be translated (nf_nat_follow_master). Beyond it, weft's own: in the
/// direction of its master's beginning its source has the ports of the master's source; in the other one
/// (`inward`) its destination had them.
struct FollowMaster {
    bool wanted = false;
    bool inward = false;
    bool endpoint_independent = false;  ///< as its master is: the outside port is that host's alone
    bool masqueraded = false;           ///< … and the outside address an interface's
    IpAddress source, destination;
    be16 destination_port{};
    GivenPorts given{};
    EndPlace place{};
};

/// What is told of a connection: bits 1 << enum ip_conntrack_events, and of its expectations 1 << enum
/// ip_conntrack_expect_events (include/uapi/linux/netfilter/nf_conntrack_common.h).
struct ToldEvents {
    static constexpr std::uint16_t created = 1 << 0, related = 1 << 1, destroyed = 1 << 2, reply = 1 << 3,
                                   assured = 1 << 4, protocol = 1 << 5, helper = 1 << 6, mark = 1 << 7;
    static constexpr std::uint8_t expectation_created = 1 << 0, expectation_gone = 1 << 1;
    std::uint16_t connection = 0;
    std::uint8_t expectations = 0;
};

/// Beside the entry of a connection that has a helper, was expected or tells only some events; of others it
/// is never touched. Owner only.
struct FlowExtra {
    ExpectationList expectations;
    FlowHelper helper = FlowHelper::none;
    FtpLines lines[2];
    SeqAdjust adjust[2];
    GivenPorts given;
    FollowMaster follow;
    std::uint32_t follower = 0;  ///< the version of the connection that follows
    ToldEvents told{};           ///< valid if FlowKind has selective
};

}  // namespace weft
