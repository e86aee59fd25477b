// What `show`, `ip -s link`, `bridge fdb` and the like see of the running switch.
#include <rte_mempool.h>

#include "control/address/words.hpp"
#include "control/kernel/sysctl.hpp"
#include "control/publish/switch.hpp"
#include "control/sysctl/names.hpp"

namespace weft {

namespace {

// Who is to blame: frames that arrived broken are receive errors, the rest of what ingress and bridge refuse
// are receive drops, what could not leave are transmit drops (as Linux's rtnl_link_stats64 divides them).
struct DropShares {
    std::uint64_t rx_errors = 0, rx_dropped = 0, rx_missed = 0, tx_errors = 0, tx_dropped = 0;
};

DropShares divide(const InterfaceTotals& totals) {
    DropShares shares;
    for (std::size_t r = 0; r < drop_reason_count; ++r) {
        const std::uint64_t n = totals.drop_packets[r];
        const auto reason = static_cast<DropReason>(r);
        const auto word = text_of(reason).word;
        if (reason == DropReason::ingress_runt || reason == DropReason::ingress_truncated_tag ||
            reason == DropReason::ingress_oversize || reason == DropReason::ingress_truncated ||
            reason == DropReason::ingress_bad_offload || reason == DropReason::ingress_bad_descriptor)
            shares.rx_errors += n;
        else if (reason == DropReason::ingress_missed)
            shares.rx_missed += n;
        else if (reason == DropReason::egress_device_error || reason == DropReason::egress_bad_offload)
            shares.tx_errors += n;
        else if (word.starts_with("egress/") || word.starts_with("handover/") || word.starts_with("tap/"))
            shares.tx_dropped += n;
        else
            shares.rx_dropped += n;
    }
    return shares;
}

std::vector<std::string> offload_words(std::uint8_t bits) {
    static constexpr std::pair<std::uint8_t, const char*> words[] = {
        {Offload::checksum, "checksum"},
        {Offload::tcp4_gso, "tcp4_gso"},
        {Offload::tcp6_gso, "tcp6_gso"},
        {Offload::tcp_ecn, "tcp_ecn"},
        {Offload::udp_gso, "udp_gso"},
        {Offload::vlan_insert, "vlan_insert"},
        {Offload::multi_segment, "multi_segment"}};
    std::vector<std::string> set;
    for (const auto& [bit, word] : words)
        if (bits & bit) set.emplace_back(word);
    return set;
}

/// Of a device of mode tun the kernel counts all, what goes between its program and the kernel's stack too.
void add_traffic(LinkState& state, KernelTap& tap) {
    const auto device = tap.state();
    if (!device || !*device) return;
    const KernelTraffic& kernel = (*device)->traffic;
    state.rx_packets = kernel.rx_packets;
    state.rx_bytes = kernel.rx_bytes;
    state.rx_errors += kernel.rx_errors;
    state.rx_dropped += kernel.rx_dropped;
    state.multicast = kernel.multicast;
    state.tx_packets = kernel.tx_packets;
    state.tx_bytes = kernel.tx_bytes;
    state.tx_errors += kernel.tx_errors;
    state.tx_dropped += kernel.tx_dropped;
}

}  // namespace

std::optional<LinkState> Switch::link(const std::string& name) {
    const auto number = indexes_.interfaces.find(name);
    if (!number) return std::nullopt;
    count_missed();
    const auto effective = effective_now(model_);
    const auto now = effective.find(name);
    if (now == effective.end()) return std::nullopt;
    const InterfaceTotals totals = tally_.of(*number);
    const DropShares drops = divide(totals);
    const auto tap = taps_.find(name);
    LinkState state;
    state.name = name;
    state.kernel_index = tap == taps_.end() ? *number : static_cast<unsigned>(tap->second.tap.index());
    state.carrier = now->second.carrier;
    state.mtu = now->second.mtu;
    state.mac = now->second.mac;
    state.rx_packets = totals.rx_packets;
    state.rx_bytes = totals.rx_bytes;
    state.rx_dropped = drops.rx_dropped;
    state.rx_errors = drops.rx_errors;
    state.rx_missed = drops.rx_missed;
    state.multicast = totals.multicast;
    state.tx_packets = totals.tx_packets;
    state.tx_bytes = totals.tx_bytes;
    state.tx_dropped = drops.tx_dropped;
    state.tx_errors = drops.tx_errors;
    state.own_source = totals.own_source;
    if (tap != taps_.end() && tap->second.told.program && tap->second.told.program->tun)
        add_traffic(state, tap->second.tap);
    return state;
}

void Switch::visit_fdb(const std::function<void(const FdbEntryState&)>& visit) {
    std::vector<const DomainKey*> domains(65536, nullptr);
    for (const auto& [key, number] : indexes_.domains.all())
        domains[number] = &key;
    std::vector<const std::string*> members(indexes_.bridge_ports.table_size(), nullptr);
    for (const auto& [name, number] : indexes_.bridge_ports.all())
        members[number] = &name;

    shared_.fdb.for_each(coarse_seconds(), [&](const Fdb::Entry& e) {
        const DomainKey* domain = domains[fdb_domain(e.key)];
        if (!domain) return;
        const bool self = e.port == no_index;
        if (!self && (e.port >= members.size() || !members[e.port])) return;
        visit({.device = self ? domain->first : *members[e.port],
               .bridge = domain->first,
               .mac = fdb_mac(e.key),
               .vid = domain->second,
               .local = (e.flags & FdbFlags::local) != 0,
               .stationary = (e.flags & FdbFlags::stationary) != 0,
               .sticky = (e.flags & FdbFlags::sticky) != 0,
               .used_seconds = static_cast<double>(e.age)});
    });
}

void Switch::read_back_fdb() {
    std::vector<std::pair<FdbKey, std::string>> moved;
    for (const auto& [key, spec] : model_.fdb) {
        const LinkSpec* link = model_.find(key.device);
        if (spec.kind != FdbSpec::Kind::stationary || spec.sticky || !link || !link->member) continue;
        const auto domain = domain_of(link->member->bridge, key.vid);
        if (!domain) continue;
        const FdbHit hit = shared_.fdb.find(fdb_key(key.mac.raw(), *domain));
        if (!hit.found || hit.port == no_index || hit.port == indexes_.bridge_ports.find(key.device))
            continue;
        for (const auto& [name, number] : indexes_.bridge_ports.all())
            if (number == hit.port) moved.emplace_back(key, name);
    }
    for (const auto& [key, device] : moved) {
        auto entry = model_.fdb.extract(key);
        entry.key().device = device;
        model_.fdb.insert(std::move(entry));
    }
}

std::vector<DropState> Switch::drops() {
    count_missed();
    std::vector<DropState> all;
    const auto add = [&](const std::string& name, IfIndex number) {
        const InterfaceTotals totals = tally_.of(number);
        for (std::size_t r = 0; r < drop_reason_count; ++r)
            if (totals.drop_packets[r])
                all.push_back({name, std::string(drop_texts[r].word), std::string(drop_texts[r].meaning),
                               totals.drop_packets[r], totals.drop_bytes[r]});
    };
    for (const auto& name : model_.order)
        if (const auto number = indexes_.interfaces.find(name)) add(name, *number);
    add("-", no_interface);
    return all;
}

std::vector<WorkerState> Switch::workers() {
    std::vector<WorkerState> all;
    for (unsigned w = 0; w < shared_.workers.size(); ++w) {
        const auto& worker = *shared_.workers[w];
        WorkerState state{.worker = w,
                          .cpu = worker.cpu,
                          .busy = busy_.share(w),
                          .packets = worker.own.packets.get(),
                          .handed_over = worker.own.handed_over.get(),
                          .queues = {}};
        for (const auto& queue : worker.plan.get().queues)
            for (const auto& [name, live] : ports_)
                if (live.port.get() == queue.port) state.queues.emplace_back(name, queue.queue);
        all.push_back(std::move(state));
    }
    return all;
}

std::vector<StageState> Switch::stages() {
    std::vector<StageState> all;
    const auto ratio = [](std::uint64_t a, std::uint64_t b) {
        return b ? static_cast<double>(a) / static_cast<double>(b) : 0.0;
    };
    for (unsigned w = 0; w < shared_.workers.size(); ++w)
        for (std::size_t s = 0; s < stage_count; ++s) {
            const StageCounters& c = shared_.workers[w]->stages[s];
            all.push_back({.worker = w,
                           .stage = std::string(stage_names[s]),
                           .packets = c.packets.get(),
                           .clocks_per_packet = ratio(c.sampled_clocks.get(), c.sampled_packets.get()),
                           .packets_per_batch = ratio(c.packets.get(), c.batches.get())});
        }
    return all;
}

std::optional<PortLive> Switch::port(const std::string& name) {
    const auto it = ports_.find(name);
    if (it == ports_.end()) return std::nullopt;
    LivePort& live = it->second;
    const PortInfo info = live.port->info();
    PortLive state{.name = name,
                   .type = kind_word(live.spec),
                   .driver = info.driver,
                   .mtu = info.mtu,
                   .rx_queues = info.rx_queues,
                   .tx_queues = info.tx_queues,
                   .mac = info.mac,
                   .link = info.link_up,
                   .speed_mbps = info.speed_mbps,
                   .offloads = offload_words(info.offloads),
                   .statistics = live.port->statistics()};
    const auto number = indexes_.interfaces.find(name);
    if (!number) return state;
    count_missed();
    const InterfaceTotals totals = tally_.of(*number);
    for (const auto& [word, value] :
         {std::pair{"fdb_own_source", totals.own_source}, std::pair{"fdb_move_held", totals.move_held},
          std::pair{"fdb_learn_limited", totals.learn_limited}, std::pair{"fdb_full", totals.fdb_full}})
        state.statistics.emplace_back(word, value);
    for (std::size_t r = 0; r < drop_reason_count; ++r)
        if (totals.drop_packets[r])
            state.statistics.emplace_back("drop_" + std::string(drop_texts[r].word), totals.drop_packets[r]);
    return state;
}

std::vector<MemoryState> Switch::memory() {
    const rte_mempool* pool = pool_.get();
    const auto buffer = static_cast<std::uint64_t>(pool->header_size + pool->elt_size + pool->trailer_size);
    const auto size = with_routes([](const Routes& routes) { return routes.size(); });
    std::vector<MemoryState> all{
        {.what = "packet buffers",
         .bytes = buffer * pool->size,
         .used = pool_.in_use(),
         .capacity = pool->size},
        {.what = "fdb",
         .bytes = shared_.fdb.bytes(),
         .used = shared_.fdb.size(),
         .capacity = shared_.fdb.capacity()},
        {.what = "interfaces",
         .bytes = indexes_.interfaces.table_size() * sizeof(Interface),
         .used = indexes_.interfaces.all().size(),
         .capacity = max_interfaces - 1u},
        {.what = "routes", .bytes = size.memory, .used = size.routes4 + size.routes6},
        {.what = "next hops",
         .bytes = size.hops * sizeof(Hop),
         .used = size.hops,
         .capacity = hop_capacity - 1u}};
    // Of the kernel, and not obeyed.
    for (const auto& [what, number] : {std::pair{"routes to interfaces that weft lacks", size.elsewhere},
                                       std::pair{"rules not supported", size.not_supported_rules}})
        if (number) all.push_back({.what = what, .used = number});
    return all;
}

std::vector<AddressState> Switch::addresses() {
    std::vector<AddressState> all;
    if (!options_.kernel) {
        for (const auto& a : model_.addresses)
            all.push_back({.device = a.device,
                           .address = a.address,
                           .peer = a.peer.value_or(""),
                           .scope = a.scope.value_or("global"),
                           .label = a.label.value_or(""),
                           .broadcast = a.broadcast.value_or(""),
                           .ours = true});
        return all;
    }
    auto there = tap_netlink_.addresses();
    if (!there) return all;
    for (const auto& [name, live] : taps_)
        for (const auto& a : *there)
            if (a.index == live.tap.index())
                all.push_back({.device = name,
                               .address = a.address,
                               .peer = a.peer,
                               .scope = a.scope,
                               .label = a.label,
                               .broadcast = a.broadcast,
                               .ours = a.ours(),
                               .flags = a.flags,
                               .valid = a.valid,
                               .preferred = a.preferred});
    return all;
}

bool Switch::is_lost(const AddressSpec& address) {
    const auto same = [&](const AddressSpec& other) { return same_address(other, address); };
    if (!options_.kernel || std::none_of(model_.addresses.begin(), model_.addresses.end(), same))
        return false;
    const auto there = addresses();
    return std::none_of(there.begin(), there.end(), [&](const AddressState& state) {
        AddressSpec other;
        other.device = state.device;
        other.address = state.address;
        if (!state.peer.empty()) other.peer = state.peer;
        return same(other);
    });
}

Result<> Switch::put_back(const AddressSpec& address) {
    const Model same = model_;
    if (auto done = apply(same); !done) return done;
    const auto refused = refused_addresses_.find({address.device, address.address});
    return refused == refused_addresses_.end() ? Result<>{} : refuse(refused->second);
}

std::size_t Switch::flush_fdb(const std::string& bridge, const std::string& device,
                              std::optional<std::uint16_t> vid) {
    std::vector<bool> domain(65536, false);
    for (const auto& [key, number] : indexes_.domains.all())
        domain[number] = (bridge.empty() || key.first == bridge) && (!vid || key.second == *vid);
    const auto port = indexes_.bridge_ports.find(device);
    if (!device.empty() && !port) return 0;
    return shared_.fdb.remove_if(coarse_seconds(), [&](const Fdb::Entry& e) {
        return e.is_dynamic() && domain[fdb_domain(e.key)] && (!port || e.port == *port);
    });
}

/// A bridge that does not filter VLANs has one table for all.
std::optional<FdbDomain> Switch::domain_of(const std::string& bridge, std::uint16_t vid) const {
    const LinkSpec* link = model_.find(bridge);
    const auto* spec = link ? std::get_if<BridgeSpec>(&link->kind) : nullptr;
    return indexes_.domains.find({bridge, spec && spec->vlan_filtering ? vid : std::uint16_t{0}});
}

Result<> Switch::delete_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid) {
    const LinkSpec* link = model_.find(device);
    if (!link || !link->member) return refuse(device + ": not a bridge port");
    const auto domain = domain_of(link->member->bridge, vid);
    const auto port = indexes_.bridge_ports.find(device);
    if (domain && port) {
        const auto key = fdb_key(mac.raw(), *domain);
        const FdbHit hit = shared_.fdb.find(key);
        if (hit.found && hit.port == *port && shared_.fdb.remove(key)) return {};
    }
    return refuse(to_string(mac) + ": no such entry on " + device);
}

bool Switch::knows_fdb(const std::string& bridge, const MacAddress& mac, std::uint16_t vid) {
    const auto domain = domain_of(bridge, vid);
    return domain && shared_.fdb.find(fdb_key(mac.raw(), *domain)).found;
}

Result<> Switch::learn_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid, bool sticky) {
    const LinkSpec* link = model_.find(device);
    const auto number = indexes_.bridge_ports.find(device);
    if (!link || !link->member || !number) return refuse("RTNETLINK answers: Operation not supported");
    if (mac.is_group()) return refuse("RTNETLINK answers: Invalid argument");  // it could never be heard
    const BridgePort& port = shared_.topology.get().bridge_ports[*number];
    if (port.state != PortState::learning && port.state != PortState::forwarding)
        return refuse("RTNETLINK answers: Operation not permitted");
    const auto domain = domain_of(link->member->bridge, vid);
    if (!domain) return refuse("RTNETLINK answers: Invalid argument");
    if (!shared_.fdb.set(fdb_key(mac.raw(), *domain), *number, port.bridge, sticky ? FdbFlags::sticky : 0,
                         coarse_seconds()))
        return refuse("RTNETLINK answers: No space left on device");
    return {};
}

std::optional<std::string> Switch::sysctl(const std::string& name) {
    if (!options_.kernel || sysctl_kind(name) != SysctlKind::of_link) return std::nullopt;
    auto value = read_sysctl(taps_netns_, sysctl_path(name));
    return value ? std::optional{std::move(*value)} : std::nullopt;
}

bool Switch::promotes_secondaries(const std::string& device) {
    if (!options_.kernel) return false;
    for (const auto& of : {device, std::string{"all"}})
        if (auto value = read_sysctl(taps_netns_, fmt::format("net/ipv4/conf/{}/promote_secondaries", of));
            value && *value != "0")
            return true;
    return false;
}

}  // namespace weft
