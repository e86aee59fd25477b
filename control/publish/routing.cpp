// Routing: what the mirror of the kernel's tables needs to know of weft's interfaces, and what waits for it.
#include "control/publish/switch.hpp"
#include "control/sysctl/own.hpp"

namespace weft {

namespace {

std::uint32_t value(const Model& model, const std::string& name) {
    return static_cast<std::uint32_t>(own_value(model.sysctls, name));
}

RoutedInterface routed(const Model& model, const std::string& device) {
    const auto of = [&](const char* name) { return own_value_of(model.sysctls, device, name); };
    RoutedInterface interface;
    interface.rp_filter = static_cast<std::uint8_t>(of("rp_filter"));
    interface.accept_source_route = of("accept_source_route") != 0;
    interface.send_redirects = of("send_redirects") != 0;
    return interface;
}

/// The bridge that a device is, or is a sub-interface of; null: neither.
const std::string* bridge_below(const Model& model, const std::string& device) {
    const std::string* name = &device;
    for (const LinkSpec* link = model.find(*name); link; link = model.find(*name)) {
        if (std::holds_alternative<BridgeSpec>(link->kind)) return name;
        const auto* vlan = std::get_if<VlanSpec>(&link->kind);
        if (!vlan) return nullptr;
        name = &vlan->parent;
    }
    return nullptr;
}

/// What a bridge's members hear besides what its FDB knows as the bridge's own (Routing's more_macs).
void hear_above(const Model& model, const std::map<std::string, Effective>& effective, const Indexes& indexes,
                RoutingSettings& settings) {
    std::map<std::string, std::vector<IfIndex>> members;
    for (const auto& [name, number] : indexes.interfaces.all())
        if (const LinkSpec* link = model.find(name); link && link->member)
            members[link->member->bridge].push_back(number);
    for (const auto& [name, number] : indexes.interfaces.all()) {
        const std::string* bridge = bridge_below(model, name);
        if (!bridge || !members.contains(*bridge)) continue;
        settings.members_below[number] = members[*bridge];
        const auto& mac = effective.at(name).mac;
        if (!effective.at(name).up || mac == effective.at(*bridge).mac) continue;
        for (const IfIndex member : members[*bridge])
            settings.of_interface[member].more_macs.push_back(mac);
    }
}

}  // namespace

void Switch::make_hold() {
    hold_ = std::make_unique<Hold>(
        Hold::Wiring{.ask =
                         [this] {
                             if (routes_) routes_->ask();
                         },
                     .give =
                         [this](Packet* packets[], unsigned n) {
                             // One next hop's packets stay in order: they take one ring.
                             auto& worker = *shared_.workers[packets[0]->meta.oif % shared_.workers.size()];
                             const unsigned taken = worker.from_kernel.enqueue(packets, n);
                             worker.waker.wake();
                             for (unsigned i = taken; i < n; ++i)
                                 hold_->drop(*packets[i], DropReason::tap_queue_full);
                         },
                     .counters = hold_counters_.get()});
}

Result<> Switch::start_routes() {
    RouteMirror::Wiring wiring{
        .routes = {.hops = shared_.hops,
                   .routing = shared_.routing,
                   .quiescence = shared_.quiescence,
                   .log = options_.log,
                   .on_neighbour = [this](const NextHop& to, NeighbourState) { hold_->release(to); }},
        .wanted = [this] { return hold_->take_wanted(); },
        .cpus = options_.control_cpus};
    auto mirror = RouteMirror::start(taps_netns_, std::move(wiring));
    if (!mirror) return std::move(mirror).error();
    routes_ = std::move(*mirror);
    // Ports open only when the tables say what the kernel's do.
    if (!routes_->wait_until_in_step(routes_start_ms))
        log("the kernel's routes were not read in time; forwarding begins without all of them");
    return {};
}

/// To be called after the topology is published, and before numbers of what is gone get new owners.
void Switch::publish_routing(const Model& model) {
    RoutingSettings settings;
    for (const auto& [name, number] : indexes_.interfaces.all()) {
        if (!model.find(name)) continue;
        const auto tap = taps_.find(name);
        if (options_.kernel && tap == taps_.end()) continue;
        settings.interfaces[options_.kernel ? tap->second.tap.index() : int{number}] = number;
        settings.of_interface[number] = routed(model, name);
    }
    hear_above(model, effective_now(model), indexes_, settings);
    settings.hash_l4 = value(model, "net.ipv4.fib_multipath_hash_policy") != 0;
    settings.hash6_l4 = value(model, "net.ipv6.fib_multipath_hash_policy") != 0;
    settings.icmp = {.ratelimit_ms = value(model, "net.ipv4.icmp_ratelimit"),
                     .ratelimit6_ms = value(model, "net.ipv6.icmp.ratelimit"),
                     .ratemask = value(model, "net.ipv4.icmp_ratemask"),
                     .msgs_per_sec = value(model, "net.ipv4.icmp_msgs_per_sec"),
                     .msgs_burst = value(model, "net.ipv4.icmp_msgs_burst")};
    for (std::size_t i = 0; i < punt_class_count; ++i)
        settings.punt_rates[i] = value(model, "net.weft.punt." + std::string(punt_class_names[i]));
    if (routes_) return routes_->set(settings);
    own_routes_->set(settings);
    feed_own_routes(model);
}

}  // namespace weft
