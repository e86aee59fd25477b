// bridge_batch: the batch path of pure bridging, where a known station sends to a known station.
//   reads   addresses, tag, offload state
//   writes  nothing of a packet that leaves as it came; else what ingress, bridge_input and egress write
//   to      the port's transmit buffer; ingress, for every packet that this path does not decide
//   tables  BridgePort twice, FDB twice (source, destination), VlanSet of the egress port
//   Linux   the part of br_handle_frame_finish and br_forward that ends in dev_queue_xmit
//
// It decides what ingress, bridge_input and egress would decide, for less: what is the same for all frames
// of a port is looked up once a burst, and a frame that needs no change is not written to. Whatever is not
// plain (unknown, group or own addresses, drops, ports that do not forward) goes through those stages, so
// there is one place for each rule of the bridge. Frames keep the order in which they came: those that left
// this path are carried through before the next one that stays on it.
//
// Cache lines a packet: mbuf, metadata and frame, one of each; two of the FDB; one of the egress port, one of
// its VLANs and one or two of its transmit buffer, which most packets share.
#pragma once

#include "dataplane/bridge/forward.hpp"
#include "dataplane/context.hpp"
#include "dataplane/egress/egress.hpp"

namespace weft {

struct BridgeBatch {
    static constexpr StageId id = StageId::bridge_batch;

    /// Of a frame: where it belongs, and what lets it leave as it came. One integer, copied as one.
    class Admission {
      public:
        Admission() = default;
        constexpr Admission(FdbDomain domain, std::uint16_t vid, std::uint8_t tag_size,
                            std::uint8_t unchanged) noexcept
            : bits_(std::uint64_t{domain} << 48 | std::uint64_t{unchanged} << 24 |
                    std::uint64_t{tag_size} << 16 | vid) {}
        /// In the place that it has in an FDB key; 0: not decided here.
        [[nodiscard]] constexpr std::uint64_t domain() const noexcept {
            return bits_ & ~UINT64_C(0xffff'ffff'ffff);
        }
        /// 0 if the bridge does not filter.
        [[nodiscard]] std::uint16_t vid() const noexcept { return part<std::uint16_t, 0>(); }
        /// Bytes of a tag that stands in the frame: 0 or 4.
        [[nodiscard]] std::uint8_t tag_size() const noexcept { return part<std::uint8_t, 2>(); }
        /// The Membership of an egress port that sends the frame as it is.
        [[nodiscard]] std::uint8_t unchanged() const noexcept { return part<std::uint8_t, 3>(); }

      private:
        /// Loaded alone where the whole is in memory.
        template <class T, std::size_t offset>
        [[nodiscard]] T part() const noexcept {
            static_assert(std::endian::native == std::endian::little);
            T value;
            std::memcpy(&value, reinterpret_cast<const std::byte*>(&bits_) + offset, sizeof value);
            return value;
        }
        std::uint64_t bits_;
    };
    struct Burst {
        FdbProber prober;
        std::uint64_t native_salt;  ///< prober's, of plain untagged frames
        Admission native;           ///< of those
        std::uint32_t mtu;          ///< L3 bytes
        std::uint32_t heard;        ///< FdbWord of a station heard here in this second
        std::uint32_t gate, gate_mask;
        const BridgePort* ports;
        std::uint32_t port_count;
        const BridgePort* from;
        const Bridge* bridge;
        const Interface* in;
    };
    struct Prepared {
        FdbProbe source, destination;
        Admission admission;
    };

    /// Whether the bursts of a port may take this path.
    [[nodiscard]] static bool takes(const Interface& in, const Topology& topology) noexcept {
        if (in.bridge_port == no_index || in.demux) return false;
        const BridgePort& port = topology.bridge_ports[in.bridge_port];
        return port.state == PortState::forwarding && !port.locked;
    }

    static Burst begin(Context& context) noexcept;

    static void prepare(Packet& packet, Prepared& out, const Burst& burst, Context&) noexcept {
        const auto& ethernet = packet.ethernet();
        Admission admission = burst.native;
        std::uint64_t salt = burst.native_salt;
        // A runt's length wraps.
        if (may_be_vlan_tpid(ethernet.type.host()) || !any_port_can_send(packet) ||
            packet.length() - ethernet_header_size > burst.mtu) [[unlikely]] {
            admission = classify(packet, burst);
            salt = burst.prober.salt(admission.domain());
        }
        out.admission = admission;
        out.source = burst.prober(ethernet.source_raw(), salt);
        out.destination = burst.prober(ethernet.destination_raw(), salt);
    }

    static Verdict decide(Packet& packet, const Prepared& in, const Burst& burst, Context& context) noexcept {
        std::uint32_t word = context.fdb->word_at_home(in.destination);
        if (!FdbWord::surely_forwards(word)) [[unlikely]] {
            if (word == 0) word = context.fdb->word_anywhere(in.destination.hash);
            // A group address has an entry only by hand, which a bridge does not look at
            // (br_handle_frame_finish).
            if (!FdbWord::forwards(word) || packet.ethernet().destination.is_group()) return divert();
        }
        const std::uint32_t at = FdbWord::exit(word);
        if (at >= burst.port_count) [[unlikely]]  // learned by a worker that has the next topology already
            return divert();
        const BridgePort& to = burst.ports[at];
        if (&to == burst.from || ((to.exit.gate ^ burst.gate) & burst.gate_mask)) [[unlikely]]
            return divert();
        if (packet.length() > to.exit.length && too_long(packet, in.admission, to)) [[unlikely]]
            return divert();
        if (context.holds(StageId::ingress)) [[unlikely]]
            return decide_after_those(packet, in, burst, context);
        // Last, as a frame that leaves this path teaches in the stages, or does not.
        if ((context.fdb->word_at_home(in.source) ^ burst.heard) & FdbWord::heard_mask) [[unlikely]]
            if (!hear(packet, in.admission, in.source.hash, burst, context)) return divert();
        if (to.exit.membership[in.admission.vid()] != in.admission.unchanged()) [[unlikely]] {
            if (to.vlans && !to.vlans->member(in.admission.vid())) return divert();
            return send_changed(packet, in.admission, burst, to, context);
        }
        context.received_bytes += packet.length();
        collect(packet, to.exit.port, context);
        return Verdict::consumed();
    }

  private:
    /// wants_of() by tests that need no register.
    static bool any_port_can_send(const Packet& packet) noexcept {
        std::uint32_t state;
        std::memcpy(&state, &packet.meta.tag_place, sizeof state);
        return (state & detail::wanting) == 0 && packet.nb_segs == 1;
    }
    /// Of a frame that is longer than an untagged one may be.
    static bool too_long(const Packet& packet, Admission in, const BridgePort& to) noexcept {
        return packet.meta.gso_type == GsoType::none ? packet.length() - in.tag_size() > to.exit.length
                                                     : to.exit.length == 0;
    }
    static Verdict divert() noexcept { return Verdict::to(StageId::ingress); }
    /// Decides anew once what left this path before has gone its way: it may have taught the FDB.
    static Verdict decide_after_those(Packet& packet, const Prepared& in, const Burst& burst,
                                      Context& context) noexcept;
    /// Of a frame that is too long, has a tag, or that not every port could send. What vlan_ingress would
    /// change (a priority tag, one of another protocol) is not decided here.
    static Admission classify(Packet& packet, const Burst& burst) noexcept;
    /// Learns or refreshes the source if the port does. False if that has to be counted, or decides where the
    /// frame goes.
    static bool hear(Packet& packet, Admission in, std::uint64_t hash, const Burst& burst,
                     Context& context) noexcept;
    /// Sends a frame whose tag changes, or that the port may have to finish or segment.
    static Verdict send_changed(Packet& packet, Admission in, const Burst& burst, const BridgePort& to,
                                Context& context) noexcept;
};
static_assert(BatchStage<BridgeBatch>);

/// Fills in the exit of every bridge port, and every interface's plain_mtu, from the rest of the topology.
void derive_exits(Topology& topology) noexcept;

}  // namespace weft
