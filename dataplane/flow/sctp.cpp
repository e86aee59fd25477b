#include "dataplane/flow/sctp.hpp"

#include <array>
#include <bitset>
#include <optional>

namespace weft {

namespace {

constexpr std::uint32_t header_size = 12, chunk_header_size = 4;
constexpr auto NO = SctpState::none, CL = SctpState::closed, CW = SctpState::cookie_wait,
               CE = SctpState::cookie_echoed, ES = SctpState::established, SS = SctpState::shutdown_sent,
               SR = SctpState::shutdown_recd, SA = SctpState::shutdown_ack_sent,
               HS = SctpState::heartbeat_sent, IV = SctpState::invalid;

using Row = std::array<SctpState, sctp_state_count>;
constexpr std::array<std::uint8_t, 11> row_of{
    sctp_chunk::init,        sctp_chunk::init_ack,     sctp_chunk::abort,
    sctp_chunk::shutdown,    sctp_chunk::shutdown_ack, sctp_chunk::error,
    sctp_chunk::cookie_echo, sctp_chunk::cookie_ack,   sctp_chunk::shutdown_complete,
    sctp_chunk::heartbeat,   sctp_chunk::heartbeat_ack};
/// By direction and row_of; the columns are SctpState.
constexpr std::array<std::array<Row, row_of.size()>, 2> transitions{{
    {{{CL, CL, CW, CE, ES, CL, CL, SA, CW},
      {CL, CL, CW, CE, ES, SS, SR, SA, CL},
      {CL, CL, CL, CL, CL, CL, CL, CL, CL},
      {CL, CL, CW, CE, SS, SS, SR, SA, CL},
      {SA, CL, CW, CE, ES, SA, SA, SA, SA},
      {CL, CL, CW, CE, ES, SS, SR, SA, CL},
      {CL, CL, CE, CE, ES, SS, SR, SA, CL},
      {CL, CL, CW, ES, ES, SS, SR, SA, CL},
      {CL, CL, CW, CE, ES, SS, SR, CL, CL},
      {HS, CL, CW, CE, ES, SS, SR, SA, HS},
      {CL, CL, CW, CE, ES, SS, SR, SA, HS}}},
    {{{IV, CL, CW, CE, ES, SS, SR, SA, IV},
      {IV, CW, CW, CE, ES, SS, SR, SA, IV},
      {IV, CL, CL, CL, CL, CL, CL, CL, IV},
      {IV, CL, CW, CE, SR, SS, SR, SA, IV},
      {IV, CL, CW, CE, ES, SA, SA, SA, IV},
      {IV, CL, CW, CL, ES, SS, SR, SA, IV},
      {IV, CL, CE, CE, ES, SS, SR, SA, IV},
      {IV, CL, CW, ES, ES, SS, SR, SA, IV},
      {IV, CL, CW, CE, ES, SS, SR, CL, IV},
      {IV, CL, CW, CE, ES, SS, SR, SA, HS},
      {IV, CL, CW, CE, ES, SS, SR, SA, ES}}},
}};

std::uint16_t read16(const std::byte* at) noexcept {
    be16 value;
    std::memcpy(&value, at, sizeof value);
    return value.host();
}
std::uint32_t read_tag(const std::byte* at) noexcept {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

struct Chunk {
    std::uint8_t type, flags;
    std::uint16_t length;
    std::uint32_t at;  ///< from the SCTP header on
};
/// Calls use(Chunk, how many before it) until it says false; false then.
template <class Use>
bool for_each_chunk(const L4View& l4, Use&& use) noexcept {
    const std::uint32_t there = std::min(l4.head, l4.length);
    std::uint32_t at = header_size;
    for (unsigned n = 0; at + chunk_header_size <= there; ++n) {
        const auto* bytes = l4.data + at;
        const Chunk chunk{static_cast<std::uint8_t>(bytes[0]), static_cast<std::uint8_t>(bytes[1]),
                          read16(bytes + 2), at};
        if (!use(chunk, n)) return false;
        at += (chunk.length + 3U) & ~3U;
    }
    return true;
}

/// One packet's way through a connection.
struct Step {
    SctpTrack& sctp;
    unsigned direction;
    const L4View& l4;
    std::uint32_t tag;
    bool confirmed;
    std::bitset<256> has{};
    bool ignore = false;  ///< passes, and does not keep the connection
    bool assures = false;
    SctpState next = NO;

    /// do_basic_checks: which chunks may stand together.
    [[nodiscard]] bool read_chunks() noexcept {
        using namespace sctp_chunk;
        bool alone = false;
        unsigned count = 0;
        const bool sound = for_each_chunk(l4, [&](const Chunk& chunk, unsigned before) {
            alone |= chunk.type == init || chunk.type == init_ack || chunk.type == shutdown_complete;
            const bool first = chunk.type == cookie_ack || chunk.type == cookie_echo || alone;
            if ((first && before != 0) || chunk.length == 0) return false;
            has.set(chunk.type);
            ++count;
            return true;
        });
        return sound && count != 0;
    }
    [[nodiscard]] std::optional<std::uint32_t> init_tag(const Chunk& chunk) const noexcept {
        constexpr std::uint32_t of_init = 16;
        if (chunk.at + chunk_header_size + of_init > std::min(l4.head, l4.length)) return std::nullopt;
        return read_tag(l4.data + chunk.at + chunk_header_size);
    }
    /// sctp_new. Out of the blue: RFC 9260 8.4.
    [[nodiscard]] bool begin() noexcept {
        using namespace sctp_chunk;
        if (has[abort] || has[shutdown_complete] || has[cookie_ack]) return false;
        sctp = {};
        return for_each_chunk(l4, [&](const Chunk& chunk, unsigned) {
            const SctpState state = sctp_transition(0, chunk.type, NO);
            if (state == NO || state == IV) return false;
            if (chunk.type == init) {
                const auto theirs = init_tag(chunk);
                if (tag != 0 || !theirs) return false;  // RFC 9260 8.5.1 (A)
                sctp.tag[1] = *theirs;
            } else if (chunk.type == heartbeat) {
                sctp.tag[0] = tag;
            } else if (chunk.type == shutdown_ack) {
                sctp.tag[1] = tag;  // a SHUTDOWN COMPLETE that reflects it is due (RFC 9260 8.4 (5))
            }
            return true;
        });
    }
    /// RFC 9260 8.5; chunks with a rule of their own come to follow().
    [[nodiscard]] bool has_right_tag() const noexcept {
        using namespace sctp_chunk;
        return has[init] || has[shutdown_complete] || has[cookie_echo] || has[abort] || has[shutdown_ack] ||
               has[heartbeat] || has[heartbeat_ack] || tag == sctp.tag[direction];
    }
    enum class Tag : std::uint8_t { right, wrong, other_path };
    /// A heartbeat that tries another tag: the answer decides (RFC 9260 5.4).
    [[nodiscard]] Tag check_heartbeat(bool answer) noexcept {
        if (sctp.tag[direction] == 0) {
            sctp.tag[direction] = tag;
            return Tag::right;
        }
        if (tag == sctp.tag[direction]) {
            sctp.heartbeat_failed = false;
            return Tag::right;
        }
        if (has[sctp_chunk::data] || ignore) return Tag::wrong;
        if (!answer) {
            sctp.heartbeat_failed = true;
            sctp.last_direction = static_cast<std::uint8_t>(direction);
            ignore = true;
            return Tag::other_path;
        }
        if (!sctp.heartbeat_failed || sctp.last_direction == direction) return Tag::wrong;
        sctp.heartbeat_failed = false;
        sctp.tag[direction] = tag;
        sctp.tag[!direction] = 0;
        return Tag::right;
    }
    /// RFC 9260 8.5.1.
    [[nodiscard]] Tag check_tag(const Chunk& chunk) noexcept {
        using namespace sctp_chunk;
        constexpr std::uint8_t reflected = 1;  // the T flag
        const auto right = [](bool is) { return is ? Tag::right : Tag::wrong; };
        switch (chunk.type) {
            case init:
                return right(tag == 0);
            case abort:
            case shutdown_complete:
                return right(tag == sctp.tag[chunk.flags & reflected ? !direction : direction]);
            case cookie_echo:
                return right(tag == sctp.tag[direction]);
            case cookie_ack:
                sctp.init[0] = sctp.init[1] = false;
                return Tag::right;
            case heartbeat:
                return check_heartbeat(false);
            case heartbeat_ack:
                return check_heartbeat(true);
            default:
                return Tag::right;
        }
    }
    [[nodiscard]] bool take_init(const Chunk& chunk, SctpState before) noexcept {
        const auto theirs = init_tag(chunk);
        if (!theirs) return false;
        // One that was late or sent again with the tag that is known opens nothing.
        if (!confirmed || sctp.tag[!direction] != *theirs) {
            if (sctp.init[direction] && sctp.init[!direction]) sctp.init[!direction] = false;
            sctp.init[direction] = true;
            sctp.tag[!direction] = *theirs;
        }
        // Repeated INITs would keep an entry alive for ever.
        if (next == CL && before == CL && confirmed) ignore = true;
        return true;
    }
    [[nodiscard]] bool take_init_ack(const Chunk& chunk) noexcept {
        const auto theirs = init_tag(chunk);
        if (!theirs) return false;
        const std::uint32_t known = sctp.tag[!direction];
        if (!sctp.init[!direction] && known != 0 && known != *theirs) return false;
        if (sctp.init[0] && sctp.init[1] && known != *theirs) return false;  // both began
        sctp.tag[!direction] = *theirs;
        return true;
    }
    [[nodiscard]] bool follow() noexcept {
        return for_each_chunk(l4, [&](const Chunk& chunk, unsigned) {
            const Tag checked = check_tag(chunk);
            if (checked == Tag::wrong) return false;
            if (checked == Tag::other_path) return true;
            const SctpState before = sctp.state();
            next = sctp_transition(direction, chunk.type, before);
            if (next == IV) return false;
            if (chunk.type == sctp_chunk::init && !take_init(chunk, before)) return false;
            if (chunk.type == sctp_chunk::init_ack && !take_init_ack(chunk)) return false;
            sctp.set(next);
            assures |= before != next && next == ES;
            return true;
        });
    }
};

}  // namespace

SctpState sctp_transition(unsigned direction, std::uint8_t chunk, SctpState state) noexcept {
    const auto found = std::find(row_of.begin(), row_of.end(), chunk);
    if (found == row_of.end()) return state;
    return transitions[direction][static_cast<std::size_t>(found - row_of.begin())]
                      [static_cast<std::size_t>(state)];
}

L4Verdict track_sctp(FlowState& state, unsigned direction, const L4View& l4, const FlowConfig& config,
                     FlowTime now) noexcept {
    if (std::min(l4.head, l4.length) < header_size) return L4Verdict::invalid;
    const bool confirmed = state.has(FlowStatus::confirmed);
    Step step{state.sctp, direction, l4, read_tag(l4.data + 4), confirmed};
    if (!step.read_chunks() || (!confirmed && !step.begin()) || !step.has_right_tag())
        return L4Verdict::invalid;
    const bool good = step.follow();
    if (step.assures && !state.has(FlowStatus::assured)) state.set(FlowStatus::assured);
    if (!good) return L4Verdict::invalid;
    if (!step.ignore) refresh(state, config.sctp_timeout[static_cast<std::size_t>(step.next)], now);
    return L4Verdict::accept;
}

}  // namespace weft
