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
