// What makes a Check of each match; each is defined in the file of its name in match/.
#pragma once

#include <memory>
#include <utility>

#include "dataplane/hook/check.hpp"
#include "dataplane/hook/interfaces.hpp"
#include "dataplane/hook/recent.hpp"
#include "dataplane/hook/set.hpp"

namespace weft::hook {

using SharedCheck = std::shared_ptr<const Check>;

/// A Check of data and a function on it.
template <auto Function, class Data>
[[nodiscard]] SharedCheck check_of(Data data) {
    class Plain final : public Check {
      public:
        explicit Plain(Data data) : data_(std::move(data)) {}
        [[nodiscard]] Matched matches(Look& look) const noexcept override { return Function(data_, look); }

      private:
        Data data_;
    };
    return std::make_shared<const Plain>(std::move(data));
}

/// physdev with its names looked up.
struct PhysdevTest {
    PhysdevMatch match;
    InterfaceTest in, out;
};

[[nodiscard]] SharedCheck tcp_check(const TcpMatch&);
[[nodiscard]] SharedCheck udp_check(const UdpMatch&);
[[nodiscard]] SharedCheck icmp_check(const IcmpMatch&);
[[nodiscard]] SharedCheck icmp6_check(const Icmp6Match&);
[[nodiscard]] SharedCheck multiport_check(const MultiportMatch&);
[[nodiscard]] SharedCheck iprange_check(const IprangeMatch&);
[[nodiscard]] SharedCheck mac_check(const MacMatch&);
[[nodiscard]] SharedCheck mark_check(const MarkMatch&);
[[nodiscard]] SharedCheck connmark_check(const ConnmarkMatch&);
[[nodiscard]] SharedCheck conntrack_check(const ConntrackMatch&);
[[nodiscard]] SharedCheck state_check(const StateMatch&);
[[nodiscard]] SharedCheck recent_check(const RecentMatch&, std::shared_ptr<RecentTable>);
/// Has its own bucket, which is full at first.
[[nodiscard]] SharedCheck limit_check(const LimitMatch&);
[[nodiscard]] SharedCheck addrtype_check(const AddrtypeMatch&);
[[nodiscard]] SharedCheck physdev_check(PhysdevTest);
[[nodiscard]] SharedCheck pkttype_check(const PkttypeMatch&);
[[nodiscard]] SharedCheck length_check(const LengthMatch&);
[[nodiscard]] SharedCheck hops_check(const HopsMatch&);
[[nodiscard]] SharedCheck rpfilter_check(const RpfilterMatch&);
[[nodiscard]] SharedCheck rt_check(const RtMatch&);
/// Counts, or throws its own dice: those of one seed fall alike.
[[nodiscard]] SharedCheck statistic_check(const StatisticMatch&, std::uint64_t seed);
[[nodiscard]] SharedCheck set_check(const SetMatch&, std::shared_ptr<const AddressSet>);

}  // namespace weft::hook
