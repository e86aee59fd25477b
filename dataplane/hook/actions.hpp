// What targets do to a packet at a hook besides marks, at their place among the rules.
#pragma once

#include "dataplane/hook/traced.hpp"
#include "dataplane/hook/walk.hpp"

namespace weft {

class PacketActions final : public hook::Actions {
  public:
    /// `view`: of the packet at this hook.
    PacketActions(Packet& packet, const hook::View& view, hook::Hook at, Context& context) noexcept
        : Actions(is_told_of(packet, view.family == hook::Family::ip6, context)),
          packet_(packet),
          view_(view),
          at_(at),
          context_(context) {}

    bool perform(const hook::RuleCode&, hook::View&, std::size_t counted) noexcept override;
    void met(hook::RuleId rule) noexcept override { tell_rule(packet_, view_, at_, rule, context_); }
    void came_to_end(hook::ChainSlot chain) noexcept override {
        tell_end(packet_, view_, at_, chain, context_);
    }

    /// The packet as long as it was when it came to each.
    void count(std::span<const hook::RuleId> path) noexcept override;

  private:
    Packet& packet_;
    const hook::View& view_;
    hook::Hook at_;
    Context& context_;
    std::size_t short_until_ = 0;  ///< rules of the path that counted the packet while it was shorter
    std::uint32_t longer_by_ = 0;
};

}  // namespace weft
