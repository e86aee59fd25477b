// The steps of Switch::apply. Each compares the model with what is live and does what is missing, so that
// going back after a refusal is the same steps with the old model.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/publish/kernel_form.hpp"
#include "control/publish/switch.hpp"

namespace weft {

namespace {

MacAddress random_mac() {
    MacAddress mac{};
    if (getrandom(mac.bytes.data(), mac.bytes.size(), 0) != static_cast<ssize_t>(mac.bytes.size()))
        std::abort();
    mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfe) | 0x02);
    return mac;
}

std::optional<ProgramDevice> program_device(const LinkSpec& link) {
    const auto* port = std::get_if<PortSpec>(&link.kind);
    const auto* tuntap = port ? std::get_if<TuntapPort>(&port->kind) : nullptr;
    if (!tuntap) return std::nullopt;
    return ProgramDevice{.tun = tuntap->tun,
                         .pi = tuntap->pi,
                         .one_queue = tuntap->one_queue,
                         .vnet_hdr = tuntap->vnet_hdr,
                         .multi_queue = tuntap->multi_queue,
                         .user = tuntap->user,
                         .group = tuntap->group};
}

std::pair<std::string, std::string> identity(const AddressSpec& a) {
    return {a.device, a.address};
}

}  // namespace

/// Without a kernel that would: what is new has to lead somewhere. What was there may have lost its way.
Result<> Switch::check_routes(const Model& target) const {
    if (options_.kernel) return {};
    for (const auto& entry : target.routing.routes) {
        const auto [first, last] = model_.routing.routes.equal_range(entry.first);
        if (std::any_of(first, last, [&](const auto& known) { return known.second == entry.second; }))
            continue;
        if (auto r = check_gateways(target, entry.second); !r) return r;
    }
    return {};
}

Result<> Switch::converge(const Model& target) {
    if (auto r = check_placement(target); !r) return r;
    if (auto r = check_routes(target); !r) return r;
    if (auto r = check_buffers(target); !r) return r;
    Indexes numbers = indexes_;
    if (auto r = take_numbers(target, numbers); !r) return r;
    for (const auto& [name, link] : target.links)
        if (!std::holds_alternative<PortSpec>(link.kind) && !std::holds_alternative<VlanSpec>(link.kind))
            random_macs_.try_emplace(name, random_mac());

    close_in_the_way(target);
    remove_in_the_way(target);
    if (auto r = open_taps(target); !r) return r;
    if (auto r = open_ports(target); !r) return r;
    if (auto r = set_ports(target); !r) return r;
    if (auto r = settle_taps(target); !r) return r;
    if (auto r = write_addresses(target); !r) return r;
    if (auto r = write_routing(target); !r) return r;
    if (auto r = write_sysctls(target); !r) return r;

    for (const auto& [name, number] : numbers.interfaces.all())
        if (!indexes_.interfaces.find(name)) tally_.restart(number);
    indexes_ = std::move(numbers);
    publish(target);
    remove_gone(target);
    return {};
}

Result<> Switch::check_placement(const Model& target) const {
    const auto& cpus = options_.worker_cpus;
    for (const auto& [name, link] : target.links) {
        const auto* port = std::get_if<PortSpec>(&link.kind);
        if (!port) continue;
        for (const auto& [queue, cpu] : port->placement)
            if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end())
                return refuse(fmt::format("port {}: no worker runs on CPU {}; workers are on {}", name, cpu,
                                          fmt::join(cpus, ",")));
    }
    return {};
}

// A receive ring is filled with buffers when it is opened: they must leave some for frames under way.
Result<> Switch::check_buffers(const Model& target) const {
    const std::size_t most = pool_.capacity() / 4 * 3;
    std::size_t held = 0;
    for (const auto& name : target.order) {
        const auto* port = std::get_if<PortSpec>(&target.links.at(name).kind);
        if (!port) continue;
        held += buffers_held(*port);
        if (held > most)
            return refuse(
                fmt::format("port {}: the receive rings of all ports would hold {} packet buffers of {}, at "
                            "most {} may be: fewer queues (rxq) or descriptors (desc), or give hugepages",
                            name, held, pool_.capacity(), most));
    }
    return {};
}

// A port has to go before another takes its device, or before it is opened again as something else.
void Switch::close_in_the_way(const Model& target) {
    std::set<std::string> wanted;
    for (const auto& [name, link] : target.links)
        if (const auto* port = std::get_if<PortSpec>(&link.kind)) wanted.insert(exclusive_device(*port));
    std::vector<std::string> close;
    for (const auto& [name, live] : ports_) {
        const LinkSpec* link = target.find(name);
        const auto* port = link ? std::get_if<PortSpec>(&link->kind) : nullptr;
        const std::string device = exclusive_device(live.spec);
        if (port ? needs_reopening(live.spec, *port) : !device.empty() && wanted.contains(device))
            close.push_back(name);
    }
    for (const auto& name : close)
        close_port(name);
}

// A device of the kernel that weft reads and one that a program reads have the same name in turn.
void Switch::remove_in_the_way(const Model& target) {
    std::vector<std::string> names;
    for (const auto& [name, live] : taps_)
        if (const LinkSpec* link = target.find(name); link && live.told.program != program_device(*link))
            names.push_back(name);
    for (const auto& name : names)
        if (ports_.contains(name)) close_port(name);
    remove_taps(names);
}

Result<> Switch::open_taps(const Model& target) {
    if (!options_.kernel) return {};
    for (const auto& [name, link] : target.links) {
        if (taps_.contains(name)) continue;
        auto there = tap_netlink_.link(name);
        if (!there) return std::move(there).error();
        // An adopted TAP keeps what it has until the port behind it is open.
        TapSettings settings;
        settings.mtu = *there ? (*there)->mtu : link.mtu.value_or(1500);
        if (*there && (*there)->mac.is_station()) settings.mac = (*there)->mac;
        settings.up = link.up;
        settings.bridge_member = link.member.has_value();
        settings.program = program_device(link);
        settings.noarp = std::holds_alternative<DummySpec>(link.kind);
        auto tap = KernelTap::open(taps_netns_, tap_netlink_, name, options_.socket, settings);
        if (!tap) return std::move(tap).error();
        Descriptor for_thread;
        if (!settings.program) for_thread = Descriptor{fcntl(tap->descriptor(), F_DUPFD_CLOEXEC, 0)};
        if (!for_thread && !settings.program)
            return refuse(fmt::format("TAP {}: {}; raise the limit of open files (ulimit -n)", name,
                                      std::strerror(errno)));
        routing_disturbed_ = true;
        taps_.emplace(name, LiveTap{std::move(*tap), settings, no_interface, std::move(for_thread)});
    }
    return {};
}

Result<> Switch::open_ports(const Model& target) {
    for (const auto& name : target.order) {
        const LinkSpec& link = target.links.at(name);
        const auto* spec = std::get_if<PortSpec>(&link.kind);
        if (!spec) continue;
        if (const auto live = ports_.find(name); live != ports_.end()) {
            live->second.spec = *spec;
            continue;
        }
        if (auto r = open_one(name, link); !r) return r;
    }
    return {};
}

/// Opens a port, in the place of one that no worker touches any more.
Result<> Switch::open_one(const std::string& name, const LinkSpec& link) {
    const PortPlace place{.environment = {.pool = pool_.get(),
                                          .host_netns = host_.descriptor(),
                                          .tap_netns = taps_netns_.descriptor(),
                                          .workers = static_cast<unsigned>(shared_.workers.size())},
                          .host = host_,
                          .host_netlink = host_netlink_,
                          .socket = options_.socket,
                          .leftover = leftover_};
    if (!options_.kernel && std::holds_alternative<TuntapPort>(std::get<PortSpec>(link.kind).kind))
        return refuse(fmt::format("{}: its device is the kernel's, which --no-kernel leaves out", name));
    auto port = open_port(name, link, place);
    lacks_device_ = !port;
    if (!port) return std::move(port).error();
    leftover_.erase(captured_device(port->spec));
    port->paused = true;  // until it is published
    if (!port->own_mac.is_station()) port->own_mac = random_mac();
    ports_.insert_or_assign(name, std::move(*port));
    return {};
}

Result<> Switch::set_ports(const Model& target) {
    for (const auto& [name, link] : target.links)
        if (std::holds_alternative<PortSpec>(link.kind))
            if (auto r = set_port(name, link); !r) return r;
    return {};
}

Result<> Switch::set_port(const std::string& name, const LinkSpec& link) {
    LivePort& live = ports_.at(name);
    const std::uint16_t mtu = link.mtu.value_or(live.own_mtu);
    const MacAddress mac = link.address.value_or(live.own_mac);
    if (mtu != live.info.mtu) {
        pause(name);
        if (live.capture)
            if (auto r = live.capture->remember_mtu(); !r) return r;
        if (auto r = live.port->set_mtu(mtu); !r) return r;
    }
    // A device without an address of its own (net_null) has the one weft made up, and need not know it.
    if (mac != live.mac() && (link.address || live.info.mac.is_station())) {
        pause(name);
        if (live.capture)
            if (auto r = live.capture->remember_mac(); !r) return r;
        if (auto r = live.port->set_mac(mac); !r) return r;
    }
    if (link.up != live.up) {
        pause(name);
        if (auto r = live.port->set_up(link.up); !r) return r;
        live.up = link.up;
    }
    live.info = live.port->info();
    return {};
}

Result<> Switch::settle_taps(const Model& target) {
    if (!options_.kernel) return {};
    const auto effective = effective_now(target);
    for (auto& [name, live] : taps_) {
        const LinkSpec* link = target.find(name);
        if (!link) continue;
        const Effective& now = effective.at(name);
        TapSettings& told = live.told;
        if (told.bridge_member != link->member.has_value()) {
            if (auto r = live.tap.set_bridge_member(link->member.has_value()); !r) return r;
            told.bridge_member = link->member.has_value();
        }
        if (told.mtu != now.mtu) {
            if (auto r = live.tap.set_mtu(now.mtu); !r) return r;
            told.mtu = now.mtu;
        }
        const bool without_address = told.program && told.program->tun;
        if (told.mac != now.mac && !without_address) {
            if (auto r = live.tap.set_mac(now.mac); !r) return r;
            told.mac = now.mac;
        }
        if (told.up != now.up) {
            if (auto r = live.tap.set_up(now.up); !r) return r;
            if (told.up) on_device_down(live.tap.index());
            told.up = now.up;
        }
        if (told.carrier != now.carrier) {
            if (auto r = live.tap.set_carrier(now.carrier); !r) return r;
            told.carrier = now.carrier;
        }
    }
    return {};
}

Result<> Switch::write_addresses(const Model& target) {
    if (!options_.kernel) return {};
    std::map<int, std::string> names;
    for (const auto& [name, live] : taps_)
        names.emplace(live.tap.index(), name);
    std::set<std::pair<std::string, std::string>> wanted, present;
    for (const auto& address : target.addresses)
        wanted.insert(identity(address));
    const auto known = [&](const AddressSpec& address) {
        return std::find(model_.addresses.begin(), model_.addresses.end(), address) != model_.addresses.end();
    };
    // An administrator's are left alone: if somebody wants one of weft too, the kernel shall say so.
    const auto ours = [&](const KernelAddress& address) {
        return address.ours() && names.contains(address.index);
    };
    auto there = tap_netlink_.addresses();
    if (!there) return std::move(there).error();
    bool deleted = false;
    for (const auto& address : *there) {
        if (!ours(address) || wanted.contains({names.at(address.index), address.address})) continue;
        AddressRequest request{.index = address.index,
                               .address = address.address,
                               .peer = {},
                               .broadcast = {},
                               .scope = {},
                               .label = {}};
        if (!address.peer.empty()) request.peer = address.peer;
        if (auto r = tap_netlink_.delete_address(request); !r) return r;
        deleted = true;
    }
    // With a primary the kernel may have dropped addresses of its network that are wanted.
    if (deleted)
        if (there = tap_netlink_.addresses(); !there) return std::move(there).error();
    for (const auto& address : *there)
        if (ours(address)) present.emplace(names.at(address.index), address.address);
    decltype(refused_addresses_) refused;
    for (const auto& address : target.addresses) {
        if (present.contains(identity(address))) continue;
        const AddressRequest request{.index = taps_.at(address.device).tap.index(),
                                     .address = address.address,
                                     .peer = address.peer,
                                     .broadcast = address.broadcast,
                                     .scope = address.scope,
                                     .label = address.label,
                                     .nodad = address.nodad};
        const auto added = tap_netlink_.add_address(request);
        if (added) continue;
        // Somebody deleted it and entered it again: that is no reason to refuse other changes.
        if (!known(address)) return added;
        const auto& why = refused.emplace(identity(address), added.error().message).first->second;
        if (!refused_addresses_.contains(identity(address))) log(why + "; it is left as it is");
    }
    refused_addresses_ = std::move(refused);
    return {};
}

void Switch::pause(const std::string& name) {
    LivePort& live = ports_.at(name);
    if (live.paused) return;
    live.paused = true;
    publish(model_);
}

void Switch::close_port(const std::string& name) {
    pause(name);
    ports_.erase(name);
}

void Switch::remove_taps(const std::vector<std::string>& names) {
    std::vector<KernelTap> taps;
    for (const auto& name : names) {
        const auto it = taps_.find(name);
        if (it == taps_.end()) continue;
        if (it->second.interface != no_interface) tap_io_->remove_tap(it->second.interface);
        taps.push_back(std::move(it->second.tap));
        taps_.erase(it);
        forget_sysctls(name);
    }
    if (auto r = KernelTap::remove(std::move(taps)); !r) log(r.error().message);
}

// After publication: nobody refers to these any more.
void Switch::remove_gone(const Model& target) {
    std::vector<std::string> ports, taps;
    for (const auto& [name, live] : ports_)
        if (const LinkSpec* link = target.find(name); !link || !std::holds_alternative<PortSpec>(link->kind))
            ports.push_back(name);
    for (const auto& [name, live] : taps_)
        if (!target.find(name)) taps.push_back(name);
    for (const auto& name : ports)
        ports_.erase(name);
    remove_taps(taps);
    std::erase_if(random_macs_, [&](const auto& entry) { return !target.find(entry.first); });
    std::erase_if(queue_worker_, [&](const auto& entry) { return !target.find(entry.first.first); });
}

}  // namespace weft
