#include "tests/packet/router.hpp"

#include <algorithm>
#include <cstring>

namespace weft::test {

namespace {

constexpr std::uint32_t groups = 4096;

IpAddress address_of(const std::string& text) {
    IpAddress address;
    if (text.empty()) return address;
    const Bytes bytes = address_bytes(text);
    std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
    return address;
}

}  // namespace

Router::Router(const RigOptions& options, const std::string& more)
    : rig("port add a up type null\nport add b up type null\n" + more, options) {
    for (const char* name : {"a", "b"}) {
        const std::string digit = name[0] == 'a' ? "1" : "2";
        const char* mac = name[0] == 'a' ? host_a : host_b;
        address(name, "10.0." + digit + ".0", 24, "10.0." + digit + ".1", "10.0." + digit + ".2", mac);
        address(name, "2001:db8:" + digit + "::", 64, "2001:db8:" + digit + "::1",
                "2001:db8:" + digit + "::2", mac);
        route("10.0." + digit + ".255/32", hop({.kind = HopKind::broadcast, .interface = name}));
        interface(name).source4 = address_of("10.0." + digit + ".1");
        routing_.own4.add(be32{0x0a000001u | static_cast<std::uint32_t>(digit[0] - '0') << 8});
        interface(name).source6 = address_of("2001:db8:" + digit + "::1");
        interface(name).link_local = address_of(std::string("fe80::") + name);
        own(name, "10.0." + digit + ".1", 24);
        own(name, std::string("fe80::") + name, 64);
        own(name, "2001:db8:" + digit + "::1", 64);
    }
    publish();
}

void Router::address(const std::string& interface, const std::string& network, unsigned length,
                     const std::string& own, const std::string& host, const char* mac) {
    route(network + "/" + std::to_string(length),
          hop({.kind = HopKind::connected, .interface = interface, .source = own}));
    route(own + (own.find(':') == std::string::npos ? "/32" : "/128"),
          hop({.kind = HopKind::local, .interface = interface}));
    route(host + (host.find(':') == std::string::npos ? "/32" : "/128"),
          hop({.interface = interface, .gateway = host, .mac = mac, .source = own}));
}

HopIndex Router::hop(const HopSpec& spec) {
    Hop& hop = rig.shared().hops[next_hop_];
    hop.kind = spec.kind;
    hop.interface = spec.interface.empty() ? no_interface : rig.index(spec.interface);
    hop.gateway = address_of(spec.gateway);
    hop.v6 = spec.gateway.find(':') != std::string::npos;
    hop.source = address_of(spec.source);
    hop.mtu = spec.mtu;
    if (!spec.interface.empty()) hop.own = rig.mac(spec.interface).raw();
    hop.neighbour = spec.mac.empty() ? Hop::pack({}, spec.state)
                                     : Hop::pack(*parse_mac(spec.mac), NeighbourState::resolved);
    return next_hop_++;
}

HopIndex Router::group(const std::vector<HopIndex>& members) {
    Hop& hop = rig.shared().hops[next_hop_];
    hop.kind = HopKind::group;
    rig.shared().hops.set_has_groups(true);
    hop.bucket_bits = 6;
    hop.first_bucket = next_bucket_;
    for (std::size_t i = 0; i < 64; ++i)
        rig.shared().hops.bucket(next_bucket_++) = members[i * members.size() / 64];
    return next_hop_++;
}

HopIndex Router::choice(std::uint8_t tos, HopIndex meant, HopIndex otherwise) {
    Hop& hop = rig.shared().hops[next_hop_];
    hop.kind = HopKind::choice;
    hop.tos = tos;
    hop.first_bucket = next_bucket_;
    rig.shared().hops.bucket(next_bucket_++) = meant;
    rig.shared().hops.bucket(next_bucket_++) = otherwise;
    routing_.tos_routes = true;
    return next_hop_++;
}

HopIndex Router::choice(const std::string& source, std::uint8_t length, HopIndex meant, HopIndex otherwise) {
    const HopIndex made = choice(0, meant, otherwise);
    Hop& hop = rig.shared().hops[made];
    hop.v6 = true;
    hop.source = address_of(source);
    hop.source_length = length;
    return made;
}

void Router::route(const std::string& prefix, HopIndex to, unsigned table) {
    const auto slash = prefix.find('/');
    const unsigned length = static_cast<unsigned>(std::stoul(prefix.substr(slash + 1)));
    const Bytes bytes = address_bytes(prefix.substr(0, slash));
    if (tables_.size() <= table) tables_.resize(table + 1);
    auto& [v4, v6] = tables_[table];
    RouteChanges& changes = rig.shared().hops.changes();
    if (bytes.size() == 4) {
        if (!v4) v4 = std::make_shared<Lpm4>(groups);
        Lpm4::Key key;
        std::memcpy(key.data(), bytes.data(), key.size());
        changes.begin();
        ASSERT_TRUE(v4->add(key, length, to));
        changes.end<4>(key.data(), length);
    } else {
        if (!v6) v6 = std::make_shared<Lpm6>(groups);
        Lpm6::Key key;
        std::memcpy(key.data(), bytes.data(), key.size());
        changes.begin();
        ASSERT_TRUE(v6->add(key, length, to));
        changes.end<16>(key.data(), length);
    }
}

RoutedInterface& Router::interface(const std::string& name) {
    const std::size_t at = rig.index(name);
    if (routing_.interfaces.size() <= at) routing_.interfaces.resize(at + 1);
    return routing_.interfaces[at];
}

void Router::own(const std::string& name, const std::string& address, std::uint8_t length, bool avoided) {
    RoutedInterface& interface = this->interface(name);
    if (address.find(':') == std::string::npos) {
        const be32 number = to_be32(address_of(address));
        interface.networks4.push_back({.address = number, .network = number, .length = length});
        if (routing_.any_source4 == IpAddress{}) routing_.any_source4 = address_of(address);
        return;
    }
    interface.sources6.push_back(
        {.address = address_of(address), .interface = rig.index(name), .length = length, .avoided = avoided});
    routing_.sources6.push_back(interface.sources6.back());
}

void Router::publish() {
    routing_.tables.clear();
    for (const auto& [v4, v6] : tables_)
        routing_.tables.push_back({v4, v6});
    routing_.filters_sources = std::any_of(routing_.interfaces.begin(), routing_.interfaces.end(),
                                           [](const RoutedInterface& of) { return of.rp_filter != 0; });
    rig.while_offline(
        [&] { rig.shared().routing.replace(std::make_unique<Routing>(routing_), rig.shared().quiescence); });
    rig.shared().hops.raise_generation();
}

std::vector<Packet*> Router::unresolved() {
    std::vector<Packet*> all;
    Packet* one = nullptr;
    for (auto& worker : rig.shared().workers)
        while (worker->punt.by_class[static_cast<std::size_t>(PuntClass::unresolved)].dequeue(&one, 1) == 1)
            all.push_back(one);
    return all;
}

}  // namespace weft::test
