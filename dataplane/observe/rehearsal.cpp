#include "dataplane/observe/rehearsal.hpp"

#include "dataplane/hook/filtering.hpp"
#include "dataplane/hook/hooks.hpp"
#include "dataplane/ingress/veth.hpp"
#include "dataplane/pipeline.hpp"

namespace weft {

namespace {

constexpr std::uint32_t private_fdb_capacity = 16384;
/// The packet's own connection, and those that translation finds in its way.
constexpr std::uint32_t private_connections = 4096;

/// What stages write to, private to one rehearsal.
struct Props {
    Fdb fdb{private_fdb_capacity, 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f};
    CounterTable counters;
    PuntQueues punt;
    PuntLimits punt_limits;
    IcmpBuckets icmp_buckets;
    PacketRing veths{1024, true};
    StageCounters stages[stage_count];
    TransmitBuffer transmit[max_ports];
    Context context{};
    Filtering filtering;
    std::array<RuleCounters, 2> rule_counters;
    HookLog log;
    FragmentTable fragments{0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f};
    HookWork hooks;
    ~Props() {
        fragments.expire(~0U, [](Packet& waits, DropReason) { Packet::free(&waits); });
    }
};

/// The same rules, and connections that only this rehearsal changes.
void prepare_rules(Props& props, const Scene& on) {
    if (on.filtering) props.filtering = *on.filtering;
    if (auto& tracker = props.filtering.tracker) {
        FlowTracker* const real = tracker.get();
        tracker =
            std::make_shared<FlowTracker>(private_connections, 1, 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f);
        tracker->look_beside(real);
        props.filtering.flows.max = private_connections;
    }
    props.hooks.counters = &props.rule_counters;
    props.hooks.log = &props.log;
    props.hooks.fragments = &props.fragments;
    props.hooks.for_others.resize(1);
    props.hooks.trail.peeks = true;
    props.context.filtering = &props.filtering;
    props.context.hooks = &props.hooks;
}

void copy_entry(const MacAddress& address, FdbDomain domain, BridgeIndex bridge, const Scene& on, Fdb& to) {
    const FdbKey64 key = fdb_key(address.raw(), domain);
    const std::uint32_t word = on.fdb.word_anywhere(on.fdb.hash(key));
    if (word == 0) return;
    const auto now_seconds = static_cast<std::uint32_t>(on.now_us / 1'000'000);
    to.set(key, FdbWord::port(word), bridge, FdbWord::flags(word),
           now_seconds - FdbWord::age(word, now_seconds));
}

/// What any bridge knows of the frame's two stations.
void copy_stations(const EthernetHeader& ethernet, const Scene& on, Fdb& to) {
    for (std::size_t b = 0; b < on.topology.bridges.size(); ++b) {
        const Bridge& bridge = on.topology.bridges[b];
        if (bridge.interface == no_interface) continue;
        const auto both = [&](FdbDomain domain) {
            if (domain == 0) return;
            copy_entry(ethernet.source, domain, static_cast<BridgeIndex>(b), on, to);
            copy_entry(ethernet.destination, domain, static_cast<BridgeIndex>(b), on, to);
        };
        both(bridge.domain);
        if (bridge.vlan_domain)
            for (const FdbDomain domain : *bridge.vlan_domain)
                both(domain);
    }
}

void take_sent(Context& context, const Observer& observer) {
    for (std::uint16_t i = 0; i < context.filled_count; ++i) {
        TransmitBuffer& buffer = context.transmit[context.filled[i]];
        const PortEntry& entry = context.topology->ports[context.filled[i]];
        if (entry.port) observer.sends(buffer.packets, buffer.count, entry.interface, context);
        for (std::uint16_t p = 0; p < buffer.count; ++p)
            if (entry.port)
                Packet::free(buffer.packets[p]);
            else
                context.drop(*buffer.packets[p], DropReason::handover_gone, no_interface);
    }
}

void take_punted(PuntQueues& queues) {
    for (auto& ring : queues.by_class)
        for (Packet* packet = nullptr; ring.dequeue(&packet, 1) == 1;)
            Packet::free(packet);
}

/// On an interface that frames do not come to by a receive queue.
Verdict arrive(Packet& packet, const Interface& in, Context& context) {
    enter_metadata(packet, in);
    packet.meta.followed = 0;
    context.observer->passes(packet, in.index, Seen::received, context);
    if (!in.up) return Verdict::drop(DropReason::ingress_interface_down);
    if (packet.head_length() < ethernet_header_size) return Verdict::drop(DropReason::ingress_runt);
    if (!classify_tag(packet)) return Verdict::drop(DropReason::ingress_truncated_tag);
    return enter(packet, in, context);
}

void receive(Packet& packet, const Interface& in, Context& context) {
    if (in.kind != InterfaceKind::port) return context.follow(packet, arrive(packet, in, context), in.index);
    Packet* one = &packet;
    context.receiving = &in;
    context.observer->burst(&one, 1, in.index, context);
    context.emit(packet, StageId::ingress);
}

}  // namespace

std::shared_ptr<const Trace> rehearse(Packet& packet, IfIndex interface, const Scene& on) {
    Observation observation;
    observation.trace = std::make_shared<Trace>(interface, 1, 1);
    const Observer observer(&observation);
    auto props = std::make_unique<Props>();
    if (packet.head_length() >= ethernet_header_size) copy_stations(packet.ethernet(), on, props->fdb);

    Context& context = props->context;
    context.topology = &on.topology;
    context.routing = &on.routing;
    context.hops = &on.hops;
    prepare_rules(*props, on);
    context.workers = 1;
    context.icmp_buckets = &props->icmp_buckets;
    context.punt_limits = &props->punt_limits;
    context.now_us = on.now_us;
    context.fdb = &props->fdb;
    context.counters = &props->counters;
    context.pool = on.pool;
    context.punt = on.kernel ? &props->punt : nullptr;
    context.veths = &props->veths;
    context.now_seconds = static_cast<std::uint32_t>(on.now_us / 1'000'000);
    context.transmit = props->transmit;
    context.observer = &observer;
    ObservedPipeline pipeline(props->stages);
    pipeline.attach(context);

    receive(packet, on.topology.interface(interface), context);
    do
        pipeline.run(context);
    while (leave_veths(context) > 0);  // each frame has hops for 8
    take_sent(context, observer);
    take_punted(props->punt);
    return observation.trace;
}

}  // namespace weft
