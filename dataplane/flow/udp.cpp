#include "dataplane/flow/udp.hpp"

namespace weft {

namespace {

const UdpHeader* header_of(const L4View& l4) noexcept {
    return std::min(l4.head, l4.length) < sizeof(UdpHeader) ? nullptr
                                                            : reinterpret_cast<const UdpHeader*>(l4.data);
}

/// Never for what gave way to another in a clash, which is to end soon.
void assure(FlowState& state) noexcept {
    if (!state.has(FlowStatus::nat_clash | FlowStatus::assured)) state.set(FlowStatus::assured);
}

}  // namespace

bool is_sound_udp(const L4View& l4) noexcept {
    const UdpHeader* header = header_of(l4);
    return header && header->length.host() <= l4.length && header->length.host() >= sizeof *header;
}

bool is_sound_udplite(const L4View& l4) noexcept {
    const UdpHeader* header = header_of(l4);
    if (!header) return false;
    const std::uint32_t covered = header->length.host();  // 0: all (RFC 3828 3.1)
    if (covered && (covered < sizeof *header || covered > l4.length)) return false;
    return header->checksum != be16{0};
}

void track_udp(FlowState& state, const FlowConfig& config, FlowTime now) noexcept {
    constexpr std::uint32_t stream_after = 2000;
    if (!state.has(FlowStatus::confirmed)) state.udp.stream_from = now + stream_after;
    if (!state.has(FlowStatus::seen_reply)) {
        refresh(state, config.udp_timeout, now);
        return;
    }
    const bool stream = milliseconds_until(state.udp.stream_from, now) < 0;
    refresh(state, stream ? config.udp_timeout_stream : config.udp_timeout, now);
    if (stream) assure(state);
}

void track_udplite(FlowState& state, const FlowConfig& config, FlowTime now) noexcept {
    const bool stream = state.has(FlowStatus::seen_reply);
    refresh(state, stream ? config.udp_timeout_stream : config.udp_timeout, now);
    if (stream) assure(state);
}

}  // namespace weft
