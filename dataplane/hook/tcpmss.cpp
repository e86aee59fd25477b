#include "dataplane/hook/tcpmss.hpp"

#include <algorithm>
#include <optional>

#include "dataplane/hook/whole.hpp"
#include "dataplane/route/datagram.hpp"
#include "dataplane/route/forward.hpp"
#include "dataplane/route/lookup.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

constexpr std::uint8_t option_nop = 1, option_mss = 2, mss_size = 4;
constexpr std::uint32_t longest_header = 60;
/// What a segment without the option asks for: RFC 1122 4.2.2.6; RFC 2460 5 and 8.3, with a fragment header.
constexpr std::uint16_t default_mss4 = 536, default_mss6 = 1220;
constexpr std::uint32_t any_mtu = ~0U, loopback_mtu = 65536;

std::uint32_t mtu_towards(const IpAddress& to, bool v6, IfIndex oif, Context& context) noexcept {
    const RouteAnswer answer = find_route({.destination = to, .v6 = v6}, *context.routing, *context.hops);
    const Hop& hop = (*context.hops)[answer.index];
    if (answer.kind == HopKind::local) return loopback_mtu;
    if (!leaves(answer.kind) && answer.kind != HopKind::broadcast) return any_mtu;
    if (oif != no_interface && hop.interface != oif) return any_mtu;
    return mtu_of(hop, context);
}

/// dst_mtu of the packet's route; of one that the kernel behind us has routed, as we would by its interface.
std::uint32_t mtu_ahead(const Packet& packet, const hook::View& view, Context& context) noexcept {
    if (packet.meta.hop != no_hop) return mtu_of((*context.hops)[packet.meta.hop], context);
    const std::uint32_t device = context.topology->interface(packet.meta.oif).mtu;
    return std::min(
        device, mtu_towards(view.destination, view.family == hook::Family::ip6, packet.meta.oif, context));
}

std::optional<std::uint16_t> wanted_mss(const Packet& packet, const hook::TcpmssTarget& target,
                                        const hook::View& view, Context& context) noexcept {
    if (target.mss != hook::TcpmssTarget::clamp_to_pmtu) return target.mss;
    const bool v6 = view.family == hook::Family::ip6;
    const std::uint32_t headers = sizeof(TcpHeader) + (v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header));
    const std::uint32_t mtu =
        std::min(mtu_ahead(packet, view, context), mtu_towards(view.source, v6, no_interface, context));
    if (mtu <= headers) return std::nullopt;
    return static_cast<std::uint16_t>(mtu - headers);
}

be16 word_at(const std::uint8_t* at) noexcept {
    be16 word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// A segment's header at a hook. Sums that are unfinished cover the pseudo-header alone
/// (inet_proto_csum_replace2).
class Segment {
  public:
    Segment(Packet& packet, std::uint8_t* at) noexcept : packet_(packet), at_(at) {}

    [[nodiscard]] std::uint32_t header() const noexcept { return tcp().data_offset >> 4 << 2; }

    /// The option's value, or null.
    [[nodiscard]] std::uint8_t* mss() const noexcept {
        for (std::uint32_t i = sizeof(TcpHeader); i + mss_size <= header();) {
            if (at_[i] == option_mss && at_[i + 1] == mss_size) return at_ + i + 2;
            i += at_[i] <= option_nop || at_[i + 1] == 0 ? 1 : at_[i + 1];
        }
        return nullptr;
    }

    void write(std::uint8_t* value, std::uint16_t mss) noexcept {
        const be16 old = word_at(value), wanted{mss};
        std::memcpy(value, &wanted, sizeof wanted);
        // An option may begin at an odd byte, and its words then lie across those of the sum; Linux sums them
        // as if they did not.
        under_sum(old, wanted);
    }

    /// Room for it is there.
    void add(std::uint16_t mss) noexcept {
        const std::uint32_t length = header();
        std::uint8_t* const option = at_ + sizeof(TcpHeader);
        std::memmove(option + mss_size, option, length - sizeof(TcpHeader));
        option[0] = option_mss;
        option[1] = mss_size;
        option[2] = static_cast<std::uint8_t>(mss >> 8);
        option[3] = static_cast<std::uint8_t>(mss);
        const be16 from{static_cast<std::uint16_t>(length)};
        const be16 to{static_cast<std::uint16_t>(length + mss_size)};
        if (unfinished())
            tcp().checksum = with_pseudo(from, to);
        else
            under_sum(from, to);
        under_sum(be16{0}, word_at(option));
        under_sum(be16{0}, word_at(option + 2));
        const be16 flags = word_at(at_ + offset_of_flags);
        tcp().data_offset = static_cast<std::uint8_t>(tcp().data_offset + (mss_size / 4 << 4));
        under_sum(flags, word_at(at_ + offset_of_flags));
    }

  private:
    static constexpr std::uint32_t offset_of_flags = 12;

    [[nodiscard]] TcpHeader& tcp() const noexcept { return *reinterpret_cast<TcpHeader*>(at_); }
    [[nodiscard]] bool unfinished() const noexcept {
        return packet_.meta.checksum == ChecksumState::unfinished;
    }
    void under_sum(be16 from, be16 to) noexcept {
        if (!unfinished()) tcp().checksum = update_checksum(tcp().checksum, from, to);
    }
    [[nodiscard]] be16 with_pseudo(be16 from, be16 to) const noexcept {
        InternetSum sum(tcp().checksum);
        sum.subtract(from);
        sum.add(to);
        return sum.sum();
    }

    Packet& packet_;
    std::uint8_t* at_;
};

/// Room behind the packet's last byte, which its IP header counts.
[[nodiscard]] bool lengthen(Packet& packet) noexcept {
    if (packet.head_length() != packet.length() || !rte_pktmbuf_append(&packet, mss_size)) return false;
    if (!is_ipv6(packet)) {
        Ipv4Header& ip = ipv4(packet);
        const be16 longer{static_cast<std::uint16_t>(ip.total_length.host() + mss_size)};
        ip.checksum = update_checksum(ip.checksum, ip.total_length, longer);
        ip.total_length = longer;
    } else {
        Ipv6Header& ip = ipv6(packet);
        ip.payload_length = be16{static_cast<std::uint16_t>(ip.payload_length.host() + mss_size)};
    }
    return true;
}

/// Of a datagram in fragments: its last one.
[[nodiscard]] bool lengthen(Packet& packet, hook::View& view, const Context& context) noexcept {
    Datagram& datagram = context.hooks->datagram;
    if (!lengthen(datagram.count ? *datagram.pieces[datagram.count - 1] : packet)) return false;
    if (datagram.count) datagram.length += mss_size;
    view.length += mss_size;
    view.layer4_length += mss_size;
    return true;
}

}  // namespace

MssDone set_mss(Packet& packet, const hook::TcpmssTarget& target, hook::View& view,
                Context& context) noexcept {
    if (view.fragment != 0) return MssDone::as_it_was;
    if (view.layer4 != hook::Layer4::whole || view.protocol != ip_protocol::tcp) return MssDone::broken;
    const bool copied = is_cut(packet, context);
    const auto offset = static_cast<std::uint32_t>(view.layer4_header - view.ip_header);
    Segment segment(packet, const_cast<std::uint8_t*>(view.layer4_header));
    const std::uint32_t length = (copied ? view.length : whole_length(packet, context)) - offset;
    const std::uint32_t header = segment.header();
    const auto write_copy = [&] {
        if (copied)
            put_back(packet, reinterpret_cast<const std::byte*>(view.ip_header), offset + segment.header(),
                     context);
    };
    if (header < sizeof(TcpHeader) || header > view.layer4_length) return MssDone::broken;
    auto mss = wanted_mss(packet, target, view, context);
    if (!mss) return MssDone::broken;
    if (std::uint8_t* const value = segment.mss()) {
        if (word_at(value).host() <= *mss) return MssDone::as_it_was;
        segment.write(value, *mss);
        write_copy();
        return MssDone::lowered;
    }
    // Data would have to move, and might not fit any more.
    if (length > header || header == longest_header) return MssDone::as_it_was;
    if (!lengthen(packet, view, context)) return MssDone::broken;
    segment.add(std::min(*mss, view.family == hook::Family::ip ? default_mss4 : default_mss6));
    write_copy();
    return MssDone::added;
}

}  // namespace weft
