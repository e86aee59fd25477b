#include "dataplane/hook/help.hpp"

#include <string_view>

#include "dataplane/flow/ftp.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/hook/whole.hpp"
#include "dataplane/nat/bind.hpp"
#include "dataplane/nat/mangle.hpp"
#include "dataplane/nat/side.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

namespace {

struct End {
    IpAddress address;
    be16 port;
};

/// A packet of a connection that has a helper, and what it says.
class Control {
  public:
    Control(Packet& packet, FlowRef ref, Context& context) noexcept
        : packet_(packet),
          context_(context),
          tracker_(*context.filtering->tracker),
          ref_(ref),
          moment_(moment_of(context)),
          direction_(FlowTable::direction(ref)),
          info_(connection_info(packet)) {
        for (unsigned way = 0; way < 2; ++way)
            read_tuple(way);
        const FlowPacket whole = in_one_piece(packet, context);
        l4_ = v6_ ? find_l4(*reinterpret_cast<const Ipv6Header*>(whole.ip), whole.head)
                  : find_l4(*reinterpret_cast<const Ipv4Header*>(whole.ip), whole.head);
        if (l4_) l4_->head = std::min(l4_->head, l4_->length);
    }

    [[nodiscard]] PacketEnd help() noexcept {
        if (!l4_ || l4_->protocol != protocol_) return {};
        switch (extra().helper) {
            case FlowHelper::ftp:
                return help_ftp();
            case FlowHelper::tftp:
                return help_tftp();
            case FlowHelper::none:
                break;
        }
        return {};
    }

  private:
    void read_tuple(unsigned way) noexcept {
        const FlowDirection& from = tracker_.table().direction_of((ref_ & ~FlowRef{1}) | way);
        const FlowKind kind = from.kind_now();
        v6_ = kind.flags & FlowKind::ipv6;
        protocol_ = kind.protocol;
        if (kind.zone) zone_ = kind.zone;  // its number, whichever direction is in it
        if (v6_) {
            const auto tuple = from.tuple_now<Tuple6>();
            source_[way] = {{tuple.source}, tuple.source_port};
            destination_[way] = {{tuple.destination}, tuple.destination_port};
        } else {
            const auto tuple = from.tuple_now<Tuple4>();
            source_[way] = {to_address(tuple.source), tuple.source_port};
            destination_[way] = {to_address(tuple.destination), tuple.destination_port};
        }
    }
    [[nodiscard]] FlowExtra& extra() noexcept { return tracker_.extra(ref_); }
    [[nodiscard]] static PacketEnd drop() noexcept { return Verdict::drop(DropReason::hook_helper); }

    /// From anywhere on the host that the other direction's packets come from.
    [[nodiscard]] Expectation expected(unsigned way, const IpAddress& to, be16 port) const noexcept {
        Expectation what{};
        what.source = source_[way].address;
        what.source_mask.bytes.fill(0xff);
        what.destination = to;
        what.destination_port = port;
        what.zone = zone_;
        what.protocol = protocol_;
        what.v6 = v6_;
        return what;
    }

    // net/netfilter/nf_conntrack_ftp.c, help
    [[nodiscard]] PacketEnd help_ftp() noexcept {
        if (info_ != CtInfo::established && info_ != CtInfo::established_reply) return {};
        if (l4_->head < sizeof(TcpHeader)) return {};
        const auto& tcp = *reinterpret_cast<const TcpHeader*>(l4_->data);
        const std::uint32_t header = (tcp.data_offset >> 4) * 4U;
        if (header >= l4_->head) return {};
        const std::string_view payload(reinterpret_cast<const char*>(l4_->data + header), l4_->head - header);
        const std::uint32_t seq = tcp.sequence.host();
        const auto size = static_cast<std::uint32_t>(payload.size());
        const bool ends_line = payload.ends_with('\n');
        FtpLines& lines = extra().lines[direction_];
        if (lines.has(seq)) {
            const FtpFound found = find_ftp(direction_, payload, v6_, source_[direction_].address);
            if (found.kind == FtpFound::partial) return drop();
            // To another host than itself nobody opens a door for it (the module's parameter loose, 0).
            if (found.kind == FtpFound::whole && found.address == source_[direction_].address)
                if (const auto end = expect_data(found, seq)) return end;
        }
        if (ends_line) lines.add(seq + size);
        return {};
    }
    [[nodiscard]] bool is_translated() const noexcept { return tracker_.state_of(ref_).has(nat_mask); }
    /// Of what is expected in a direction: it comes and goes as the other direction's packets do.
    [[nodiscard]] FollowMaster as_master(unsigned way, be16 port) noexcept {
        return {.wanted = true,
                .inward = way == 1,
                .endpoint_independent = tracker_.state_of(ref_).has(FlowStatus::endpoint_independent),
                .masqueraded = tracker_.state_of(ref_).has(FlowStatus::masqueraded),
                .source = destination_[!way].address,
                .destination = source_[!way].address,
                .destination_port = port,
                .given = extra().given,
                .place = tracker_.place(ref_ & ~FlowRef{1})};
    }
    [[nodiscard]] PacketEnd expect_data(const FtpFound& found, std::uint32_t seq) noexcept {
        const unsigned other = !direction_;
        auto what = expected(other, destination_[other].address, be16{found.port});
        if (is_translated()) return expect_translated(found, what, seq);
        if (tracker_.expect(ref_, what, moment_) != Expected::added) return drop();
        return {};
    }
    /// Begins to expect `what` by the first port that is free, of some at most.
    template <class PortAt>
    [[nodiscard]] Expected expect_at(Expectation& what, unsigned attempts, PortAt&& port_at) noexcept {
        constexpr unsigned most_attempts = 128;
        Expected answer = Expected::busy;
        for (unsigned i = 0; i < std::min(attempts, most_attempts) && answer == Expected::busy; ++i) {
            what.destination_port = be16{port_at(i)};
            if (!is_anothers(what.follow, what.destination_port))
                answer = tracker_.expect(ref_, what, moment_);
        }
        return answer;
    }
    // nf_nat_exp_find_port
    [[nodiscard]] Expected expect_anywhere(Expectation& what, std::uint16_t wanted) noexcept {
        const unsigned range = 0xffffU - wanted;
        return expect_at(what, range + 1, [&](unsigned i) {
            return static_cast<std::uint16_t>(i == 0 ? wanted
                                                     : wanted + context_.hooks->random.next() % range);
        });
    }
    /// A subscriber's by any port of its block: the wanted one if it lies there.
    [[nodiscard]] Expected expect_within(Expectation& what, std::uint16_t wanted,
                                         const hook::PortRange& ports) noexcept {
        const unsigned count = ports.high - ports.low + 1U;
        const bool inside = wanted >= ports.low && wanted <= ports.high;
        const unsigned first = inside ? wanted - ports.low : context_.hooks->random.next() % count;
        return expect_at(what, count, [&](unsigned i) {
            return static_cast<std::uint16_t>(ports.low + (first + i) % count);
        });
    }
    [[nodiscard]] Expected expect_by_some_port(Expectation& what, std::uint16_t wanted) noexcept {
        const FollowMaster& follow = what.follow;
        if (!follow.inward) return expect_anywhere(what, wanted);
        if (const auto mapped = mapping_of(wanted))
            return expect_at(what, 1, [&](unsigned) { return *mapped; });
        const hook::PortRange& ports = follow.given.ports;
        return ports.high ? expect_within(what, wanted, ports) : expect_anywhere(what, wanted);
    }

    template <class Tuple>
    [[nodiscard]] Tuple tuple_of(const End& source, const End& destination) const noexcept {
        Tuple tuple{};
        set_address(tuple.source, source.address);
        set_address(tuple.destination, destination.address);
        tuple.source_port = source.port;
        tuple.destination_port = destination.port;
        return tuple;
    }
    [[nodiscard]] FlowKind kind() const noexcept {
        return tracker_.table().direction_of(ref_ & ~FlowRef{1}).kind_now();
    }
    /// The outside port by which an endpoint independent client is reached at this one of its own.
    [[nodiscard]] std::optional<std::uint16_t> mapping_of(std::uint16_t port) noexcept {
        if (!tracker_.state_of(ref_).has(FlowStatus::endpoint_independent)) return std::nullopt;
        const auto found = [&](auto tuple) -> std::optional<std::uint16_t> {
            const auto fits = [&](const auto& left) {
                return address_of(left, NatSide::source) == destination_[1].address;
            };
            if (!tracker_.map_source(tuple, kind(), moment_.now, true, fits)) return std::nullopt;
            return tuple.source_port.host();
        };
        const End client{source_[0].address, be16{port}};
        return v6_ ? found(tuple_of<Tuple6>(client, destination_[0]))
                   : found(tuple_of<Tuple4>(client, destination_[0]));
    }
    /// The outside port is already that of another endpoint independent source.
    [[nodiscard]] bool is_anothers(const FollowMaster& follow, be16 port) noexcept {
        if (!follow.inward || !follow.endpoint_independent) return false;
        const auto owned = [&](const auto& tuple) {
            const auto owner = tracker_.source_behind(tuple, kind(), moment_.now);
            return owner && !(address_of(*owner, NatSide::source) == follow.destination &&
                              owner->source_port == follow.destination_port);
        };
        const End end{destination_[1].address, port};
        return v6_ ? owned(tuple_of<Tuple6>(source_[1], end)) : owned(tuple_of<Tuple4>(source_[1], end));
    }
    // net/netfilter/nf_nat_ftp.c, nf_nat_ftp
    [[nodiscard]] PacketEnd expect_translated(const FtpFound& found, Expectation what,
                                              std::uint32_t seq) noexcept {
        what.follow = as_master(!direction_, be16{found.port});
        const Expected answer = expect_by_some_port(what, found.port);
        const GivenPorts& given = what.follow.given;
        if (answer == Expected::busy && what.follow.inward && given.rule)
            return drop_without_port(given.rule, v6_, context_);
        if (answer != Expected::added) return drop();
        const std::uint16_t port = what.destination_port.host();
        char words[ftp_words_most];
        const std::uint32_t length = write_ftp(words, found.command, v6_, what.destination, port);
        if (context_.hooks->datagram.count != 0 ||
            !replace_payload(packet_, found.offset, found.length, {words, length}, context_)) {
            tracker_.expectations().remove_of(extra().expectations);
            return drop();
        }
        if (length != found.length) {
            extra().adjust[direction_].change(seq, static_cast<std::int32_t>(length - found.length));
            tracker_.state_of(ref_).set(FlowStatus::seq_adjust);
        }
        return {};
    }

    // net/netfilter/nf_conntrack_tftp.c, tftp_help
    [[nodiscard]] PacketEnd help_tftp() noexcept {
        constexpr std::uint16_t read = 1, write = 2;
        be16 opcode;
        if (l4_->head < sizeof(UdpHeader) + sizeof opcode) return {};
        std::memcpy(&opcode, l4_->data + sizeof(UdpHeader), sizeof opcode);
        if (opcode.host() != read && opcode.host() != write) return {};
        auto what = expected(1, destination_[1].address, destination_[1].port);
        if (is_translated()) what.follow = as_master(1, source_[0].port);  // nf_nat_tftp.c
        if (tracker_.expect(ref_, what, moment_) != Expected::added) return drop();
        return {};
    }

    Packet& packet_;
    Context& context_;
    FlowTracker& tracker_;
    FlowRef ref_;
    FlowMoment moment_;
    unsigned direction_;
    CtInfo info_;
    End source_[2], destination_[2];  ///< of both tuples
    bool v6_ = false;
    std::uint8_t protocol_ = 0;
    FlowZone zone_ = 0;
    std::optional<L4View> l4_;
};

}  // namespace

PacketEnd help_connection(Packet& packet, Context& context) noexcept {
    if (!has_connection(packet)) return {};
    const CtInfo info = connection_info(packet);
    if (info == CtInfo::related_reply) return {};
    const FlowRef ref = packet.meta.connection_index;
    const FlowState& state = context.filtering->tracker->state_of(ref);
    if (!state.has(FlowStatus::helper) || state.version() != packet.meta.connection_version ||
        state.owner() != context.worker) [[likely]]
        return {};
    const bool adjusts = state.has(FlowStatus::seq_adjust);
    if (auto end = Control(packet, ref, context).help()) return end;
    if (!adjusts) return {};
    if (const auto l4 = layer4_of(packet, context); l4 && l4->protocol == ip_protocol::tcp)
        adjust_numbers(*l4, connection_direction(packet), context.filtering->tracker->extra(ref).adjust,
                       packet.meta.checksum);
    return {};
}

}  // namespace weft
