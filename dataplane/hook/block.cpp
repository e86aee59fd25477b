#include "dataplane/hook/block.hpp"

#include <utility>

namespace weft::hook {

namespace {

std::variant<Classifier<Address4>, Classifier<Address6>> classify(Family family,
                                                                  std::span<const SharedRule> rules) {
    if (family == Family::ip) return Classifier<Address4>(rules);
    return Classifier<Address6>(rules);
}

template <class Address>
Matched own_part(const Classifier<Address>& classifier, std::size_t position, bool broken,
                 const PacketKey<Address>& packet) noexcept {
    if (!classifier.matches_frame(position, packet)) return Matched::no;
    const auto& packed = classifier.packed(position);
    // ip6_packet_match: asked for a protocol where none is found
    if (broken && packed.asks_protocol()) return Matched::drop;
    return matched_if(packed.matches_protocol(packet));
}

}  // namespace

Block::Block(Family family, std::vector<SharedRule> rules)
    : rules_(std::move(rules)), classifier_(classify(family, rules_)) {
    for (const auto& rule : rules_) {
        asks_mac_ |= rule->simple.has_mac;
        asks_out_ |= !rule->simple.out.any;
        asks_fragment_ |= rule->simple.fragment;
    }
}

void Block::find(const EitherKey& key, std::vector<std::uint32_t>& found) const {
    if (const auto* four = std::get_if<0>(&key))
        std::get_if<0>(&classifier_)->find(*four, found);
    else
        std::get_if<1>(&classifier_)->find(*std::get_if<1>(&key), found);
}

Matched Block::matches_own(std::size_t position, const View& view, const EitherKey& key) const noexcept {
    if (const auto* four = std::get_if<0>(&key))
        return own_part(*std::get_if<0>(&classifier_), position, view.headers_broken, *four);
    return own_part(*std::get_if<1>(&classifier_), position, view.headers_broken, *std::get_if<1>(&key));
}

std::size_t Block::memory() const noexcept {
    return rules_.size() * sizeof(SharedRule) +
           std::visit([](const auto& classifier) { return classifier.memory(); }, classifier_);
}

}  // namespace weft::hook
