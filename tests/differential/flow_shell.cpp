// The tracker behind a line protocol, for the comparison with the kernel's conntrack (conntrack.py).
//
//   stdin:  a packet in hexadecimal from its IP header on, or `flush`
//   stdout: what it is to conntrack, then the connection that there is: source port of the original
//   direction,
//           TCP or SCTP state, status, seconds left, TcpSideFlags and scales of both sides; `-` if there is
//           none
#include <fmt/core.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "dataplane/flow/tracker.hpp"
#include "weft/clock.hpp"

namespace {

using namespace weft;

const char* name_of(const Tracked& t) {
    if (t.kind == Tracked::invalid) return "INVALID";
    if (t.kind == Tracked::untracked) return "UNTRACKED";
    switch (t.info) {
        case CtInfo::fresh:
            return "NEW";
        case CtInfo::related:
        case CtInfo::related_reply:
            return "RELATED";
        default:
            return "ESTABLISHED";
    }
}

std::vector<std::byte> bytes_of(const std::string& line) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < line.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoul(line.substr(i, 2), nullptr, 16)));
    return bytes;
}

}  // namespace

int main() {
    FlowTracker tracker(1000, 1, 0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210);
    const FlowConfig config;
    for (std::string line; std::getline(std::cin, line);) {
        const FlowMoment moment{config, 0, static_cast<FlowTime>(coarse_microseconds() / 1000), 0};
        tracker.age(moment, 64);
        if (line == "flush") {
            tracker.flush();
            continue;
        }
        const auto bytes = bytes_of(line);
        const auto size = static_cast<std::uint32_t>(bytes.size());
        const Tracked t = tracker.in({bytes.data(), size, size}, 0, 0, moment);
        if (t.kind == Tracked::tracked && t.fresh && tracker.confirm(t.ref, moment) != Confirmed::done)
            tracker.discard(t.ref, moment);
        std::string connection = "-";
        for (std::uint32_t cursor = 0;;) {
            cursor = tracker.walk(cursor, 4096, moment.now, [&](const FlowView& view) {
                const FlowState& state = tracker.state_of(view.ref);
                const bool tcp = view.kind.protocol == ip_protocol::tcp;
                const bool sctp = view.kind.protocol == ip_protocol::sctp;
                connection = fmt::format(
                    "{} {} {} {} {} {} {} {}", view.tuple4[0].source_port.host(),
                    sctp ? static_cast<unsigned>(view.sctp_state) : static_cast<unsigned>(view.tcp_state),
                    view.status, view.seconds_left, tcp ? state.tcp_flags[0] : 0,
                    tcp ? state.tcp_flags[1] : 0, tcp ? state.tcp.scale(0) : 0, tcp ? state.tcp.scale(1) : 0);
            });
            if (!cursor) break;
        }
        fmt::print("{} {}\n", name_of(t), connection);
        std::fflush(stdout);
    }
    return 0;
}
