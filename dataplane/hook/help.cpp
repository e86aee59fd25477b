#include "dataplane/hook/help.hpp"

#include <string_view>

#include "dataplane/flow/ftp.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/hook/whole.hpp"
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
    [[nodiscard]] FollowMaster as_master(unsigned way, be16 port) const noexcept {
        return {true, destination_[!way].address, source_[!way].address, port};
    }
    [[nodiscard]] PacketEnd expect_data(const FtpFound& found, std::uint32_t seq) noexcept {
        const unsigned other = !direction_;
        auto what = expected(other, destination_[other].address, be16{found.port});
        if (is_translated()) return expect_translated(found, what, seq);
        if (tracker_.expect(ref_, what, moment_) != Expected::added) return drop();
        return {};
    }
    // net/netfilter/nf_nat_ftp.c, nf_nat_ftp; nf_nat_exp_find_port
    [[nodiscard]] PacketEnd expect_translated(const FtpFound& found, Expectation what,
                                              std::uint32_t seq) noexcept {
        constexpr unsigned most_attempts = 128;
        what.follow = as_master(!direction_, be16{found.port});
        const unsigned range = 0xffffU - found.port;
        std::uint16_t port = found.port;
        for (unsigned left = std::min(range, most_attempts);; --left) {
            what.destination_port = be16{port};
            const Expected answer = tracker_.expect(ref_, what, moment_);
            if (answer == Expected::added) break;
            if (answer != Expected::busy || left == 0) return drop();
            port = static_cast<std::uint16_t>(found.port + context_.hooks->random.next() % range);
        }
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
