#include <linux/if_packet.h>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

constexpr std::array<Option, 1> pkttype_options{
    {{.name = "pkt-type", .argument = Argument::text, .invertible = true, .mandatory = true}}};

struct PacketType {
    std::string_view name;
    std::uint8_t type;
};
/// The first of a number names it.
constexpr std::array<PacketType, 7> packet_types{{{"unicast", PACKET_HOST},
                                                  {"broadcast", PACKET_BROADCAST},
                                                  {"multicast", PACKET_MULTICAST},
                                                  {"otherhost", PACKET_OTHERHOST},
                                                  {"bcast", PACKET_BROADCAST},
                                                  {"mcast", PACKET_MULTICAST},
                                                  {"host", PACKET_HOST}}};

void take_pkttype(PkttypeMatch& pkttype, OptionCall& call) {
    for (const auto& known : packet_types)
        if (known.name.size() == call.text.size() && begins(known.name, call.text)) {
            pkttype = {known.type, call.inverted};
            return;
        }
    refuse_parameter("Bad packet type '{}'", call.text);
}

std::string_view packet_type_name(std::uint8_t type) {
    return std::find_if(packet_types.begin(), packet_types.end(),
                        [&](const PacketType& known) { return known.type == type; })
        ->name;
}

void save_pkttype(std::string& out, const PkttypeMatch& pkttype, const Frame&) {
    append(out, "{} --pkt-type {}", bang(pkttype.inverted), packet_type_name(pkttype.type));
}
void list_pkttype(std::string& out, const PkttypeMatch& pkttype, const Frame&) {
    append(out, " PKTTYPE {}= {}", pkttype.inverted ? "!" : "", packet_type_name(pkttype.type));
}

}  // namespace

const MatchKind& pkttype_match() {
    static const auto kind =
        make_kind<PkttypeMatch, Match, take_pkttype, save_pkttype, list_pkttype>("pkttype", pkttype_options);
    return kind;
}

}  // namespace weft::hook
