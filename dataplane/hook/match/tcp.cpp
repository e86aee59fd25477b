// net/netfilter/xt_tcpudp.c, tcp_mt
#include <array>
#include <cstring>

#include "dataplane/hook/match/ports.hpp"
#include "dataplane/hook/matches.hpp"
#include "weft/net/ip.hpp"

namespace weft::hook {

namespace {

/// tcp_find_option: the option's kind; no-operation and end-of-list take one byte, all others say how many.
bool has_option(const std::uint8_t* option, std::uint32_t length, std::uint8_t kind) noexcept {
    for (std::uint32_t i = 0; i < length;) {
        if (option[i] == kind) return true;
        if (option[i] < 2 || i + 1 == length || option[i + 1] == 0)
            ++i;
        else
            i += option[i + 1];
    }
    return false;
}

Matched match_option(const TcpMatch& tcp, Look& look, const TcpHeader& header) noexcept {
    look.rests.on(Rest::tcp_option);
    const std::uint32_t size = (header.data_offset >> 4) * 4u;
    if (size < sizeof header || size > look.packet.layer4_length) return Matched::drop;
    const bool found =
        has_option(look.packet.layer4_header + sizeof header, size - sizeof header, tcp.option);
    return matched_if(found != tcp.option_inverted);
}

Matched match_tcp(const TcpMatch& tcp, Look& look) noexcept {
    const View& packet = look.packet;
    if (packet.layer4 != Layer4::whole) return packet.layer4 == Layer4::odd ? Matched::drop : Matched::no;
    if (!port_matches(tcp.source, tcp.source_inverted, packet.source_port) ||
        !port_matches(tcp.destination, tcp.destination_inverted, packet.destination_port))
        return Matched::no;
    TcpHeader header;
    std::memcpy(&header, packet.layer4_header, sizeof header);
    if (tcp.flag_mask != 0 || tcp.flags_inverted) {
        look.rests.on_tcp_flags(header.flags, tcp.flag_mask);
        if (((header.flags & tcp.flag_mask) == tcp.flag_value) == tcp.flags_inverted) return Matched::no;
    }
    return tcp.option == 0 ? Matched::yes : match_option(tcp, look, header);
}

}  // namespace

SharedCheck tcp_check(const TcpMatch& match) {
    return check_of<match_tcp>(match);
}

}  // namespace weft::hook
