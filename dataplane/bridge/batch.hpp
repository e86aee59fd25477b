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
        [[nodiscard]] constexpr std::uint16_t vid() const noexcept {
            return static_cast<std::uint16_t>(bits_);
        }
        /// Bytes of a tag that stands in the frame: 0 or 4.
        [[nodiscard]] constexpr std::uint8_t tag_size() const noexcept {
            return static_cast<std::uint8_t>(bits_ >> 16);
        }
        /// The Membership of an egress port that sends the frame as it is.
        [[nodiscard]] constexpr std::uint8_t unchanged() const noexcept {
            return static_cast<std::uint8_t>(bits_ >> 24);
        }

      private:
        std::uint64_t bits_;
    };
    struct Burst {
        Admission native;     ///< of plain untagged frames
        std::uint32_t mtu;    ///< L3 bytes
        std::uint32_t heard;  ///< FdbWord of a station heard here in this second
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
        std::uint32_t payload;  ///< bytes after the addresses, type and tag
    };

    /// Whether the bursts of a port may take this path.
    [[nodiscard]] static bool takes(const Interface& in, const Topology& topology) noexcept {
        if (in.bridge_port == no_index || in.demux) return false;
        const BridgePort& port = topology.bridge_ports[in.bridge_port];
        return port.state == PortState::forwarding && port.learning && !port.locked;
    }

    static Burst begin(Context& context) noexcept;

    static void prepare(Packet& packet, Prepared& out, const Burst& burst, Context& context) noexcept {
        const auto& ethernet = packet.ethernet();
        Admission admission = burst.native;
        std::uint32_t payload = packet.length() - ethernet_header_size;  // a runt's wraps
        if (may_be_vlan_tpid(ethernet.type.host()) || detail::wants_of(packet) != 0) [[unlikely]] {
            admission = classify(packet, burst);
            payload -= admission.tag_size();
        }
        if (payload > burst.mtu) [[unlikely]]
            admission = {};
        out.admission = admission;
        out.payload = payload;
        out.source = context.fdb->probe(ethernet.source_raw() | admission.domain());
        out.destination = context.fdb->probe(ethernet.destination_raw() | admission.domain());
    }

    static Verdict decide(Packet& packet, const Prepared& in, const Burst& burst, Context& context) noexcept {
        const Admission admission = in.admission;
        std::uint32_t word = context.fdb->word_at_home(in.destination);
        if (!FdbWord::surely_forwards(word)) [[unlikely]] {
            if (word == 0) word = context.fdb->word_anywhere(in.destination.hash);
            if (!FdbWord::forwards(word)) return divert();
        }
        const BridgePortIndex at = FdbWord::port(word);
        if (at >= burst.port_count) [[unlikely]]  // learned by a worker that has the next topology already
            return divert();
        const BridgePort& to = burst.ports[at];
        if (&to == burst.from || ((to.exit.gate ^ burst.gate) & burst.gate_mask) || in.payload > to.exit.mtu)
            [[unlikely]]
            return divert();
        if (context.holds(StageId::ingress)) [[unlikely]]
            return decide_after_those(packet, in, burst, context);
        // Last, as a frame that leaves this path teaches in the stages, or does not.
        if ((context.fdb->word_at_home(in.source) ^ burst.heard) & FdbWord::heard_mask) [[unlikely]]
            if (!hear(packet, admission, in.source.hash, burst, context)) return divert();
        if (to.exit.membership[admission.vid()] != admission.unchanged()) [[unlikely]] {
            if (to.vlans && !to.vlans->member(admission.vid())) return divert();
            return send_changed(packet, admission, burst, to, context);
        }
        context.received_bytes += packet.length();
        collect(packet, to.exit.port, context);
        return Verdict::consumed();
    }

  private:
    static Verdict divert() noexcept { return Verdict::to(StageId::ingress); }
    /// Decides anew once what left this path before has gone its way: it may have taught the FDB.
    static Verdict decide_after_those(Packet& packet, const Prepared& in, const Burst& burst,
                                      Context& context) noexcept;
    /// Of a frame that has a tag, or that not every port could send. What vlan_ingress would change (a
    /// priority tag, one of another protocol) is not decided here.
    static Admission classify(Packet& packet, const Burst& burst) noexcept;
    /// Learns or refreshes the source. False if that has to be counted, or decides where the frame goes.
    static bool hear(Packet& packet, Admission in, std::uint64_t hash, const Burst& burst,
                     Context& context) noexcept;
    /// Sends a frame whose tag changes, or that the port may have to finish or segment.
    static Verdict send_changed(Packet& packet, Admission in, const Burst& burst, const BridgePort& to,
                                Context& context) noexcept;
};
static_assert(BatchStage<BridgeBatch>);

/// Fills in the exit of every bridge port, from the interfaces, bridges and ports of the topology.
void derive_exits(Topology& topology) noexcept;

}  // namespace weft
