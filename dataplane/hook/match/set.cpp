// net/netfilter/xt_set.c, set_match_v4
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

struct SetTest {
    SetMatch match;
    std::shared_ptr<const AddressSet> set;
};

Matched match_set(const SetTest& test, Look& look) noexcept {
    const auto& match = test.match;
    look.rests.on(test.set->counts() ? std::uint32_t{Rest::sets | Rest::set_counter} : Rest::sets);
    if (!test.set->of_family(look.packet.family)) return matched_if(match.inverted);
    const SetQuery query{.address = match.source.front() ? look.packet.source : look.packet.destination,
                         .bytes = look.packet.length,
                         .count = !match.keep_counters && !look.peeks,
                         .return_nomatch = match.return_nomatch,
                         .packet_count = match.packets,
                         .byte_count = match.bytes,
                         .now_us = look.now_us};
    return matched_if(test.set->holds(query) != match.inverted);
}

}  // namespace

SharedCheck set_check(const SetMatch& match, std::shared_ptr<const AddressSet> set) {
    return check_of<match_set>(SetTest{match, std::move(set)});
}

}  // namespace weft::hook
