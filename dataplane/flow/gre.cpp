#include "dataplane/flow/gre.hpp"

namespace weft {

std::optional<GreKeys> gre_keys(const L4View& l4) noexcept {
    constexpr std::uint8_t version_mask = 7, pptp = 1;
    constexpr std::size_t protocol_at = 2, call_at = 6;
    constexpr be16 ppp{0x880b};
    const std::uint32_t there = std::min(l4.head, l4.length);
    if (there < 4 || (static_cast<std::uint8_t>(l4.data[1]) & version_mask) != pptp || there < 8)
        return GreKeys{};
    be16 protocol, call;
    std::memcpy(&protocol, l4.data + protocol_at, sizeof protocol);
    std::memcpy(&call, l4.data + call_at, sizeof call);
    if (!(protocol == ppp)) return std::nullopt;
    return GreKeys{be16{0}, call};
}

void track_gre(FlowState& state, const FlowConfig& config, FlowTime now) noexcept {
    if (!state.has(FlowStatus::confirmed)) state.gre = {config.gre_timeout, config.gre_timeout_stream};
    if (!state.has(FlowStatus::seen_reply)) {
        refresh(state, state.gre.timeout, now);
        return;
    }
    refresh(state, state.gre.stream_timeout, now);
    // Never of what gave way to another in a clash, which is to end soon.
    if (!state.has(FlowStatus::nat_clash | FlowStatus::assured)) state.set(FlowStatus::assured);
}

}  // namespace weft
