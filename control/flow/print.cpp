#include "control/flow/print.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <array>
#include <ctime>
#include <iterator>
#include <string_view>

namespace weft::conntrack {

namespace {

using std::string_view;

template <class... Arguments>
void append(std::string& out, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out), text, std::forward<Arguments>(arguments)...);
}

void append_tuple(std::string& out, const Entry& entry, const Tuple& tuple) {
    append(out, "src={} dst={} ", address_text(entry.v6, tuple.source),
           address_text(entry.v6, tuple.destination));
    switch (entry.protocol) {
        case IPPROTO_TCP:
        case IPPROTO_UDP:
        case IPPROTO_UDPLITE:
        case IPPROTO_SCTP:
        case IPPROTO_DCCP:
            append(out, "sport={} dport={} ", tuple.source_port, tuple.destination_port);
            break;
        case IPPROTO_GRE:
            append(out, "srckey={:#x} dstkey={:#x} ", tuple.source_port, tuple.destination_port);
            break;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            append(out, "type={} code={} id={} ", tuple.icmp_type, tuple.icmp_code, tuple.icmp_id);
            break;
        default:
            break;
    }
    if (tuple.zone != 0) append(out, "zone-{}={} ", &tuple == &entry.original ? "orig" : "reply", tuple.zone);
}

void append_count(std::string& out, const std::optional<Count>& count) {
    if (count) append(out, "packets={} bytes={} ", count->packets, count->bytes);
}

/// As asctime(3) has it, without the line end.
std::string time_text(std::int64_t seconds) {
    const std::time_t at = seconds;
    std::tm local{};
    localtime_r(&at, &local);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &local);
    return text.data();
}

/// What of an entry is told.
struct Told {
    bool timeout = true, counts = true, mark = true, use = true;
};

std::string line_of(const Entry& entry, const Style& style, const Told& told) {
    std::string out;
    if (style.extended) append(out, "{:<8} {} ", entry.v6 ? "ipv6" : "ipv4", entry.v6 ? AF_INET6 : AF_INET);
    append(out, "{:<8} {} ", protocol_name(entry.protocol), entry.protocol);
    if (told.timeout) append(out, "{} ", entry.timeout);
    if (entry.protocol == IPPROTO_TCP) append(out, "{} ", tcp_state_name(entry.tcp_state));
    if (entry.protocol == IPPROTO_SCTP)
        append(out, "{} ", sctp_state_names[static_cast<std::size_t>(entry.sctp_state)]);
    append_tuple(out, entry, entry.original);
    if (told.counts) append_count(out, entry.original_count);
    if (!entry.seen_reply) out += "[UNREPLIED] ";
    append_tuple(out, entry, entry.reply);
    if (told.counts) append_count(out, entry.reply_count);
    if (entry.assured) out += "[ASSURED] ";
    if (told.mark) append(out, "mark={} ", entry.mark);
    if (entry.zone != 0) append(out, "zone={} ", entry.zone);
    if (told.counts && entry.delta_seconds) append(out, "delta-time={} ", *entry.delta_seconds);
    if (style.times && told.counts) {
        if (entry.start) append(out, "[start={}] ", time_text(*entry.start));
        if (entry.stop) append(out, "[stop={}] ", time_text(*entry.stop));
    }
    if (!entry.helper.empty()) append(out, "helper={} ", entry.helper);
    if (told.use) append(out, "use={} ", entry.use);
    if (style.id) append(out, "id={} ", entry.id);
    out.pop_back();
    return out;
}

}  // namespace

string_view protocol_name(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "tcp";
        case IPPROTO_UDP:
            return "udp";
        case IPPROTO_UDPLITE:
            return "udplite";
        case IPPROTO_ICMP:
            return "icmp";
        case IPPROTO_ICMPV6:
            return "icmpv6";
        case IPPROTO_SCTP:
            return "sctp";
        case IPPROTO_DCCP:
            return "dccp";
        case IPPROTO_GRE:
            return "gre";
        default:
            return "unknown";
    }
}

string_view tcp_state_name(TcpState state) {
    return tcp_state_names[static_cast<std::size_t>(state)];
}

std::string address_text(bool v6, const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
    return text.data();
}

std::string print(const Entry& entry, const Style& style) {
    return line_of(entry, style, {});
}

std::string print(Event event, const Entry& entry, const Style& style, bool mark_changed) {
    static constexpr std::array<string_view, 3> names{"[NEW]", "[UPDATE]", "[DESTROY]"};
    const bool ends = event == Event::destroyed;
    const Told told{.timeout = !ends || entry.timeout != 0,
                    .counts = ends,
                    .mark = entry.mark != 0 || mark_changed,
                    .use = false};
    return fmt::format("{:>9} {}", names[static_cast<std::size_t>(event)], line_of(entry, style, told));
}

}  // namespace weft::conntrack
