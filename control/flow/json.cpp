#include "control/flow/json.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <iterator>

#include "control/flow/print.hpp"

namespace weft::conntrack {

namespace {

template <class... Arguments>
void put(std::string& out, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out), text, std::forward<Arguments>(arguments)...);
}

void put_layer4(std::string& out, std::uint8_t protocol, const Tuple& tuple) {
    put(out, R"("layer4":{{"protonum":{},"protoname":"{}")", protocol, protocol_name(protocol));
    switch (protocol) {
        case IPPROTO_TCP:
        case IPPROTO_UDP:
        case IPPROTO_UDPLITE:
        case IPPROTO_SCTP:
        case IPPROTO_DCCP:
            put(out, R"(,"sport":{},"dport":{})", tuple.source_port, tuple.destination_port);
            break;
        case IPPROTO_GRE:
            put(out, R"(,"srckey":{},"dstkey":{})", tuple.source_port, tuple.destination_port);
            break;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            put(out, R"(,"type":{},"code":{},"id":{})", tuple.icmp_type, tuple.icmp_code, tuple.icmp_id);
            break;
        default:
            break;
    }
    out += '}';
}

void put_direction(std::string& out, const Entry& entry, const Tuple& tuple,
                   const std::optional<Count>& count) {
    put(out, R"({{"layer3":{{"protonum":{},"protoname":"{}","src":"{}","dst":"{}"}},)",
        entry.v6 ? AF_INET6 : AF_INET, entry.v6 ? "ipv6" : "ipv4", address_text(entry.v6, tuple.source),
        address_text(entry.v6, tuple.destination));
    put_layer4(out, entry.protocol, tuple);
    if (tuple.zone != 0) put(out, R"(,"zone":{})", tuple.zone);
    if (count) put(out, R"(,"counters":{{"packets":{},"bytes":{}}})", count->packets, count->bytes);
    out += '}';
}

}  // namespace

void append_json(std::string& out, const Entry& entry) {
    out += R"({"original":)";
    put_direction(out, entry, entry.original, entry.original_count);
    out += R"(,"reply":)";
    put_direction(out, entry, entry.reply, entry.reply_count);
    out += R"(,"independent":{)";
    if (entry.protocol == IPPROTO_TCP) put(out, R"("state":"{}",)", tcp_state_name(entry.tcp_state));
    if (entry.protocol == IPPROTO_SCTP)
        put(out, R"("state":"{}",)", sctp_state_names[static_cast<std::size_t>(entry.sctp_state)]);
    put(out, R"("timeout":{},"mark":{},)", entry.timeout, entry.mark);
    if (entry.zone != 0) put(out, R"("zone":{},)", entry.zone);
    if (entry.start) put(out, R"("start":{},)", *entry.start);
    if (entry.stop) put(out, R"("stop":{},)", *entry.stop);
    if (entry.delta_seconds) put(out, R"("deltatime":{},)", *entry.delta_seconds);
    put(out, R"("use":{},"id":{})", entry.use, entry.id);
    if (entry.assured) out += R"(,"assured":true)";
    if (!entry.seen_reply) out += R"(,"unreplied":true)";
    out += "}}";
}

}  // namespace weft::conntrack
