#include "dataplane/flow/expect.hpp"

#include <utility>

namespace weft {

namespace {

bool same_under(const IpAddress& a, const IpAddress& b, const IpAddress& mask) noexcept {
    std::uint8_t differs = 0;
    for (std::size_t i = 0; i < mask.bytes.size(); ++i)
        differs |= static_cast<std::uint8_t>((a.bytes[i] ^ b.bytes[i]) & mask.bytes[i]);
    return differs == 0;
}
bool same_under(be16 a, be16 b, be16 mask) noexcept {
    return ((a.raw() ^ b.raw()) & mask.raw()) == 0;
}
IpAddress both(const IpAddress& a, const IpAddress& b) noexcept {
    IpAddress mask;
    for (std::size_t i = 0; i < mask.bytes.size(); ++i)
        mask.bytes[i] = a.bytes[i] & b.bytes[i];
    return mask;
}
bool same_destination(const Expectation& a, const Expectation& b) noexcept {
    return a.destination == b.destination && a.destination_port == b.destination_port &&
           a.protocol == b.protocol && a.v6 == b.v6 && a.zone == b.zone;
}
/// expect_clash: some packet would fit both.
bool clashes(const Expectation& a, const Expectation& b) noexcept {
    return same_destination(a, b) && same_under(a.source, b.source, both(a.source_mask, b.source_mask)) &&
           same_under(a.source_port, b.source_port,
                      be16::from_raw(a.source_port_mask.raw() & b.source_port_mask.raw()));
}
/// expect_matches, master_matches.
bool equals(const Expectation& a, const Expectation& b) noexcept {
    return a.master == b.master && a.master_version == b.master_version && same_destination(a, b) &&
           a.source == b.source && a.source_port == b.source_port && a.source_mask == b.source_mask &&
           a.source_port_mask == b.source_port_mask;
}

}  // namespace

ExpectationTable::ExpectationTable(std::uint64_t secret_lo, std::uint64_t secret_hi)
    : hash_(secret_lo, secret_hi),
      memory_(std::size_t{capacity} * sizeof(Slot)),
      heads_(buckets * sizeof(std::uint32_t)) {}

std::uint32_t& ExpectationTable::bucket_of(const IpAddress& destination, be16 port,
                                           std::uint8_t protocol) noexcept {
    Tuple6 tuple{};
    tuple.destination = destination.bytes;
    tuple.destination_port = port;
    return heads_.as<std::uint32_t>()[hash_(tuple, protocol) % buckets];
}

std::uint32_t ExpectationTable::search(const Wanted& wanted, FlowTime now) noexcept {
    const bool v6 = wanted.kind.flags & FlowKind::ipv6;
    std::uint32_t at = bucket_of(wanted.destination, wanted.destination_port, wanted.kind.protocol);
    for (; at; at = slots()[at].next) {
        const Expectation& what = slots()[at].what;
        if (what.flags & Expectation::inactive || milliseconds_until(what.deadline, now) <= 0) continue;
        if (what.destination == wanted.destination && what.destination_port == wanted.destination_port &&
            what.protocol == wanted.kind.protocol && what.v6 == v6 && what.zone == wanted.kind.zone &&
            same_under(what.source, wanted.source, what.source_mask) &&
            same_under(what.source_port, wanted.source_port, what.source_port_mask))
            return at;
    }
    return 0;
}

Expected ExpectationTable::add(Expectation what, ExpectationList& list, std::uint32_t most,
                               FlowTime now) noexcept {
    const std::lock_guard lock(mutex_);
    std::uint32_t& head = bucket_of(what.destination, what.destination_port, what.protocol);
    for (std::uint32_t at = head, next; at; at = next) {
        next = slots()[at].next;
        if (milliseconds_until(slots()[at].what.deadline, now) <= 0 || equals(slots()[at].what, what))
            unlink(at);
        else if (clashes(slots()[at].what, what))
            return Expected::busy;
    }
    if (list.count >= HelperPolicy::most_expected) {
        std::uint32_t oldest = list.first;
        while (slots()[oldest].next_of_master)
            oldest = slots()[oldest].next_of_master;
        unlink(oldest);
    }
    std::uint32_t& of_helper = of_helper_[static_cast<std::size_t>(what.helper)];
    if (of_helper >= std::min(most, most_of_helper)) return Expected::full;
    const std::uint32_t slot = free_ ? free_ : end_++;
    if (free_) free_ = slots()[slot].next;
    what.deadline = now + span_of(HelperPolicy::seconds);
    what.number = ++numbers_;
    slots()[slot] = {what, &list, head, list.first};
    head = list.first = slot;
    ++list.count;
    ++of_helper;
    count_.store(count() + 1, std::memory_order_relaxed);
    tell(true, what);
    return Expected::added;
}

void ExpectationTable::unlink(std::uint32_t slot) noexcept {
    Slot& gone = slots()[slot];
    const auto take_out = [&](std::uint32_t* link, std::uint32_t Slot::*next) {
        while (*link != slot)
            link = &(slots()[*link].*next);
        *link = gone.*next;
    };
    take_out(&bucket_of(gone.what.destination, gone.what.destination_port, gone.what.protocol), &Slot::next);
    take_out(&gone.list->first, &Slot::next_of_master);
    --gone.list->count;
    gone.list = nullptr;
    gone.next = std::exchange(free_, slot);
    --of_helper_[static_cast<std::size_t>(gone.what.helper)];
    count_.store(count() - 1, std::memory_order_relaxed);
    tell(false, gone.what);
}

void ExpectationTable::remove_of(ExpectationList& list) noexcept {
    const std::lock_guard lock(mutex_);
    while (list.first)
        unlink(list.first);
}

void ExpectationTable::age(FlowTime now) noexcept {
    if (!any()) return;
    FlowTime last = aged_.load(std::memory_order_relaxed);
    if (milliseconds_until(now, last) < 1000) return;  // a worker whose clock is behind has nothing to do
    if (!aged_.compare_exchange_strong(last, now, std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    for (std::uint32_t slot = 1; slot < end_; ++slot)
        if (slots()[slot].list && milliseconds_until(slots()[slot].what.deadline, now) <= 0) unlink(slot);
}

std::vector<Expectation> ExpectationTable::all(FlowTime now) {
    std::vector<Expectation> found;
    const std::lock_guard lock(mutex_);
    for (std::uint32_t slot = 1; slot < end_; ++slot)
        if (slots()[slot].list && milliseconds_until(slots()[slot].what.deadline, now) > 0)
            found.push_back(slots()[slot].what);
    return found;
}

bool ExpectationTable::remove(std::uint32_t number) {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t slot = 1; slot < end_; ++slot)
        if (slots()[slot].list && slots()[slot].what.number == number) {
            unlink(slot);
            return true;
        }
    return false;
}

void ExpectationTable::flush() {
    std::uint32_t last = 0;
    {
        const std::lock_guard lock(mutex_);
        last = numbers_;
    }
    for (std::uint32_t slot = 1, stop = 2; slot < stop;) {
        const std::lock_guard lock(mutex_);
        stop = end_;
        for (std::uint32_t n = 0; n < flushed_at_once && slot < stop; ++n, ++slot)
            if (slots()[slot].list && static_cast<std::int32_t>(slots()[slot].what.number - last) <= 0)
                unlink(slot);
    }
}

void ExpectationTable::listen(bool on) {
    const std::lock_guard lock(mutex_);
    lost_.store(0, std::memory_order_relaxed);
    events_.clear();
    if (on) events_.reserve(most_events);
    listens_.store(on, std::memory_order_relaxed);
}

std::vector<ExpectationEvent> ExpectationTable::take_events() {
    std::vector<ExpectationEvent> taken;
    taken.reserve(most_events);
    const std::lock_guard lock(mutex_);
    taken.swap(events_);
    return taken;
}

/// Who does not keep up loses events; no memory is asked for here.
void ExpectationTable::tell(bool created, const Expectation& what) noexcept {
    if (!(what.told & (created ? ToldEvents::expectation_created : ToldEvents::expectation_gone))) return;
    if (!listens_.load(std::memory_order_relaxed)) return;
    if (events_.size() < events_.capacity())
        events_.push_back({created, what});
    else
        lost_.store(lost() + 1, std::memory_order_relaxed);
}

}  // namespace weft
