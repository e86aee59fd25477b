// What helpers expect, as control asks for it.
#include <algorithm>
#include <utility>

#include "control/publish/flow/connections.hpp"

namespace weft {

namespace {

/// With `seconds` left.
conntrack::Expectation shown_of(const Expectation& from, std::uint32_t seconds) {
    conntrack::Expectation to;
    to.v6 = from.v6;
    to.protocol = from.protocol;
    to.timeout = seconds;
    to.expected.source = from.source;
    to.expected.destination = from.destination;
    to.expected.source_port = from.source_port.host();
    to.expected.destination_port = from.destination_port.host();
    to.mask.source = from.source_mask;
    to.mask.source_port = from.source_port_mask.host();
    to.mask.destination.bytes.fill(0xff);
    to.mask.destination_port = 0xffff;
    to.master.source = from.master_tuple.source;
    to.master.destination = from.master_tuple.destination;
    to.master.source_port = from.master_tuple.source_port.host();
    to.master.destination_port = from.master_tuple.destination_port.host();
    to.permanent = from.flags & Expectation::permanent;
    to.inactive = from.flags & Expectation::inactive;
    to.helper = flow_helper_names[static_cast<std::size_t>(from.helper)];
    to.zone = from.zone;
    to.key = from.number;
    return to;
}

std::uint32_t seconds_left(const Expectation& what, FlowTime now) {
    return static_cast<std::uint32_t>(std::max(0, milliseconds_until(what.deadline, now))) / 1000;
}

}  // namespace

/// Those whose master is still there.
std::vector<conntrack::Expectation> TrackedConnections::expectations() {
    std::vector<conntrack::Expectation> all;
    auto* tracker = tracker_();
    if (tracker == nullptr) return all;
    const FlowTime now = now_();
    for (const Expectation& from : tracker->expectations().all(now)) {
        const auto master = tracker->view(FlowTable::index(from.master), now);
        if (!master || master->version != from.master_version) continue;
        all.push_back(shown_of(from, seconds_left(from, now)));
    }
    return all;
}

void TrackedConnections::forget_expectations() {
    if (auto* tracker = tracker_()) tracker->expectations().flush();
}

bool TrackedConnections::forget(const conntrack::Expectation& seen) {
    auto* tracker = tracker_();
    return tracker != nullptr && tracker->expectations().remove(static_cast<std::uint32_t>(seen.key));
}

void TrackedConnections::want_expectation_events(bool wanted) {
    wanted_expectations_ = wanted;
    auto* tracker = tracker_();
    if (tracker == nullptr) return;
    if (wanted != (expecting_ == tracker)) tracker->expectations().listen(wanted);
    lost_expectations_ = tracker->expectations().lost();
    expecting_ = wanted ? tracker : nullptr;
}

std::uint64_t TrackedConnections::take_expectation_events(
    const std::function<void(conntrack::Event, const conntrack::Expectation&)>& tell) {
    auto* tracker = tracker_();
    if (tracker == nullptr) return 0;
    if (wanted_expectations_ && expecting_ != tracker) {  // rules ask for connections only now
        expecting_ = nullptr;
        want_expectation_events(true);
    }
    const FlowTime now = now_();
    for (const ExpectationEvent& one : tracker->expectations().take_events())
        tell(one.created ? conntrack::Event::created : conntrack::Event::destroyed,
             shown_of(one.what, one.created ? HelperPolicy::seconds : seconds_left(one.what, now)));
    const auto lost = tracker->expectations().lost();
    return lost - std::exchange(lost_expectations_, lost);
}

}  // namespace weft
