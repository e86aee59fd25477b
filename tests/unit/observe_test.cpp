// Frames in words, frames from words, pcapng.
#include <gtest/gtest.h>

#include <cstring>

#include "control/command/grammar.hpp"
#include "control/observe/describe.hpp"
#include "control/observe/made_up.hpp"
#include "control/observe/pcapng.hpp"
#include "control/publish/name_history.hpp"
#include "tests/unit/command_shell.hpp"
#include "weft/net/checksum.hpp"

namespace weft {
namespace {

constexpr MacAddress host{{0x02, 0xff, 0, 0, 0, 9}};

std::vector<std::string> words(const std::string& line) {
    std::vector<std::string> all;
    std::istringstream in(line);
    for (std::string word; in >> word;)
        all.push_back(word);
    return all;
}

Result<std::vector<std::byte>> made(const std::string& line) {
    const auto match = command::grammar().parse(words(line));
    if (!match) return match.error();
    return made_up_frame(*match, host);
}

std::string described(const std::string& line) {
    const auto frame = made(line);
    return frame ? describe_frame(*frame, static_cast<std::uint32_t>(frame->size())) : frame.error().message;
}

TEST(MadeUpFrame, SaysInWordsWhatItsWordsSay) {
    EXPECT_EQ(described("explain a ip 10.0.0.1 10.0.0.2 udp 1000 53"),
              "02:00:00:00:00:01 > 02:ff:00:00:00:09, IPv4 10.0.0.1.1000 > 10.0.0.2.53: UDP, length 60");
    EXPECT_EQ(
        described(
            "explain a eth 02:00:00:00:00:0a 02:00:00:00:00:0b vlan 10 ip 10.0.0.1 10.0.0.2 tcp 1 2 SA"),
        "02:00:00:00:00:0a > 02:00:00:00:00:0b, vlan 10, IPv4 10.0.0.1.1 > 10.0.0.2.2: Flags [S.], seq 1, "
        "ack "
        "0, win 65535, length 60");
    EXPECT_EQ(described("explain a ip6 fd00::1 fd00::2 icmp 135 len 100"),
              "02:00:00:00:00:01 > 02:ff:00:00:00:09, IPv6 fd00::1 > fd00::2: ICMP6 neighbor solicitation, "
              "length 114");
    EXPECT_EQ(described("explain a ip 10.0.0.1 10.0.0.2"),
              "02:00:00:00:00:01 > 02:ff:00:00:00:09, IPv4 10.0.0.1 > 10.0.0.2: ip-proto-59, length 60");
    EXPECT_EQ(described("explain a hex ffffffffffff:020000000001:0806"),
              "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP "
              "[|arp], length 14");
}

// RFC 768, RFC 9293 3.1, RFC 4443 2.3: the sum over pseudo-header, header and data with its checksum is -0.
TEST(MadeUpFrame, HasRightChecksums) {
    for (const char* line :
         {"ip 10.0.0.1 10.0.0.2 udp 1 2 len 101", "ip 10.0.0.1 10.0.0.2 tcp 1 2 S ttl 1"}) {
        const auto frame = made(std::string("explain a ") + line);
        ASSERT_TRUE(frame);
        Ipv4Header ip;
        std::memcpy(static_cast<void*>(&ip), frame->data() + 14, sizeof ip);
        EXPECT_EQ(ip.checksum.host(), ipv4_checksum(ip).host()) << line;
        const std::uint32_t rest = ip.total_length.host() - 20u;
        InternetSum sum = pseudo_header(ip, ip.protocol, rest);
        sum.add(frame->data() + 34, rest);
        EXPECT_EQ(sum.sum().host(), 0xffff) << line;
    }
    const auto frame = made("explain a ip6 fd00::1 fd00::2 icmp 128 len 77");
    ASSERT_TRUE(frame);
    Ipv6Header ip;
    std::memcpy(static_cast<void*>(&ip), frame->data() + 14, sizeof ip);
    EXPECT_EQ(ip.payload_length.host(), 37);
    InternetSum sum = pseudo_header(ip, 58, 37);
    sum.add(frame->data() + 54, 37);
    EXPECT_EQ(sum.sum().host(), 0xffff);
}

TEST(MadeUpFrame, RefusesWithTheWordsPlace) {
    for (const auto& [line, column] : {std::pair{"explain a hex 0g", 15},
                                       {"explain a hex 012", 15},
                                       {"explain a ip 10.0.0.1 10.0.0.2 tcp 1 2 SX", 40}}) {
        const auto frame = made(line);
        ASSERT_FALSE(frame) << line;
        EXPECT_EQ(frame.error().column, column) << frame.error().message;
    }
}

TEST(MadeUpFrame, ShowsTheBeginningOfALongWord) {
    const auto frame = made("explain a hex " + std::string(40'000, 'a'));
    ASSERT_FALSE(frame);
    EXPECT_EQ(
        frame.error().message,
        '"' + std::string(60, 'a') + "...\" is wrong: expected 1 to 9022 bytes of two hexadecimal digits");
}

// MLD reports (RFC 3810 5) come behind a hop-by-hop header, RFC 8200 4.3.
TEST(DescribeFrame, LooksBehindIpv6Options) {
    const auto described = [](const std::string& after_ipv6, const char* next) {
        const std::string digits = "33330000001602000000000186dd600000000024" + std::string(next) + "01" +
                                   "fe800000000000000000000000000001" + "ff020000000000000000000000000016" +
                                   after_ipv6;
        const auto frame = made("explain a hex " + digits);
        return frame ? describe_frame(*frame, static_cast<std::uint32_t>(frame->size()))
                     : frame.error().message;
    };
    const std::string to = "02:00:00:00:00:01 > 33:33:00:00:00:16, IPv6 fe80::1 > ff02::16: ";
    EXPECT_EQ(described("3a00050200000100"
                        "8f00000000000001",
                        "00"),
              to + "ICMP6 type 143, code 0, length 70");
    EXPECT_EQ(described("3c00050200000100"
                        "1100010400000000"
                        "0001000200080000",
                        "00"),
              "02:00:00:00:00:01 > 33:33:00:00:00:16, IPv6 fe80::1.1 > ff02::16.2: UDP, length 78");
    EXPECT_EQ(described("3a", "00"), to + "[|ip6 options], length 55");
    EXPECT_EQ(described("3aff", "00"), to + "ICMP6 [|icmp], length 56");
}

// Whatever comes: one line, no read beyond the bytes (ASan judges).
TEST(DescribeFrame, TakesEveryBeginningOfAFrame) {
    for (const char* line : {"vlan 5 ip 10.0.0.1 10.0.0.2 tcp 1 2", "ip6 fd00::1 fd00::2 icmp 128"}) {
        const auto frame = made(std::string("explain a ") + line);
        ASSERT_TRUE(frame);
        for (std::size_t n = 0; n <= frame->size(); ++n) {
            const auto text =
                describe_frame(std::span(*frame).first(n), static_cast<std::uint32_t>(frame->size()));
            EXPECT_EQ(text.find('\n'), std::string::npos);
            EXPECT_TRUE(text.ends_with(", length " + std::to_string(frame->size()))) << text;
        }
    }
}

TEST(NameHistory, ANumberHasTheNameOfItsTime) {
    Indexes indexes;
    const auto now = [&] { return Names(indexes); };
    const auto a = *indexes.interfaces.take("a"), b = *indexes.interfaces.take("b");
    NameHistory history(now());
    const auto name = [&](IfIndex number, std::uint32_t step) {
        return history.in_era(history.era_of(step)).interface(number);
    };
    indexes.interfaces.release("b");
    history.note(10, now());
    EXPECT_EQ(name(b, 9), "b");
    EXPECT_EQ(name(b, 10), "b") << "nobody else had the number";
    const auto c = *indexes.interfaces.take("c"), d = *indexes.interfaces.take("d");
    ASSERT_EQ(c, b);
    history.note(20, now());
    EXPECT_EQ(name(b, 9), "b");
    EXPECT_EQ(name(c, 19), "c") << "a step before the note, after the change";
    EXPECT_EQ(name(c, 20), "c");
    EXPECT_EQ(name(d, 20), "d");
    EXPECT_EQ(name(a, 0), "a");
    EXPECT_EQ(name(a, 99), "a");
    for (std::uint32_t change = 0; change < 200; ++change) {
        indexes.interfaces.take("e" + std::to_string(change));
        indexes.interfaces.release("e" + std::to_string(change == 0 ? 0 : change - 1));
        history.note(100 + change, now());
    }
    EXPECT_EQ(history.interface(b), "b");
    EXPECT_EQ(name(a, 250), "a");
}

constexpr const char* bridged =
    "port add a type null\nport add b type null\nip link add br0 type bridge\n"
    "ip link add link br0 name br0.8 type vlan id 8\n"
    "ip link set a master br0\nip link set b master br0\n";

/// Where the made-up packet goes, and the line that says why.
std::string assumed(Shell& shell, const std::string& words) {
    const auto text = shell("explain a " + words);
    const auto end = text.find('\n');
    const auto frame = text.find("> ", end) + 2;
    return text.substr(0, end) + " | " + text.substr(frame, 17);
}

// RFC 1112 6.4, RFC 2464 7, RFC 826: what the host that sends it would put in.
TEST(Explain, AddressesAsTheSenderWould) {
    Shell shell;
    ASSERT_EQ(shell.type(bridged), "");
    shell.live.add("a", 1, "02:ff:00:00:00:0a");
    shell.live.add("br0", 2, "02:ff:00:00:00:09");
    shell.live.assigned.push_back({.device = "br0",
                                   .address = "10.0.0.1/24",
                                   .peer = {},
                                   .scope = {},
                                   .label = {},
                                   .broadcast = "10.0.0.255"});
    shell.live.neighbours_known["br0 10.0.0.2"] = *parse_mac("02:00:00:00:00:22");
    shell.live.neighbours_known["br0.8 fd00::2"] = *parse_mac("02:00:00:00:00:66");
    const std::string end = " udp 1 2", begin = "assumed to be sent to ";
    EXPECT_EQ(assumed(shell, "ip 10.0.0.9 10.0.0.2" + end),
              begin + "02:00:00:00:00:22: as br0 knows the neighbour 10.0.0.2 | 02:00:00:00:00:22");
    EXPECT_EQ(assumed(shell, "ip6 fd00::1 fd00::2" + end),
              begin + "02:00:00:00:00:66: as br0.8 knows the neighbour fd00::2 | 02:00:00:00:00:66");
    EXPECT_EQ(assumed(shell, "ip 10.0.0.9 192.0.2.1" + end),
              begin +
                  "02:ff:00:00:00:09: br0's own, as to a router: it knows no neighbour 192.0.2.1 | "
                  "02:ff:00:00:00:09");
    EXPECT_EQ(assumed(shell, "ip 10.0.0.9 224.129.2.3" + end),
              begin + "01:00:5e:01:02:03: a multicast address | 01:00:5e:01:02:03");
    EXPECT_EQ(assumed(shell, "ip6 fd00::1 ff02::1:ff00:2" + end),
              begin + "33:33:ff:00:00:02: a multicast address | 33:33:ff:00:00:02");
    EXPECT_EQ(assumed(shell, "ip 10.0.0.9 255.255.255.255" + end),
              begin + "ff:ff:ff:ff:ff:ff: a broadcast address | ff:ff:ff:ff:ff:ff");
    EXPECT_EQ(assumed(shell, "ip 10.0.0.9 10.0.0.255" + end),
              begin + "ff:ff:ff:ff:ff:ff: a broadcast address | ff:ff:ff:ff:ff:ff");
    ASSERT_EQ(shell.type("ip link set a nomaster\n"), "");
    EXPECT_EQ(assumed(shell, "ip 10.0.0.9 10.0.0.2" + end),
              begin + "02:ff:00:00:00:0a: a's own, as to a router | 02:ff:00:00:00:0a");
    EXPECT_TRUE(shell("explain a eth 02:00:00:00:00:01 02:00:00:00:00:02 ip 10.0.0.9 10.0.0.2" + end)
                    .starts_with("a: 02:00:00:00:00:01 > 02:00:00:00:00:02, "));
}

template <class T>
T at(const std::string& bytes, std::size_t place) {
    T value;
    std::memcpy(&value, bytes.data() + place, sizeof value);
    return value;
}

// draft-ietf-opsawg-pcapng 3.1: a block is padded to 32 bits and has its length at both ends.
void expect_block(const std::string& block, std::uint32_t type) {
    EXPECT_EQ(at<std::uint32_t>(block, 0), type);
    EXPECT_EQ(at<std::uint32_t>(block, 4), block.size());
    EXPECT_EQ(at<std::uint32_t>(block, block.size() - 4), block.size());
    EXPECT_EQ(block.size() % 4, 0u);
}

TEST(Pcapng, BlocksAreAsTheDraftSays) {
    const auto section = pcapng::section_header();
    expect_block(section, 0x0a0d0d0a);
    EXPECT_EQ(at<std::uint32_t>(section, 8), 0x1a2b3c4du);
    const auto interface = pcapng::interface_description("lan0", 96);
    expect_block(interface, 1);
    EXPECT_EQ(at<std::uint16_t>(interface, 8), 1);  // LINKTYPE_ETHERNET
    EXPECT_EQ(at<std::uint32_t>(interface, 12), 96u);
    EXPECT_EQ(interface.substr(16, 8), std::string("\x02\x00\x04\x00lan0", 8));
    const std::vector<std::byte> bytes(61, std::byte{7});
    const auto packet = pcapng::enhanced_packet({.interface = 3,
                                                 .nanoseconds = 0x1122334455667788,
                                                 .length = 99,
                                                 .bytes = bytes,
                                                 .inbound = false,
                                                 .comment = "why"});
    expect_block(packet, 6);
    EXPECT_EQ(at<std::uint32_t>(packet, 8), 3u);
    EXPECT_EQ(at<std::uint32_t>(packet, 12), 0x11223344u);
    EXPECT_EQ(at<std::uint32_t>(packet, 16), 0x55667788u);
    EXPECT_EQ(at<std::uint32_t>(packet, 20), 61u);
    EXPECT_EQ(at<std::uint32_t>(packet, 24), 99u);
    EXPECT_EQ(packet.substr(28 + 64),
              std::string("\x01\x00\x03\x00why\x00\x02\x00\x04\x00\x02\x00\x00\x00\x00\x00\x00\x00", 20) +
                  packet.substr(packet.size() - 4));
}

// An option's length is a field of 16 bits.
TEST(Pcapng, ALongerCommentIsCut) {
    const std::string comment(70'000, 'x');
    const auto packet = pcapng::enhanced_packet({.bytes = {}, .comment = comment});
    expect_block(packet, 6);
    EXPECT_EQ(at<std::uint16_t>(packet, 30), 65'535);
    EXPECT_EQ(packet.size(), 28u + 4 + 65'536 + 4 + 4);
}

std::string parsed(const std::string& line) {
    const auto match = command::grammar().parse(words(line));
    if (!match) return match.error().message;
    std::string all;
    for (const auto& item : match->items)
        all += (all.empty() ? "" : " ") + item.value;
    return all;
}

// getopt(3), as tcpdump's own command line is read.
TEST(Tcpdump, TakesItsOptionsAsGetoptDoes) {
    EXPECT_EQ(parsed("tcpdump -nei br0 -c5 -w- tcp port 80"), "tcpdump -i br0 -c 5 -w - tcp port 80");
    EXPECT_EQ(parsed("tcpdump -nni any"), "tcpdump -i any");
    EXPECT_EQ(parsed("tcpdump icmp -i any -- or arp"), "tcpdump -i any icmp or arp");
    EXPECT_EQ(parsed("tcpdump -i a -c 1 -i b -c 2 -s 64 -s 96"), "tcpdump -i b -c 2 -s 96");
    EXPECT_EQ(parsed("tcpdump --interface=a --drops"), "tcpdump -i a --drops");
    EXPECT_EQ(parsed("tcpdump -i a -Z root"), "tcpdump: option \"-Z\" is not supported");
    EXPECT_EQ(parsed("tcpdump -i a --print"), "tcpdump: option \"--print\" is not supported");
    EXPECT_EQ(parsed("tcpdump -i a -w f -Z"), "tcpdump: option \"-Z\" is not supported");
}

// What scripts give most and changes nothing here is taken; what would change the output is refused by its
// name.
TEST(Tcpdump, TakesOptionsWithoutEffectAndRefusesOthers) {
    EXPECT_EQ(parsed("tcpdump -nn -e -q -l -U -p -K --immediate-mode -Q inout -i a"), "tcpdump -i a");
    EXPECT_EQ(parsed("tcpdump -vvi a -w f"), "tcpdump -i a -w f");
    EXPECT_EQ(parsed("tcpdump -nnvi any"),
              "tcpdump: option \"-v\" is not supported without -w: a line a frame is all there is");
    for (const char* option : {"-t", "-tttt", "-A", "-X", "-D", "-G 5", "-r f", "-Q in", "-#"})
        EXPECT_TRUE(parsed(std::string("tcpdump -i a ") + option).starts_with("tcpdump: option \"-"))
            << option;
}

// tcpdump 4.99's own words.
TEST(Tcpdump, RefusesValuesAsTcpdumpDoes) {
    for (const auto& [line, said] : {std::pair{"-c 0", "invalid packet count 0"},
                                     {"-c -1", "invalid packet count -1"},
                                     {"-c abc", "invalid packet count abc"},
                                     {"-s 99999999", "invalid snaplen 99999999 (must be >= 0 and <= 262144)"},
                                     {"-s -1", "invalid snaplen -1 (must be >= 0 and <= 262144)"},
                                     {"-w", "option requires an argument -- 'w'"},
                                     {"-nni", "option requires an argument -- 'i'"},
                                     {"-Q up", "unknown capture direction `up'"}})
        EXPECT_EQ(parsed(std::string("tcpdump -i a ") + line), std::string("tcpdump: ") + said);
}

}  // namespace
}  // namespace weft
