#include "control/publish/flow/masquerade.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace weft {

namespace {

struct Gone {
    bool v6;
    IpAddress address;
};

std::vector<Gone> parsed(const std::vector<std::string>& addresses) {
    std::vector<Gone> all;
    for (const std::string& text : addresses) {
        const std::string address = text.substr(0, text.find('/'));
        Gone gone{address.find(':') != std::string::npos, {}};
        if (inet_pton(gone.v6 ? AF_INET6 : AF_INET, address.c_str(), gone.address.bytes.data()) == 1)
            all.push_back(gone);
    }
    return all;
}

/// Or came in by it, to the outside port of an endpoint independent source.
bool left_by(const FlowView& flow, const Gone& gone) noexcept {
    if (((flow.kind.flags & FlowKind::ipv6) != 0) != gone.v6) return false;
    const auto goes_to = [&](unsigned direction) {
        return gone.v6 ? flow.tuple6[direction].destination == gone.address.bytes
                       : flow.tuple4[direction].destination == to_be32(gone.address);
    };
    return goes_to(1) || (flow.status & FlowStatus::inward && goes_to(0));
}

}  // namespace

std::size_t end_masqueraded(FlowTracker& tracker, const std::vector<std::string>& addresses, FlowTime now) {
    const auto all = parsed(addresses);
    if (all.empty()) return 0;
    std::size_t ended = 0;
    static_cast<void>(tracker.walk(0, ~0u, now, [&](const FlowView& flow) {
        if (!(flow.status & FlowStatus::masqueraded)) return;
        if (std::any_of(all.begin(), all.end(), [&](const Gone& gone) { return left_by(flow, gone); }))
            ended += tracker.remove(flow);
    }));
    return ended;
}

std::vector<std::string> KnownAddresses::replace(std::set<Address> now) {
    std::vector<std::string> gone;
    for (const auto& known : known_)
        if (!now.contains(known)) gone.push_back(known.second);
    known_ = std::move(now);
    return gone;
}

}  // namespace weft
