#include "dataplane/flow/icmp.hpp"

namespace weft {

namespace {

bool has_header(const L4View& l4) noexcept {
    return std::min(l4.head, l4.length) >= icmp_header_size;
}

}  // namespace

IcmpClass classify_icmp(const L4View& l4) noexcept {
    constexpr unsigned unreachable = 3, source_quench = 4, redirect = 5, time_exceeded = 11,
                       parameter_problem = 12, greatest = 18;
    if (!has_header(l4)) return IcmpClass::invalid;
    switch (const auto type = static_cast<unsigned>(l4.data[0])) {
        case unreachable:
        case source_quench:
        case redirect:
        case time_exceeded:
        case parameter_problem:
            return IcmpClass::error;
        default:
            return type > greatest ? IcmpClass::invalid : IcmpClass::query;  // RFC 1122 3.2.2
    }
}

IcmpClass classify_icmpv6(const L4View& l4) noexcept {
    constexpr unsigned listener_query = 130, neighbour_advertisement = 136, listener_report_2 = 143,
                       least_informational = 128;
    if (!has_header(l4)) return IcmpClass::invalid;
    const auto type = static_cast<unsigned>(l4.data[0]);
    if ((type >= listener_query && type <= neighbour_advertisement) || type == listener_report_2)
        return IcmpClass::untracked;
    return type < least_informational ? IcmpClass::error : IcmpClass::query;
}

}  // namespace weft
