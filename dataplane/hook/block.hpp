// A run of rules of a chain with their classifier: what a change of the chain makes anew or keeps as a whole.
#pragma once

#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "dataplane/hook/classifier.hpp"

namespace weft::hook {

/// A packet's key of either family.
using EitherKey = std::variant<PacketKey<Address4>, PacketKey<Address6>>;
[[nodiscard]] inline EitherKey key_of(const View& view) noexcept {
    if (view.family == Family::ip) return PacketKey<Address4>(view);
    return PacketKey<Address6>(view);
}

/// Immutable. Positions are those within the block.
class Block {
  public:
    Block(Family, std::vector<SharedRule> rules);

    [[nodiscard]] std::size_t size() const noexcept { return rules_.size(); }
    [[nodiscard]] std::span<const SharedRule> rules() const noexcept { return rules_; }
    [[nodiscard]] const RuleCode& rule(std::size_t position) const noexcept { return *rules_[position]; }

    /// Appends the positions of the rules whose simple part matches; what is behind a final one may be
    /// missing.
    void find(const EitherKey&, std::vector<std::uint32_t>& found) const;

    /// For odd packets, rule by rule: the rule's own part, without what was absorbed from its matches.
    [[nodiscard]] Matched matches_own(std::size_t position, const View&, const EitherKey&) const noexcept;

    /// Notes what find() looks at.
    void note(const View& view, Rests& rests) const noexcept {
        if (asks_mac_ && view.has_mac) rests.on_mac(view);
        if (asks_out_) rests.on_oif(view);
        if (asks_fragment_) rests.on_later_fragment(view);
    }
    /// Bytes.
    [[nodiscard]] std::size_t memory() const noexcept;

  private:
    std::vector<SharedRule> rules_;
    std::variant<Classifier<Address4>, Classifier<Address6>> classifier_;
    bool asks_mac_ = false, asks_out_ = false, asks_fragment_ = false;
};
using SharedBlock = std::shared_ptr<const Block>;

}  // namespace weft::hook
