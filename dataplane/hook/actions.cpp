#include "dataplane/hook/actions.hpp"

#include "dataplane/hook/hooks.hpp"
#include "dataplane/hook/log.hpp"
#include "dataplane/hook/tcpmss.hpp"

namespace weft {

bool PacketActions::perform(const hook::RuleCode& rule, hook::View& view, std::size_t counted) noexcept {
    if (rule.step == hook::Step::log) {
        const auto& target = *std::get_if<hook::LogTarget>(&rule.target);
        log_packet(packet_, {LogOf::log, target.prefix, target.level, target.flags}, view, context_);
    }
    if (rule.step == hook::Step::trace) begin_to_trace(packet_, view, context_);
    if (rule.step != hook::Step::tcpmss) return true;
    const std::uint32_t before = view.length;
    const MssDone done = set_mss(packet_, *std::get_if<hook::TcpmssTarget>(&rule.target), view, context_);
    if (done == MssDone::added) {
        short_until_ = counted;
        longer_by_ = view.length - before;
    }
    return done != MssDone::broken;
}

void PacketActions::count(std::span<const hook::RuleId> path) noexcept {
    auto& counters = (*context_.hooks->counters)[view_.family == hook::Family::ip6];
    const std::uint32_t bytes = rule_length(packet_, context_);
    for (std::size_t i = 0; i < path.size(); ++i)
        counters[path[i]].add(1, i < short_until_ ? bytes - longer_by_ : bytes);
    short_until_ = 0;
}

}  // namespace weft
