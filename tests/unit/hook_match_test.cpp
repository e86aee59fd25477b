// Matches as data, as iptables 1.8.9 prints them, and where the kernel lets them stand.
#include <gtest/gtest.h>

#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

using namespace hook;

template <class Data>
const Data& only_match(const Rule& rule) {
    return std::get<Data>(rule.matches.at(0));
}

TEST(HookMatch, FrameIsBinary) {
    HookShell shell;
    const auto& rule =
        shell.rule("FORWARD", "! -s 10.1.2.3/255.0.255.0 -d 192.0.2.1 -i eth+ ! -o lan0 ! -p udp -f");
    EXPECT_EQ(rule.source.address.bytes[0], 10);
    EXPECT_EQ(rule.source.address.bytes[1], 0) << "bits outside the mask are cleared";
    EXPECT_EQ(rule.source.mask.bytes[2], 255);
    EXPECT_TRUE(rule.source_inverted);
    EXPECT_EQ(rule.destination.address.bytes[3], 1);
    EXPECT_EQ(rule.in.text(), "eth+");
    EXPECT_TRUE(rule.in.wildcard());
    EXPECT_FALSE(rule.out.wildcard());
    EXPECT_TRUE(rule.out_inverted && rule.protocol_inverted && rule.fragment && !rule.fragment_inverted);
    EXPECT_EQ(rule.protocol, 17);
}

TEST(HookMatch, TcpPortsFlagsAndOption) {
    HookShell shell;
    const auto tcp = only_match<TcpMatch>(
        shell.rule("INPUT", "-p tcp ! --sport 1024: --dport ssh --tcp-flags SYN,ACK NONE ! --tcp-option 8"));
    EXPECT_EQ(tcp.source, (PortRange{1024, 65535}));
    EXPECT_TRUE(tcp.source_inverted);
    EXPECT_EQ(tcp.destination, (PortRange{22, 22}));
    EXPECT_EQ(tcp.flag_mask, 0x12);
    EXPECT_EQ(tcp.flag_value, 0);
    EXPECT_EQ(tcp.option, 8);
    EXPECT_TRUE(tcp.option_inverted);
    EXPECT_EQ(shell.printed("-p tcp --syn"), "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN");
}

TEST(HookMatch, UdpPortAbove65535IsRefusedWhereIptablesTakesItModulo) {
    HookShell shell;
    const auto outcome = shell.run("-A INPUT -p udp --dport 65536");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_NE(outcome.errors.find("Port \"65536\" does not resolve to anything."), std::string::npos);
}

TEST(HookMatch, IcmpTypesByNameNumberAndPrefix) {
    HookShell shell;
    EXPECT_EQ(shell.printed("-p icmp --icmp-type ping"), "-p icmp -m icmp --icmp-type 8");
    EXPECT_EQ(shell.printed("-p icmp --icmp-type host-unr"), "-p icmp -m icmp --icmp-type 3/1");
    EXPECT_EQ(shell.printed("-p icmp ! --icmp-type any"), "-p icmp -m icmp ! --icmp-type any");
    EXPECT_NE(shell.run("-A INPUT -p icmp --icmp-type host").errors.find("Ambiguous ICMP type"),
              std::string::npos);
    HookShell six(Family::ip6);
    const auto icmp = only_match<Icmp6Match>(six.rule("INPUT", "-p icmpv6 --icmpv6-type neighbor-sol"));
    EXPECT_EQ(icmp.type, 135);
    EXPECT_EQ(six.run("-A INPUT -p icmp --icmp-type ping").status, 2) << "IPv4's match is none of ip6tables'";
}

TEST(HookMatch, MultiportNeedsItsProtocolBeforeIt) {
    HookShell shell;
    EXPECT_EQ(shell.printed("-p tcp -m multiport ! --dports ssh,80:90"),
              "-p tcp -m multiport ! --dports 22,80:90");
    EXPECT_EQ(shell.run("-A INPUT -m multiport --dports 1 -p tcp").status, 2);
    EXPECT_EQ(shell.run("-A INPUT -p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15").status,
              0);
    EXPECT_EQ(
        shell.run("-A INPUT -p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15:16").status, 2);
}

TEST(HookMatch, ConntrackHasAllItsFields) {
    HookShell shell;
    const auto conntrack = only_match<ConntrackMatch>(shell.rule(
        "INPUT",
        "-m conntrack ! --ctstate NEW,DNAT --ctproto udp --ctorigsrc 10.0.0.0/8 --ctreplsrcport 5:6 "
        "--ctstatus ASSURED --ctexpire 7 --ctdir reply"));
    EXPECT_EQ(conntrack.state.value, ConntrackState::new_ | ConntrackState::dnat);
    EXPECT_TRUE(conntrack.state.inverted);
    EXPECT_EQ(conntrack.protocol.value, 17);
    EXPECT_EQ(conntrack.original_source.value.mask.bytes[0], 255);
    EXPECT_EQ(conntrack.reply_source_port.value, (PortRange{5, 6}));
    EXPECT_EQ(conntrack.status.value, ConntrackStatus::assured);
    EXPECT_EQ(conntrack.expire.value, (Range<std::uint32_t>{7, 7}));
    EXPECT_TRUE(conntrack.reply.given && conntrack.reply.value);
    EXPECT_EQ(shell.printed("-m state ! --state rel,est"), "-m state ! --state RELATED,ESTABLISHED");
}

TEST(HookMatch, LimitKeepsTheKernelsInterval) {
    HookShell shell;
    EXPECT_EQ(only_match<LimitMatch>(shell.rule("INPUT", "-m limit --limit 7/minute")).interval, 85714U);
    EXPECT_EQ(shell.printed("-m limit"), "-m limit --limit 3/hour");
    EXPECT_EQ(shell.printed("-m limit --limit 120/min --limit-burst 9"),
              "-m limit --limit 2/sec --limit-burst 9");
    EXPECT_NE(shell.run("-A INPUT -m limit --limit 1/day --limit-burst 100")
                  .errors.find("Numerical result out of range"),
              std::string::npos)
        << "xt_limit.c, limit_mt_check";
}

TEST(HookMatch, CommentStandsInItsPlaceAndIsQuoted) {
    HookShell shell;
    EXPECT_EQ(shell.printed("-m comment --comment \"a b\" -p tcp -m tcp"),
              "-p tcp -m comment --comment \"a b\" -m tcp");
    EXPECT_EQ(shell.printed("-m comment --comment it's"), R"(-m comment --comment "it\'s")");
    EXPECT_EQ(only_match<CommentMatch>(shell.rule("INPUT", "-m comment --comment " + std::string(300, 'x')))
                  .text.size(),
              255U);
}

TEST(HookMatch, OthersPrintAsIptables) {
    HookShell shell;
    for (const std::string line : {
             "-m iprange --src-range 192.0.2.1-192.0.2.9 ! --dst-range 10.0.0.1-10.0.0.1",
             "-m mac ! --mac-source 02:00:00:00:00:0a",
             "-m mark ! --mark 0x10/0xff",
             "-m connmark --mark 0x5",
             "-m recent --rcheck --seconds 60 --reap --hitcount 4 --rttl --name ssh --mask 255.255.255.0 "
             "--rdest",
             "-m addrtype --src-type UNICAST,LOCAL ! --dst-type BROADCAST --limit-iface-in",
             "-m physdev ! --physdev-is-in --physdev-in eth+ --physdev-is-bridged",
             "-m pkttype ! --pkt-type otherhost",
             "-m length ! --length 0:100",
             "-m ttl ! --ttl-eq 64",
             "-m statistic --mode random ! --probability 0.33333333349",
             "-m statistic --mode nth --every 3 --packet 0",
             "-m set ! --match-set s4 src,dst --return-nomatch ! --update-counters ! --packets-eq 5 "
             "--bytes-gt 7",
         })
        EXPECT_EQ(shell.printed(line), line);
}

TEST(HookMatch, RoutingHeaderAndHopLimit) {
    HookShell six(Family::ip6);
    for (const std::string line : {"-m hl --hl-lt 9", "-m rt ! --rt-type 0 --rt-segsleft 1:5 ! --rt-len 24"})
        EXPECT_EQ(six.printed(line), line);
    EXPECT_EQ(six.printed("-m rt --rt-segsleft 0:4294967295"), "-m rt");
    EXPECT_EQ(six.printed("-m rt ! --rt-segsleft 0:4294967295"), "-m rt ! --rt-segsleft 0:4294967295")
        << "1.8.9 saves it as if it matched";
    EXPECT_NE(six.run("-A INPUT -m rt --rt-type 0 --rt-0-res").errors.find("\"--rt-0-res\""),
              std::string::npos);
    EXPECT_NE(six.run("-A INPUT -m ttl --ttl-eq 1").status, 0);
    HookShell four;
    EXPECT_NE(four.run("-A INPUT -m hl --hl-eq 1").status, 0);
}

TEST(HookMatch, RpfilterStandsWherePacketsEnter) {
    for (const Family family : {Family::ip, Family::ip6}) {
        HookShell shell(family);
        for (const std::string line :
             {"-t raw -A PREROUTING -m rpfilter --invert --accept-local --loose --validmark",
              "-t mangle -A PREROUTING -m rpfilter"})
            EXPECT_EQ(shell.run(line).status, 0) << line;
        EXPECT_NE(shell.run("-t raw -S")
                      .output.find("-A PREROUTING -m rpfilter --loose --validmark --accept-local --invert\n"),
                  std::string::npos);
        EXPECT_NE(shell.run("-t raw -L -n").output.find("rpfilter loose validmark accept-local invert\n"),
                  std::string::npos);
        for (const std::string line : {"-A INPUT", "-t nat -A PREROUTING", "-t mangle -A FORWARD"})
            EXPECT_EQ(shell.run(line + " -m rpfilter").status, 1) << line;
        EXPECT_EQ(shell.run("-t raw -A PREROUTING -m rpfilter ! --loose").status, 2);
        EXPECT_EQ(shell.run("-t raw -A PREROUTING -m rpfilter --loose --loose").status, 2);
    }
}

TEST(HookMatch, ASetMustExistInTheFamily) {
    HookShell shell;
    EXPECT_NE(shell.run("-A INPUT -m set --match-set none src").errors.find("Set none doesn't exist."),
              std::string::npos);
    EXPECT_NE(shell.run("-A INPUT -m set --match-set s4 src,dst,src,dst,src,dst,src")
                  .errors.find("Can't be more src/dst options than 6.\n"),
              std::string::npos);
    HookShell six(Family::ip6);
    EXPECT_NE(six.run("-A INPUT -m set --match-set s4 src").errors.find("family of set s4 is IPv4"),
              std::string::npos);
    EXPECT_EQ(six.printed("-m set --match-set any dst"), "-m set --match-set any dst");
}

TEST(HookMatch, TheKernelRefusesWhatCannotStandThere) {
    HookShell shell;
    for (const std::string line : {
             "-A OUTPUT -m mac --mac-source 02:00:00:00:00:01",
             "-A INPUT -m tcp --dport 80",
             "-A INPUT ! -p tcp -m tcp --dport 80",
             "-A INPUT -m addrtype --src-type LOCAL --limit-iface-out",
             "-A OUTPUT -m physdev --physdev-out eth0",
             "-A INPUT -m recent --update --hitcount 256",
         }) {
        const auto outcome = shell.run(line);
        EXPECT_EQ(outcome.errors, "iptables: Invalid argument. Run `dmesg' for more information.\n") << line;
        EXPECT_EQ(outcome.status, 1);
    }
    EXPECT_EQ(shell.run("-A INPUT -m mac --mac-source 02:00:00:00:00:01").status, 0);
}

TEST(HookMatch, WhatIsNotSupportedIsRefusedByNameAtItsColumn) {
    HookShell shell;
    const auto outcome = shell.run("-A INPUT -m hashlimit --hashlimit 1/sec");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.column, 22);
    EXPECT_NE(outcome.errors.find("Couldn't load match `hashlimit'"), std::string::npos);
}

}  // namespace
}  // namespace weft::test
