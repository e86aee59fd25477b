// SimplePart against a packet: packed so that a rule is one line (IPv4) or two.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/hook/rule_code.hpp"

namespace weft::hook {

using Address4 = std::uint32_t;
__extension__ typedef unsigned __int128 Address6;

template <class Address>
[[nodiscard]] Address to_number(const IpAddress& address) noexcept {
    Address number;
    std::memcpy(&number, address.bytes.data(), sizeof number);
    return number;
}

/// What a View has to be compared with.
template <class Address>
struct PacketKey {
    Address source, destination;
    std::uint64_t mac;
    std::uint16_t source_port, destination_port;
    IfIndex iif, oif;
    std::uint8_t protocol;
    bool has_ports, has_mac, layer4, later_fragment;

    explicit PacketKey(const View& view) noexcept
        : source(to_number<Address>(view.source)),
          destination(to_number<Address>(view.destination)),
          mac(view.mac),
          source_port(view.source_port),
          destination_port(view.destination_port),
          iif(view.iif),
          oif(view.oif),
          protocol(view.protocol),
          has_ports(view.has_ports),
          has_mac(view.has_mac),
          layer4(view.layer4 == Layer4::whole),
          later_fragment(view.fragment != 0) {}
};

using InterfaceSets = std::vector<std::shared_ptr<const InterfaceSet>>;

template <class Address>
class PackedRule {
  public:
    PackedRule(const SimplePart&, InterfaceSets&);

    /// The whole simple part.
    [[nodiscard]] bool matches(const PacketKey<Address>& packet, const InterfaceSets& sets) const noexcept {
        return matches_frame(packet, sets) && matches_protocol(packet) && matches_absorbed(packet);
    }

    /// What stands in the rule itself before its protocol: addresses, interfaces.
    [[nodiscard]] bool matches_frame(const PacketKey<Address>& packet,
                                     const InterfaceSets& sets) const noexcept {
        const bool source = (packet.source & source_mask_) != source_;
        const bool destination = (packet.destination & destination_mask_) != destination_;
        if (source != has(source_inverted) || destination != has(destination_inverted)) return false;
        const bool in = has(in_set) ? !sets[in_]->holds(packet.iif) : (packet.iif & in_mask_) != in_;
        const bool out = has(out_set) ? !sets[out_]->holds(packet.oif) : (packet.oif & out_mask_) != out_;
        return in == has(in_inverted) && out == has(out_inverted);
    }
    [[nodiscard]] bool matches_protocol(const PacketKey<Address>& packet) const noexcept {
        const bool other = (packet.protocol & protocol_mask_) != protocol_;
        const bool fragment = has(asks_fragment) && !packet.later_fragment;
        return other == has(protocol_inverted) && fragment == has(fragment_inverted);
    }
    [[nodiscard]] bool asks_protocol() const noexcept { return protocol_mask_ != 0; }

  private:
    enum : std::uint16_t {
        source_inverted = 1,
        destination_inverted = 2,
        in_inverted = 4,
        out_inverted = 8,
        protocol_inverted = 16,
        asks_fragment = 32,
        fragment_inverted = 64,
        needs_layer4 = 128,
        source_port_inverted = 256,
        destination_port_inverted = 512,
        has_mac = 1024,
        mac_inverted = 2048,
        in_set = 4096,
        out_set = 8192
    };
    [[nodiscard]] bool has(std::uint16_t flag) const noexcept { return flags_ & flag; }

    [[nodiscard]] bool matches_absorbed(const PacketKey<Address>& packet) const noexcept {
        if (has(needs_layer4)) {
            if (!packet.layer4) return false;
            const auto outside = [](std::uint16_t port, std::uint16_t low, std::uint16_t span) {
                return static_cast<std::uint16_t>(port - low) > span;
            };
            if (outside(packet.source_port, source_port_, source_span_) != has(source_port_inverted) ||
                outside(packet.destination_port, destination_port_, destination_span_) !=
                    has(destination_port_inverted))
                return false;
        }
        return !has(has_mac) || (packet.has_mac && (packet.mac != mac_) == has(mac_inverted));
    }

    Address source_, source_mask_, destination_, destination_mask_;
    std::uint64_t mac_;
    std::uint16_t source_port_, source_span_, destination_port_, destination_span_;
    std::uint16_t in_, in_mask_, out_, out_mask_;  // in_, out_: index of a set, with the flag
    std::uint8_t protocol_, protocol_mask_;
    std::uint16_t flags_;
};

namespace detail {

/// Index and mask to compare with; a set is appended to `sets` unless it is its last.
inline bool pack_interface(const InterfaceTest& test, std::uint16_t& value, std::uint16_t& mask,
                           InterfaceSets& sets) {
    value = test.any ? 0 : test.one;
    mask = test.any ? 0 : 0xffff;
    if (test.any || !test.set) return false;
    std::size_t at = 0;
    while (at < sets.size() && sets[at] != test.set)
        ++at;
    if (at == sets.size()) sets.push_back(test.set);
    value = static_cast<std::uint16_t>(at);
    return true;
}

}  // namespace detail

template <class Address>
PackedRule<Address>::PackedRule(const SimplePart& simple, InterfaceSets& sets)
    : source_(to_number<Address>(simple.source.address)),
      source_mask_(to_number<Address>(simple.source.mask)),
      destination_(to_number<Address>(simple.destination.address)),
      destination_mask_(to_number<Address>(simple.destination.mask)),
      mac_(simple.mac),
      source_port_(simple.source_port.range.low),
      source_span_(static_cast<std::uint16_t>(simple.source_port.range.high - simple.source_port.range.low)),
      destination_port_(simple.destination_port.range.low),
      destination_span_(
          static_cast<std::uint16_t>(simple.destination_port.range.high - simple.destination_port.range.low)),
      protocol_(simple.protocol),
      protocol_mask_(simple.protocol ? 0xff : 0),
      flags_(0) {
    const auto put = [&](bool given, std::uint16_t flag) {
        if (given) flags_ = static_cast<std::uint16_t>(flags_ | flag);
    };
    put(simple.source_inverted, source_inverted);
    put(simple.destination_inverted, destination_inverted);
    put(simple.in_inverted, in_inverted);
    put(simple.out_inverted, out_inverted);
    put(simple.protocol_inverted && simple.protocol, protocol_inverted);
    put(simple.fragment, asks_fragment);
    put(simple.fragment && simple.fragment_inverted, fragment_inverted);
    put(simple.needs_layer4, needs_layer4);
    put(simple.source_port.inverted, source_port_inverted);
    put(simple.destination_port.inverted, destination_port_inverted);
    put(simple.has_mac, has_mac);
    put(simple.mac_inverted, mac_inverted);
    put(detail::pack_interface(simple.in, in_, in_mask_, sets), in_set);
    put(detail::pack_interface(simple.out, out_, out_mask_, sets), out_set);
}

}  // namespace weft::hook
