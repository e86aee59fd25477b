#include "dataplane/hook/actions.hpp"

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

}  // namespace weft
