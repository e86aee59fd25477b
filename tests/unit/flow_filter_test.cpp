// Lines of `conntrack` and what they are about. Messages and statuses are those of conntrack 1.4.7.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "control/flow/command.hpp"
#include "control/flow/json.hpp"

namespace weft::conntrack {
namespace {

IpAddress address(const char* text) {
    IpAddress made;
    if (inet_pton(AF_INET, text, made.bytes.data()) != 1) inet_pton(AF_INET6, text, made.bytes.data());
    return made;
}

Entry between(const char* source, const char* destination, std::uint8_t protocol, std::uint16_t sport = 0,
              std::uint16_t dport = 0) {
    Entry entry;
    entry.v6 = std::string_view(source).find(':') != std::string_view::npos;
    entry.protocol = protocol;
    entry.original = {.source = address(source),
                      .destination = address(destination),
                      .source_port = sport,
                      .destination_port = dport};
    entry.reply = {.source = address(destination),
                   .destination = address(source),
                   .source_port = dport,
                   .destination_port = sport};
    return entry;
}

/// The connections of a session with the real program: web, ssh, dns, dns in zone 7, ping, dns by IPv6.
std::vector<Entry> some() {
    auto web = between("10.0.0.1", "10.0.0.2", IPPROTO_TCP, 40000, 80);
    web.tcp_state = TcpState::established;
    web.seen_reply = web.assured = true;
    web.mark = 6;
    auto ssh = between("10.0.0.1", "10.0.0.3", IPPROTO_TCP, 40001, 22);
    ssh.tcp_state = TcpState::syn_sent;
    auto dns = between("10.0.0.1", "10.0.0.2", IPPROTO_UDP, 40001, 53);
    auto zoned = between("10.0.0.9", "10.0.0.2", IPPROTO_UDP, 40001, 53);
    zoned.zone = 7;
    ssh.reply.zone = 8;
    zoned.id = 99;
    auto ping = between("10.0.0.1", "10.0.0.2", IPPROTO_ICMP);
    ping.original.icmp_type = 8;
    ping.original.icmp_id = ping.reply.icmp_id = 77;
    return {web, ssh, dns, zoned, ping, between("fd00::1", "fd00::2", IPPROTO_UDP, 40001, 53)};
}

/// Of hosts behind 192.0.2.1: one whose port was kept, one whose port was drawn; one that 192.0.2.1:80 leads
/// to; one that is not translated; and pings: one whose identifier was drawn, one that is not translated.
std::vector<Entry> translated() {
    auto kept = between("10.0.0.1", "10.9.0.2", IPPROTO_TCP, 40000, 80), drawn = kept, to = kept,
         plain = kept;
    kept.reply.destination = drawn.reply.destination = address("192.0.2.1");
    drawn.reply.destination_port = 1024;
    to.original.destination = address("192.0.2.1");
    to.reply.source_port = 8080;
    auto ping = between("10.0.0.1", "10.9.0.2", IPPROTO_ICMP);
    ping.original.icmp_type = 8;
    ping.original.icmp_id = ping.reply.icmp_id = 77;
    auto renumbered = ping;
    renumbered.reply.icmp_id = 1024;
    return {kept, drawn, to, plain, renumbered, ping};
}

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= line.size();) {
        const auto blank = std::min(line.find(' ', at), line.size());
        words.push_back(line.substr(at, blank - at));
        at = blank + 1;
    }
    return words;
}

/// Which of some() a line is about, by their numbers; or "[STATUS] message".
std::string about(const std::string& options, const std::vector<Entry>& all = some()) {
    const auto command = read_command(words_of("conntrack " + options));
    if (!command) {
        auto said = command.error().message;
        const std::string hint = "\nTry `conntrack -h' or 'conntrack --help' for more information.";
        const int status = static_cast<int>(command.error().code);
        if (status == 2) {
            EXPECT_TRUE(said.ends_with(hint));
            said.resize(said.size() - hint.size());
        }
        const std::string program = "conntrack v1.4.7 (conntrack-tools): ";
        EXPECT_TRUE(said.starts_with(program));
        return "[" + std::to_string(status) + "] " + said.substr(program.size());
    }
    std::string numbers;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (command->filter.matches(all[i])) numbers += std::to_string(i);
    return numbers;
}

TEST(FlowFilter, EachOption) {
    const std::pair<const char*, const char*> lines[] = {
        {"-L", "012345"},
        {"-L -f ipv6", "5"},
        {"-L -f ipv4 -p tcp", "01"},
        {"-L -p udp", "235"},
        {"-L -p 17 -o extended,id", "235"},
        {"-L -p UDP", "235"},
        {"-L -p tcp --dport 80", "0"},
        {"-L -p tcp --sport 40001", "1"},
        {"-L -p tcp --orig-port-dst 80", "0"},
        {"-L -p 6 --dport 80", "0"},
        {"-L -p tcp --reply-port-src 22", "1"},
        {"-L -p tcp --reply-port-dst=40000", "0"},
        {"-L -p tcp --state SYN_SENT", "1"},
        {"-L -s 10.0.0.9", "3"},
        {"-L --src 10.0.0.9", "3"},
        {"-L -s 10.0.0.0/29", "0124"},
        {"-L -d 10.0.0.2/32 -p tcp", "0"},
        {"-L -s 10.0.0.1 --mask-src 255.0.0.0", "01234"},
        {"-L -s fd00::/16", "5"},
        {"-L -s 10.0.0.77/0", "01234"},
        {"-L -r 10.0.0.3", "1"},
        {"-L -q 10.0.0.1 -p icmp", "4"},
        {"-L -m 6", "0"},
        {"-L -m 0x2/0x2", "0"},
        {"-L -m 0", "12345"},
        {"-L -u ASSURED", "0"},
        {"-L -u assured,seen", "0"},
        {"-L -u assured,src", "0"},
        {"-L -u !DST_NAT,assured", "0"},
        {"-L -u UNREPLIED", "12345"},
        {"-L -u !ASSURED", "12345"},
        {"-L -u OFFLOAD", ""},
        {"-L -w 7", "3"},
        {"-L -w 0", "01245"},
        {"-L --orig-zone 7", ""},
        {"-L --orig-zone 0", "012345"},
        {"-L --reply-zone 8", "1"},
        {"-L -p icmp --icmp-type 8", "4"},
        {"-L -p icmp --icmp-id 77", "4"},
        {"-L -p icmp --icmp-type 0", ""},
        {"-D -i 99", "3"},
        {"-L conntrack -p sctp", ""},
        {"-p tcp -L", "01"},
        {"--dump --protonum tcp", "01"},
        {"--dum -p tcp", "01"},
        {"-E -e NEW,UPDATES -p tcp", "01"},
        {"-G -p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 40000 --dport 80", "0"},
        {"-L -o labels,ktimestamp,timestamp", "012345"},
        {"-C", "012345"},
        {"-S", "012345"},
    };
    for (const auto& [line, numbers] : lines)
        EXPECT_EQ(about(line), numbers) << line;
}

// src/conntrack.c, filter_nat.
TEST(FlowFilter, Translated) {
    const std::pair<const char*, const char*> lines[] = {
        {"-L -n", "014"},
        {"-L --src-nat 192.0.2.1", "01"},
        {"-L --src-nat 192.0.2.1:1024", "1"},
        {"-L -n 192.0.2.2", ""},
        {"-L -n [fd00::1]:80", ""},
        {"-L -g", "2"},
        {"-L --dst-nat 10.9.0.2", "2"},
        {"-L -g 10.9.0.2:8080", "2"},
        {"-L -g 10.9.0.2:80", ""},
        {"-L -j", "0124"},
        {"-L -n -p icmp", "4"},
        {"-L -g -p icmp", ""},
        {"-L --any-nat 10.9.0.2", "2"},
        {"-L -n -g", ""},
        {"-L -n -p udp", ""},
        {"-L -n=10.0.0.9", "014"},
        {"-L -n foo", "[2] Invalid IP address `foo'"},
        {"-L -n 10.0.0.1:", "[2] No port specified after `:'"},
        {"-L -n 10.0.0.1:x", "[2] Invalid port `x'"},
        {"-L -n 10.0.0.1:99999", "[2] Invalid port `99999'"},
        {"-L -n :80", "[2] Invalid IP address `'"},
        {"-L -n [fd00::1", "[2] No closing ']' around IPv6 address"},
        {"-F -n", "[2] Illegal option `--src-nat' with this command"},
    };
    for (const auto& [line, numbers] : lines)
        EXPECT_EQ(about(line, translated()), numbers) << line;
}

TEST(FlowFilter, RefusalsAreThePrograms) {
    const std::pair<const char*, const char*> lines[] = {
        {"-L -p tcp --state syn_sent", "[2] unknown TCP state `syn_sent'"},
        {"-L --dport 80", "[2] unknown option `--dport'"},
        {"-L --dport 80 -p tcp", "[2] unknown option `--dport'"},
        {"-L --mask-src 255.0.0.0", "[2] Can't use --mask-src without --src"},
        {"-L -r 10.0.0.0/8", "[2] CIDR notation unavailable for `--reply-src'"},
        {"-L -u SRC_NAT", "[1] Operation failed: invalid parameters"},
        {"-L -u UNSET", "[1] Operation failed: invalid parameters"},
        {"-L -u nosuch", "[2] Bad parameter `nosuch'"},
        {"-L -u ASSURED,", "[2] Bad parameter `'"},
        {"-L -o nosuch", "[2] Bad parameter `nosuch'"},
        {"-L -p nosuch", "[2] `nosuch' unsupported protocol"},
        {"-L -p tcp --nosuch", "[2] unknown option `--nosuch'"},
        {"-L -f nosuch", "[2] `nosuch' unsupported protocol"},
        {"-L -s foo", "[2] Invalid IP address `foo'"},
        {"-L -s 10.0.0.0/33", "[2] Invalid netmask"},
        {"-L -s 10.0.0.1 -s fd00::1", "[2] mismatched address family"},
        {"-L -f ipv6 -s 10.0.0.1", "[2] mismatched address family"},
        {"-L nosuch", "[2] unknown type `nosuch'"},
        {"-L -D", "[2] Invalid commands combination"},
        {"-L -e NEW", "[2] Illegal option `--event-mask' with this command"},
        {"-L -i 5", "[2] Illegal option `--id' with this command"},
        {"-L -t 5", "[2] Illegal option `--timeout' with this command"},
        {"-L -b 5", "[2] Illegal option `--buffer-size' with this command"},
        {"-F -s 10.0.0.1", "[2] Illegal option `--src' with this command"},
        {"-L -R", "[2] unknown option `-R'"},
        {"-L -p", "[2] option `-p' requires an argument"},
        {"-G", "[2] You need to supply the `--protonum' option for this command"},
        {"-G -p tcp -s 10.0.0.1", "[2] you have to specify `--src' and `--dst'"},
        {"-G -p tcp -r 10.0.0.1", "[2] you have to specify `--reply-src' and `--reply-dst'"},
        {"-G -p tcp -s 10.0.0.1 -d 10.0.0.2", "[2] you have to specify `--sport' and `--dport'"},
        {"-G -p icmp -s 10.0.0.1 -d 10.0.0.2",
         "[2] You need to supply the `--icmp-type' option for this command"},
        {"-G -p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 40000 --dport 80 -m 3",
         "[2] Illegal option `--mark' with this command"},
        {"-L -p tcp --mask-port-src 5", "[2] Illegal option `--mask-port-src' with this command"},
        {"-G expect", "[2] You need to supply the `--src' option for this command"},
        {"-D expect -s 10.0.0.1 -d 10.0.0.2",
         "[2] You need to supply the `--protonum' option for this command"},
        {"-D expect -p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2",
         "[2] You need to supply the `--reply-port-src' option for this command"},
        {"-G expect -p icmp -s 10.0.0.1 -d 10.0.0.2 --icmp-type 8",
         "[2] Illegal option `--icmp-type' with this command"},
        {"-L expect -b 5", "[2] Illegal option `--buffer-size' with this command"},
        {"-E expect -e NEW", "[2] Illegal option `--event-mask' with this command"},
        {"-E expect -f ipv4", "[2] Illegal option `--family' with this command"},
        {"-G -p tcp -s 10.0.0.0/24 -d 10.0.0.2 --sport 1 --dport 2",
         "[2] Illegal option `--mask-src' with this command"},
    };
    for (const auto& [line, said] : lines)
        EXPECT_EQ(about(line), said) << line;
}

/// What the program has and weft has not; and what it takes for another number than was typed.
TEST(FlowFilter, RefusesTheRestByName) {
    const std::pair<const char*, const char*> lines[] = {
        {"-E expect -o xml", "[1] output type `xml' is not supported in this version"},
        {"-L dying", "[1] table `dying' is not supported in this version"},
        {"-I -p tcp", "[1] --create is not supported in this version"},
        {"-U -m 3", "[1] --update is not supported in this version"},
        {"-A", "[1] --add is not supported in this version"},
        {"-L -z", "[1] --zero is not supported in this version"},
        {"-L -c 5", "[1] --secmark is not supported in this version"},
        {"-L -l foo", "[1] --label is not supported in this version"},
        {"-E -b 5", "[1] --buffer-size is not supported in this version"},
        {"-L -o xml", "[1] output type `xml' is not supported in this version"},
        {"-L -o save", "[1] output type `save' is not supported in this version"},
        {"-L -p tcp --dport http", "[2] Invalid port `http'"},
        {"-L -p tcp --dport 99999", "[2] Invalid port `99999'"},
        {"-L -m 5x", "[2] Bad parameter `5x'"},
        {"-L -w 65536", "[2] Bad parameter `65536'"},
        {"-L -p tcp word", "[2] Bad parameter `word'"},
        {"-Lfipv4", "[2] unknown type `fipv4'"},
        {"-p tcp", "[2] You need to supply a command"},
    };
    for (const auto& [line, said] : lines)
        EXPECT_EQ(about(line), said) << line;
}

TEST(FlowFilter, TheBlamedWordHasItsColumn) {
    EXPECT_EQ(read_command(words_of("conntrack -L -s foo")).error().column, 17);
    EXPECT_EQ(read_command(words_of("conntrack -L -p tcp word")).error().column, 21);
    EXPECT_EQ(read_command(words_of("conntrack -L word -R")).error().column, 14);
}

TEST(FlowFilter, StylesAndEvents) {
    const auto command = read_command(words_of("conntrack -E -o id,timestamp,ktimestamp -e NEW -e DESTROY"));
    ASSERT_TRUE(command);
    EXPECT_EQ(command->action, Action::event);
    EXPECT_TRUE(command->style.id && command->style.times && command->timestamp && !command->style.extended);
    EXPECT_EQ(command->events, EventMask::created | EventMask::destroyed);
    EXPECT_EQ(read_command(words_of("conntrack -E"))->events, EventMask::all);
    EXPECT_EQ(read_command(words_of("conntrack -L -a x"))->warnings,
              std::vector<std::string>{"WARNING: ignoring -a, deprecated option."});
    EXPECT_EQ(read_command(words_of("conntrack"))->action, Action::help);
}

/// The words of libnetfilter_conntrack's XML.
TEST(FlowFilter, Json) {
    auto entry = some()[0];
    entry.timeout = 399;
    entry.original_count = Count{5, 268};
    entry.reply_count = Count{4, 316};
    entry.start = 1'795'705'928;
    entry.delta_seconds = 3;
    entry.id = 12;
    std::string text;
    append_json(text, entry);
    EXPECT_EQ(text,
              R"({"original":{"layer3":{"protonum":2,"protoname":"ipv4","src":"10.0.0.1","dst":"10.0.0.2"},)"
              R"("layer4":{"protonum":6,"protoname":"tcp","sport":40000,"dport":80},)"
              R"("counters":{"packets":5,"bytes":268}},)"
              R"("reply":{"layer3":{"protonum":2,"protoname":"ipv4","src":"10.0.0.2","dst":"10.0.0.1"},)"
              R"("layer4":{"protonum":6,"protoname":"tcp","sport":80,"dport":40000},)"
              R"("counters":{"packets":4,"bytes":316}},)"
              R"("independent":{"state":"ESTABLISHED","timeout":399,"mark":6,"start":1795705928,)"
              R"("deltatime":3,"use":1,"id":12,"assured":true}})");
    text.clear();
    append_json(text, some()[4]);
    EXPECT_NE(text.find(R"("layer4":{"protonum":1,"protoname":"icmp","type":8,"code":0,"id":77})"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"("unreplied":true)"), std::string::npos);
}

}  // namespace
}  // namespace weft::conntrack
