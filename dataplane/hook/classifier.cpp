#include "dataplane/hook/classifier.hpp"

#include "dataplane/hook/classifier_build.hpp"

namespace weft::hook {

namespace {

/// False if the packet has no value there.
template <class Address>
bool packet_hash(Dimension dimension, const PacketKey<Address>& packet, std::uint32_t& hash) noexcept {
    const auto level = static_cast<unsigned>(dimension);
    switch (dimension) {
        case Dimension::source_port:
            hash = hash_value(dimension, packet.source_port);
            return packet.has_ports;
        case Dimension::destination_port:
            hash = hash_value(dimension, packet.destination_port);
            return packet.has_ports;
        case Dimension::mac:
            hash = hash_value(dimension, packet.mac);
            return packet.has_mac;
        case Dimension::in:
            hash = hash_value(dimension, packet.iif);
            return true;
        case Dimension::out:
            hash = hash_value(dimension, packet.oif);
            return true;
        case Dimension::protocol:
            hash = hash_value(dimension, packet.protocol);
            return true;
        default:
            hash = level < 4 ? hash_address<Address>(dimension, packet.source & prefix_masks<Address>[level])
                             : hash_address<Address>(dimension,
                                                     packet.destination & prefix_masks<Address>[level - 4]);
            return true;
    }
}

}  // namespace

template <class Address>
struct Classifier<Address>::Search {
    const PacketKey<Address>& packet;
    std::vector<std::uint32_t>& found;
    std::size_t base;
    std::uint32_t bound = 0xffff'ffff;  ///< position of the first final rule that matches

    void take(std::uint32_t position) {
        std::size_t at = found.size();
        found.push_back(position);
        for (; at > base && found[at - 1] > position; --at)
            found[at] = found[at - 1];
        found[at] = position;
    }
};

template <class Address>
Classifier<Address>::Classifier(std::span<const SharedRule> rules) {
    packed_.reserve(rules.size());
    for (const auto& rule : rules)
        packed_.emplace_back(rule->simple, sets_);
    Build build(*this, rules);
    build.run();
}

template <class Address>
std::uint32_t Classifier<Address>::child(const Node& node, const PacketKey<Address>& packet) const noexcept {
    std::uint32_t hash;
    if (!packet_hash(node.dimension, packet, hash)) return 0;
    for (std::uint32_t at = hash & (node.size - 1);; at = (at + 1) & (node.size - 1)) {
        const Slot& slot = slots_[node.start + at];
        if (slot.node == 0 || slot.hash == hash) return slot.node;
    }
}

template <class Address>
void Classifier<Address>::visit(std::uint32_t index, Search& search) const {
    for (;;) {
        const Node& node = nodes_[index];
        if (node.first > search.bound) return;
        if (node.dimension == Dimension::leaf) {
            for (std::uint32_t i = node.start; i < node.start + node.size; ++i) {
                const auto position = entries_[i] >> 1;
                if (position > search.bound) return;
                if (!packed_[position].matches(search.packet, sets_)) continue;
                search.take(position);
                if (entries_[i] & 1) search.bound = position;
            }
            return;
        }
        if (const auto below = child(node, search.packet)) visit(below, search);
        if (node.rest == 0) return;
        index = node.rest;
    }
}

template <class Address>
void Classifier<Address>::find(const PacketKey<Address>& packet, std::vector<std::uint32_t>& found) const {
    Search search{packet, found, found.size()};
    visit(0, search);
}

template <class Address>
std::size_t Classifier<Address>::memory() const noexcept {
    return nodes_.size() * sizeof(Node) + slots_.size() * sizeof(Slot) + entries_.size() * 4 +
           packed_.size() * sizeof(PackedRule<Address>);
}

template class Classifier<Address4>;
template class Classifier<Address6>;

}  // namespace weft::hook
