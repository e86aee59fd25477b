// Any datagram of rtnetlink through everything that the mirror of routes reads from it.
//
// Input: netlink messages as they come from the socket.
#include "control/kernel/route_message.hpp"
#include "tests/fuzz/input.hpp"

namespace weft::fuzz {
namespace {

void check(const KernelRoute& route) {
    require(route.length <= (route.v6 ? 128 : 32), "a prefix of the family");
    for (const auto& via : route.vias)
        require(via.weight >= 1 && via.weight <= 256, "a weight as the kernel has it");
}

void run(Bytes datagram) {
    KernelRoute route;
    while (const auto message = next_message(datagram)) {
        if (parse_route(message->body, route)) check(route);
        if (parse_route_answer(message->body, route)) check(route);
        static_cast<void>(parse_neighbour(message->body));
        if (const auto hop = parse_nexthop(message->body))
            for (const auto& member : hop->group)
                require(member.weight != 0, "a member's weight");
        if (const auto rule = parse_rule(message->body))
            require(rule->from_length <= (rule->v6 ? 128 : 32) && rule->to_length <= (rule->v6 ? 128 : 32),
                    "a rule's prefixes");
        static_cast<void>(parse_link_facts(message->body));
        static_cast<void>(parse_netconf(message->body));
        if (const auto address = parse_address_facts(message->body))
            require(address->length <= (address->v6 ? 128 : 32), "an address's prefix");
    }
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weft::fuzz::run({reinterpret_cast<const std::byte*>(data), size});
    return 0;
}
