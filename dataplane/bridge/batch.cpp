#include "dataplane/bridge/batch.hpp"

namespace weft {

namespace {

constexpr std::uint32_t isolated_gate = 1U << 16;
/// The Membership of no port: the frame needs work.
constexpr std::uint8_t never_unchanged = 0xff;
/// Of a port whose bridge does not filter.
constexpr std::array<std::uint8_t, vid_count> no_filter{};

}  // namespace

BridgeBatch::Burst BridgeBatch::begin(Context& context) noexcept {
    const Interface& in = *context.receiving;
    const Topology& topology = *context.topology;
    const BridgePort& from = topology.bridge_ports[in.bridge_port];
    const Bridge& bridge = topology.bridges[from.bridge];
    Admission native(bridge.domain, 0, 0, VlanSet::outside);
    if (from.vlans) {
        const std::uint16_t pvid = from.vlans->pvid;
        native = {pvid ? (*bridge.vlan_domain)[pvid] : FdbDomain{0}, pvid, 0, VlanSet::untagged_member};
    }
    const FdbProber prober = context.fdb->prober();
    return {.prober = prober,
            .native_salt = prober.salt(native.domain()),
            .native = native,
            .mtu = in.mtu,
            .heard = FdbWord::heard(in.bridge_port, context.now_seconds),
            .gate = from.bridge,
            .gate_mask = 0xffffU | (from.isolated ? isolated_gate : 0),
            .ports = topology.bridge_ports.data(),
            .port_count = static_cast<std::uint32_t>(topology.bridge_ports.size()),
            .from = &from,
            .bridge = &bridge,
            .in = &in};
}

BridgeBatch::Admission BridgeBatch::classify(Packet& packet, const Burst& burst) noexcept {
    constexpr Admission elsewhere(0, 0, 0, 0);
    const bool stripped = packet.meta.tag_place == TagPlace::stripped;
    const bool in_frame = !stripped && is_vlan_tpid(packet.ethernet().type.host());
    const std::uint8_t tag_size = in_frame ? vlan_tag_size : 0;
    if (packet.head_length() < ethernet_header_size + tag_size) return elsewhere;
    if (packet.meta.gso_type == GsoType::none &&
        packet.length() > burst.mtu + std::uint32_t{ethernet_header_size} + tag_size)
        return elsewhere;
    const bool changes = detail::wants_of(packet) != 0;
    if (!burst.from->vlans)
        return {burst.bridge->domain, 0, tag_size,
                changes ? never_unchanged : std::uint8_t{VlanSet::outside}};
    if (!stripped && !in_frame)
        return {burst.native.domain() == 0 ? FdbDomain{0} : (*burst.bridge->vlan_domain)[burst.native.vid()],
                burst.native.vid(), 0, never_unchanged};
    const auto tpid = stripped ? packet.meta.vlan_tpid : packet.ethernet().type.host();
    const auto tci = stripped ? packet.meta.vlan_tci : packet.header<be16>(ethernet_header_size)->host();
    const std::uint16_t vid = tci & vid_mask;
    if (tpid != burst.bridge->vlan_tpid || vid == 0 || !burst.from->vlans->member(vid)) return elsewhere;
    return {(*burst.bridge->vlan_domain)[vid], vid, tag_size,
            changes ? never_unchanged : std::uint8_t{VlanSet::tagged}};
}

Verdict BridgeBatch::decide_after_those(Packet& packet, const Prepared& in, const Burst& burst,
                                        Context& context) noexcept {
    context.run_all(context);
    return decide(packet, in, burst, context);
}

bool BridgeBatch::hear(Packet& packet, Admission in, std::uint64_t hash, const Burst& burst,
                       Context& context) noexcept {
    const auto& ethernet = packet.ethernet();
    if (!ethernet.source.is_station() || ethernet.source == ethernet.destination) return false;
    if (!burst.from->learning) return true;
    const auto self = static_cast<BridgePortIndex>(burst.from - burst.ports);
    const Learned learned = context.fdb->learn(
        ethernet.source_raw() | in.domain(), hash, self, burst.from->bridge, context.now_seconds,
        {.port_max = burst.from->fdb_max_learned, .bridge_max = burst.bridge->fdb_max_learned});
    return learned < Learned::held;
}

Verdict BridgeBatch::send_changed(Packet& packet, Admission in, const Burst& burst, const BridgePort& to,
                                  Context& context) noexcept {
    context.received_bytes += packet.length();
    enter_metadata(packet, *burst.in);
    auto& meta = packet.meta;
    meta.bridge_vid = in.vid();
    if (in.tag_size()) {
        meta.tag_place = TagPlace::in_frame;
        meta.vlan_tpid = packet.ethernet().type.host();
        meta.vlan_tci = packet.header<be16>(ethernet_header_size)->host();
    } else if (meta.tag_place != TagPlace::stripped && in.vid()) {
        meta.tag_place = TagPlace::stripped;
        meta.vlan_tpid = burst.bridge->vlan_tpid;
        meta.vlan_tci = in.vid();
    }
    Verdict verdict = forward(packet, *burst.from, to);
    if (verdict.is_stage()) verdict = Egress::decide(packet, {}, context);
    context.follow(packet, verdict, to.interface);
    return Verdict::consumed();
}

void derive_exits(Topology& topology) noexcept {
    for (auto& interface : topology.interfaces) {
        const bool sends = interface.kind == InterfaceKind::port && interface.up && interface.carrier;
        interface.plain_mtu = sends ? interface.mtu : std::uint16_t{0};
    }
    for (auto& port : topology.bridge_ports) {
        port.exit = {.gate = port.bridge | (port.isolated ? isolated_gate : 0),
                     .membership = port.vlans ? port.vlans->membership.data() : no_filter.data()};
        if (port.interface == no_interface || port.state != PortState::forwarding) continue;
        const Interface& out = topology.interfaces[port.interface];
        if (out.kind != InterfaceKind::port || !out.up || !out.carrier) continue;
        port.exit.port = out.port;
        port.exit.length = out.mtu + std::uint32_t{ethernet_header_size};
    }
}

}  // namespace weft
