// net/netfilter/xt_recent.c, recent_mt
#include "dataplane/hook/recent.hpp"

#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

struct RecentTest {
    RecentMatch match;
    std::shared_ptr<RecentTable> table;
};

Matched match_recent(const RecentTest& test, Look& look) noexcept {
    const View& packet = look.packet;
    look.rests.on(Rest::recent);
    const bool forwarded = packet.oif != no_interface && !packet.local;
    const auto ttl = static_cast<std::uint8_t>(packet.ttl + forwarded);  // as it was before
    const auto& address = test.match.destination ? packet.destination : packet.source;
    if (look.peeks) return matched_if(test.table->would_match(test.match, address, ttl, look.now_us));
    return matched_if(test.table->ask(test.match, address, ttl, look.now_us));
}

}  // namespace

SharedCheck recent_check(const RecentMatch& match, std::shared_ptr<RecentTable> table) {
    return check_of<match_recent>(RecentTest{match, std::move(table)});
}

}  // namespace weft::hook
