// What targets do to a packet at a hook besides marks, at their place among the rules.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/hook/walk.hpp"

namespace weft {

class PacketActions final : public hook::Actions {
  public:
    PacketActions(Packet& packet, Context& context) noexcept : packet_(packet), context_(context) {}

    bool perform(const hook::RuleCode&, hook::View&, std::size_t counted) noexcept override;

    /// What the rule at a place of the path has counted, of a packet that has `bytes` now.
    [[nodiscard]] std::uint32_t bytes_at(std::size_t place, std::uint32_t bytes) const noexcept {
        return place < short_until_ ? bytes - longer_by_ : bytes;
    }

  private:
    Packet& packet_;
    Context& context_;
    std::size_t short_until_ = 0;  ///< rules of the path that counted the packet while it was shorter
    std::uint32_t longer_by_ = 0;
};

}  // namespace weft
