// What workers see: topology, poll plans, the FDB's fixed entries.
#include <fcntl.h>
#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "control/hook/port_blocks.hpp"
#include "control/publish/flow/config.hpp"
#include "control/publish/flow/port_blocks.hpp"
#include "control/publish/plans.hpp"
#include "control/publish/switch.hpp"

namespace weft {

std::map<std::string, Effective> Switch::effective_now(const Model& model) {
    std::map<std::string, PortFacts> facts;
    for (const auto& [name, live] : ports_)
        facts[name] = {
            .mac = live.mac(),
            .mtu = live.info.mtu,
            .link_up = live.info.link_up,
            // net/packet/af_packet.c, packet_extra_vlan_len_allowed
            .tags = static_cast<std::uint8_t>(std::holds_alternative<AfPacketPort>(live.spec.kind) ? 1 : 2)};
    return effective(model, facts, random_macs_);
}

void Switch::publish(const Model& model) {
    const bool all = &model != &model_;  // a new model: what it says is live from now on
    if (all)
        for (auto& [name, live] : ports_)
            live.paused = false;
    const auto effective = effective_now(model);
    std::map<std::string, OpenPort> open;
    for (const auto& [name, live] : ports_) {
        const auto* tuntap = std::get_if<TuntapPort>(&live.spec.kind);
        open[name] = {.port = live.paused ? nullptr : live.port.get(),
                      .tx_queues = live.info.tx_queues,
                      .offloads = live.info.offloads,
                      .without_address = tuntap && tuntap->tun,
                      .kernel_takes = tuntap != nullptr};
    }
    const AssembleInput input{
        .model = model, .effective = effective, .ports = open, .kernel = options_.kernel};

    // A queue whose interface does not exist is polled in vain, so plans may come after.
    auto topology = assemble(input, indexes_);
    publish_filtering(model);  // no packet of a new interface before its rules
    shared_.topology.replace(std::move(topology), shared_.quiescence);
    publish_routing(model);
    publish_plans(model);
    if (all) {
        forget_gone(model);
        release_numbers(model, indexes_);
    }
    fix_fdb(input);

    for (auto& [name, live] : taps_) {
        const auto number = indexes_.interfaces.find(name);
        if (!number || live.interface == *number) continue;
        live.interface = *number;
        if (live.told.program) continue;
        // The same TAP under another number: the descriptor that is closed for it makes room for this one.
        if (!live.for_thread) live.for_thread = Descriptor{fcntl(live.tap.descriptor(), F_DUPFD_CLOEXEC, 0)};
        tap_io_->add_tap(*number, live.for_thread.release());
    }
}

void Switch::publish_filtering(const Model& model) {
    // Before the rules that name them: those that are new have to be found.
    sets_.apply(model.sets, coarse_microseconds());
    const auto& numbers = indexes_.interfaces.all();
    const auto blocks = hook::changed_port_blocks(rules_.published(), model.rules);
    auto lines = hook::describe_port_blocks(blocks);
    rules_.publish({.rules = model.rules,
                    .interfaces = {numbers.begin(), numbers.end()},
                    .flows = flow_config(model.sysctls),
                    .checks_sums = checks_sums(model.sysctls)});
    if (lookout_->follows_rules() != rules_.traces()) lookout_->follow_rules(rules_.traces(), names());
    if (lookout_->wants_rules()) lookout_->note_rules(rules_.generation(), rules_.book());
    if (const auto& tracker = shared_.filtering.get().tracker)
        if (const auto ended = end_outside_blocks(*tracker, blocks, flow_time()))
            lines.push_back(
                fmt::format("connections ended that had ports outside of their blocks: {}", ended));
    const auto second = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    for (const auto& line : lines)
        log(fmt::format("nat: {:%Y-%m-%dT%H:%M:%SZ} {}", fmt::gmtime(second), line));
}

// Frames that wait in a queue name their interface by its number: they have to leave before the number gets
// another owner. No new ones come: workers see the new topology, and the TAPs are read no more.
void Switch::forget_gone(const Model& model) {
    bool some = false;
    for (const auto& [name, number] : indexes_.interfaces.all()) {
        if (model.find(name)) continue;
        some = true;
        const auto tap = taps_.find(name);
        if (tap == taps_.end() || tap->second.interface == no_interface) continue;
        tap_io_->remove_tap(tap->second.interface);
        tap->second.interface = no_interface;
    }
    if (!some || !workers_run_) return;
    if (tap_io_) tap_io_->drain();
    for (const auto& [name, number] : indexes_.interfaces.all())
        if (hold_ && !model.find(name)) hold_->forget(number);
    std::vector<std::pair<const PacketRing*, std::uint32_t>> waiting;
    for (auto& worker : shared_.workers) {
        for (const PacketRing* ring : {&worker->from_kernel, &worker->hand_over, &worker->veths})
            waiting.emplace_back(ring, ring->end());
        worker->waker.wake();
    }
    for (const auto& [ring, place] : waiting)
        while (!ring->passed(place))
            std::this_thread::sleep_for(std::chrono::microseconds(20));
}

unsigned Switch::worker_for(const std::string& port, std::uint16_t queue, const PortSpec& spec,
                            const std::vector<unsigned>& load) const {
    const auto& cpus = options_.worker_cpus;
    if (const auto placed = spec.placement.find(queue); placed != spec.placement.end())
        return static_cast<unsigned>(std::find(cpus.begin(), cpus.end(), placed->second) - cpus.begin());
    if (const auto before = queue_worker_.find({port, queue}); before != queue_worker_.end())
        return before->second;
    return static_cast<unsigned>(std::min_element(load.begin(), load.end()) - load.begin());
}

void Switch::publish_plans(const Model& model) {
    std::vector<std::vector<ReceiveQueue>> plans(shared_.workers.size());
    std::vector<unsigned> load(shared_.workers.size(), 0);
    for (const auto& name : model.order) {
        const auto live = ports_.find(name);
        if (live == ports_.end() || live->second.paused || !live->second.up) continue;
        const auto& spec = std::get<PortSpec>(model.links.at(name).kind);
        for (std::uint16_t queue = 0; queue < live->second.info.rx_queues; ++queue) {
            const unsigned worker = worker_for(name, queue, spec, load);
            queue_worker_[{name, queue}] = worker;
            ++load[worker];
            plans[worker].push_back({live->second.port.get(), queue, *indexes_.interfaces.find(name)});
        }
    }
    replace_plans(shared_, plans);
}

// The FDB holds what the topology allows: learned entries of what is gone are flushed (as
// br_fdb_delete_by_port does when a port leaves, goes down or loses a VLAN), fixed ones are brought in line.
void Switch::fix_fdb(const AssembleInput& input) {
    const Topology& topology = shared_.topology.get();
    std::fill(ageing_of_domain_.begin(), ageing_of_domain_.end(), 0);
    std::vector<std::pair<BridgeIndex, std::uint16_t>> of_domain(65536, {no_index, std::uint16_t{0}});
    for (const auto& [key, domain] : indexes_.domains.all()) {
        const BridgeIndex bridge = *indexes_.bridges.find(key.first);
        of_domain[domain] = {bridge, key.second};
        ageing_of_domain_[domain] = topology.bridges[bridge].ageing_seconds;
    }
    const std::uint32_t now = coarse_seconds();
    shared_.fdb.remove_if(now, [&](const Fdb::Entry& e) {
        if (!e.is_dynamic()) return false;
        const auto [bridge, vid] = of_domain[fdb_domain(e.key)];
        if (bridge == no_index || e.port >= topology.bridge_ports.size()) return true;
        const BridgePort& port = topology.bridge_ports[e.port];
        if (port.bridge != bridge || port.state == PortState::disabled) return true;
        if (vid == 0) return false;  // also where VLANs are filtered: one that `bridge fdb add` made
        return !port.vlans || !port.vlans->member(vid);
    });

    auto wanted = fixed_entries(input, indexes_);
    for (const auto& [key, entry] : fixed_)
        // What `bridge fdb replace … dynamic` put in its place stays.
        if (!wanted.contains(key) && (shared_.fdb.find(key).flags & (FdbFlags::local | FdbFlags::stationary)))
            shared_.fdb.remove(key);
    for (const auto& [key, entry] : wanted) {
        const auto before = fixed_.find(key);
        if (before != fixed_.end() && before->second == entry) continue;
        if (!shared_.fdb.set(key, entry.port, entry.bridge, entry.flags, now))
            log("the FDB has no place for " + to_string(fdb_mac(key)));
    }
    fixed_ = std::move(wanted);
}

}  // namespace weft
