// Connections as text. The lines are those that conntrack 1.4.7 printed of connections on Linux 6.18, made by
// `conntrack -I`, ping and a datagram, with accounting and time stamps where they are shown.
#include "control/flow/print.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace weft::conntrack {
namespace {

IpAddress address(const char* text) {
    IpAddress made;
    if (inet_pton(AF_INET, text, made.bytes.data()) != 1) inet_pton(AF_INET6, text, made.bytes.data());
    return made;
}

Entry between(const char* source, const char* destination, std::uint8_t protocol) {
    Entry entry;
    entry.v6 = std::string_view(source).find(':') != std::string_view::npos;
    entry.protocol = protocol;
    entry.timeout = 29;
    entry.original.source = entry.reply.destination = address(source);
    entry.original.destination = entry.reply.source = address(destination);
    return entry;
}

Entry with_ports(Entry entry, std::uint16_t source, std::uint16_t destination) {
    entry.original.source_port = entry.reply.destination_port = source;
    entry.original.destination_port = entry.reply.source_port = destination;
    return entry;
}

Entry echo(Entry entry, std::uint8_t request, std::uint8_t reply, std::uint16_t id) {
    entry.original.icmp_type = request;
    entry.reply.icmp_type = reply;
    entry.original.icmp_id = entry.reply.icmp_id = id;
    return entry;
}

Entry tcp() {
    auto entry = with_ports(between("10.0.0.1", "10.0.0.2", IPPROTO_TCP), 40000, 80);
    entry.timeout = 399;
    entry.tcp_state = TcpState::established;
    entry.mark = 5;
    return entry;
}

/// As conntrack 1.4.7 printed those that SCTP and GRE packets began on Linux 6.18.
TEST(FlowPrint, SctpAndGre) {
    auto sctp = with_ports(between("10.1.0.2", "10.2.0.2", IPPROTO_SCTP), 5000, 3868);
    sctp.timeout = 2;
    sctp.sctp_state = SctpState::cookie_wait;
    sctp.seen_reply = true;
    EXPECT_EQ(print(sctp),
              "sctp     132 2 COOKIE_WAIT src=10.1.0.2 dst=10.2.0.2 sport=5000 dport=3868 src=10.2.0.2 "
              "dst=10.1.0.2 sport=3868 dport=5000 mark=0 use=1");
    EXPECT_EQ(print(with_ports(between("10.1.0.2", "10.2.0.2", IPPROTO_GRE), 0, 0x1234)),
              "gre      47 29 src=10.1.0.2 dst=10.2.0.2 srckey=0x0 dstkey=0x1234 [UNREPLIED] src=10.2.0.2 "
              "dst=10.1.0.2 srckey=0x1234 dstkey=0x0 mark=0 use=1");
}

TEST(FlowPrint, EachProtocol) {
    EXPECT_EQ(
        print(tcp()),
        "tcp      6 399 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 [UNREPLIED] src=10.0.0.2 "
        "dst=10.0.0.1 sport=80 dport=40000 mark=5 use=1");
    auto udp = with_ports(between("10.0.0.1", "10.0.0.2", IPPROTO_UDP), 40001, 53);
    udp.seen_reply = udp.assured = true;
    EXPECT_EQ(
        print(udp),
        "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=40001 dport=53 src=10.0.0.2 dst=10.0.0.1 sport=53 "
        "dport=40001 [ASSURED] mark=0 use=1");
    udp = with_ports(between("10.0.0.1", "10.0.0.2", IPPROTO_UDP), 40000, 53);
    udp.zone = 7;
    EXPECT_EQ(
        print(udp),
        "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=53 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 "
        "sport=53 dport=40000 mark=0 zone=7 use=1");
    udp.zone = 0;
    udp.original.zone = 5;  // seen of conntrack 1.4.7
    udp.original_count = {1, 29};
    udp.reply_count = {0, 0};
    EXPECT_EQ(print(udp),
              "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=53 zone-orig=5 packets=1 bytes=29 "
              "[UNREPLIED] "
              "src=10.0.0.2 dst=10.0.0.1 sport=53 dport=40000 packets=0 bytes=0 mark=0 use=1");
    std::swap(udp.original.zone, udp.reply.zone);
    EXPECT_EQ(print(udp),
              "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=53 packets=1 bytes=29 [UNREPLIED] "
              "src=10.0.0.2 dst=10.0.0.1 sport=53 dport=40000 zone-reply=5 packets=0 bytes=0 mark=0 use=1");
    EXPECT_EQ(
        print(echo(between("10.0.0.1", "10.0.0.2", IPPROTO_ICMP), 8, 0, 77)),
        "icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 "
        "type=0 code=0 id=77 mark=0 use=1");
    EXPECT_EQ(
        print(echo(between("fe80::1", "fe80::2", IPPROTO_ICMPV6), 128, 129, 77)),
        "icmpv6   58 29 src=fe80::1 dst=fe80::2 type=128 code=0 id=77 [UNREPLIED] src=fe80::2 dst=fe80::1 "
        "type=129 code=0 id=77 mark=0 use=1");
    EXPECT_EQ(print(with_ports(between("10.0.0.1", "10.0.0.2", IPPROTO_GRE), 1, 9)),
              "gre      47 29 src=10.0.0.1 dst=10.0.0.2 srckey=0x1 dstkey=0x9 [UNREPLIED] src=10.0.0.2 "
              "dst=10.0.0.1 srckey=0x9 dstkey=0x1 mark=0 use=1");
    EXPECT_EQ(print(between("10.0.0.1", "10.0.0.2", 99)),
              "unknown  99 29 src=10.0.0.1 dst=10.0.0.2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 mark=0 use=1");
}

TEST(FlowPrint, Styles) {
    auto entry = tcp();
    entry.id = 1010374882;
    EXPECT_EQ(
        print(entry, {.id = true}),
        "tcp      6 399 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 [UNREPLIED] src=10.0.0.2 "
        "dst=10.0.0.1 sport=80 dport=40000 mark=5 use=1 id=1010374882");
    EXPECT_EQ(
        print(echo(between("fe80::1", "fe80::2", IPPROTO_ICMPV6), 128, 129, 77), {.extended = true}),
        "ipv6     10 icmpv6   58 29 src=fe80::1 dst=fe80::2 type=128 code=0 id=77 [UNREPLIED] src=fe80::2 "
        "dst=fe80::1 type=129 code=0 id=77 mark=0 use=1");
    EXPECT_EQ(
        print(between("10.0.0.1", "10.0.0.2", 99), {.extended = true}),
        "ipv4     2 unknown  99 29 src=10.0.0.1 dst=10.0.0.2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 mark=0 "
        "use=1");
}

TEST(FlowPrint, CountersAndAge) {
    auto udp = with_ports(between("127.0.0.1", "127.0.0.1", IPPROTO_UDP), 42500, 9999);
    udp.zone = 9;
    udp.original_count = {1, 30};
    udp.reply_count = {0, 0};
    udp.delta_seconds = 0;
    EXPECT_EQ(
        print(udp),
        "udp      17 29 src=127.0.0.1 dst=127.0.0.1 sport=42500 dport=9999 packets=1 bytes=30 [UNREPLIED] "
        "src=127.0.0.1 dst=127.0.0.1 sport=9999 dport=42500 packets=0 bytes=0 mark=0 zone=9 delta-time=0 "
        "use=1");
}

TEST(FlowPrint, Events) {
    auto entry = tcp();
    entry.timeout = 400;
    entry.tcp_state = TcpState::syn_sent;
    entry.original_count = entry.reply_count = Count{};
    entry.delta_seconds = 0;
    EXPECT_EQ(print(Event::created, entry),
              "    [NEW] tcp      6 400 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 [UNREPLIED] "
              "src=10.0.0.2 dst=10.0.0.1 sport=80 dport=40000 mark=5");
    entry.timeout = 399;
    entry.tcp_state = TcpState::established;
    entry.seen_reply = entry.assured = true;
    entry.mark = 0;
    EXPECT_EQ(
        print(Event::updated, entry, {}, true),
        " [UPDATE] tcp      6 399 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 src=10.0.0.2 "
        "dst=10.0.0.1 sport=80 dport=40000 [ASSURED] mark=0");
    EXPECT_EQ(
        print(Event::destroyed, entry),
        "[DESTROY] tcp      6 399 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 packets=0 "
        "bytes=0 src=10.0.0.2 dst=10.0.0.1 sport=80 dport=40000 packets=0 bytes=0 [ASSURED] delta-time=0");
    auto ping = echo(between("127.0.0.1", "127.0.0.1", IPPROTO_ICMP), 8, 0, 2150);
    ping.timeout = 30;
    ping.seen_reply = true;
    EXPECT_EQ(print(Event::updated, ping),
              " [UPDATE] icmp     1 30 src=127.0.0.1 dst=127.0.0.1 type=8 code=0 id=2150 src=127.0.0.1 "
              "dst=127.0.0.1 type=0 code=0 id=2150");
}

}  // namespace
}  // namespace weft::conntrack
