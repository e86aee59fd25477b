// Targets as data, in print, and where they may stand (placement as the kernel's xt_target tables say).
#include <gtest/gtest.h>

#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

using namespace hook;

TEST(HookTarget, PrintAsIptables) {
    HookShell shell;
    EXPECT_EQ(shell.printed("-j REJECT"), "-j REJECT --reject-with icmp-port-unreachable");
    EXPECT_EQ(shell.printed("-p tcp -j REJECT --reject-with tcp-rst"),
              "-p tcp -j REJECT --reject-with tcp-reset");
    EXPECT_EQ(shell.printed("-j LOG --log-prefix \"a b \" --log-level debug --log-ip-options"),
              "-j LOG --log-prefix \"a b \" --log-level 7 --log-ip-options");
    EXPECT_EQ(shell.printed("-j MARK --set-mark 5/0xf0"), "-j MARK --set-xmark 0x5/0xf5");
    EXPECT_EQ(shell.printed("-j MARK --and-mark 0xff"), "-j MARK --set-xmark 0x0/0xffffff00");
    EXPECT_EQ(shell.printed("-j CONNMARK --save-mark --mask 0xff"),
              "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff");
    EXPECT_EQ(shell.printed("-j CONNMARK --set-mark 5 --left-shift-mark 2"),
              "-j CONNMARK --set-xmark 0x5/0xffffffff --left-shift-mark 2");
    EXPECT_EQ(shell.printed(""), "") << "a rule that only counts";
}

TEST(HookTarget, RejectOfIpv6HasItsOwnCodes) {
    HookShell shell(Family::ip6);
    const auto& rule = shell.rule("INPUT", "-j REJECT --reject-with adm-prohibited");
    EXPECT_EQ(std::get<RejectTarget>(rule.target).icmp_code, 1);
    EXPECT_EQ(shell.printed("-j REJECT"), "-j REJECT --reject-with icmp6-port-unreachable");
}

TEST(HookTarget, NotrackIsCtByAnotherName) {
    HookShell shell;
    const auto& rule = shell.rule("PREROUTING", "-j NOTRACK", "raw");
    EXPECT_TRUE(std::get<CtTarget>(rule.target).notrack);
    EXPECT_EQ(shell.run("-t raw -D PREROUTING -j CT --notrack").status, 1) << "the alias is part of the rule";
    EXPECT_EQ(shell.run("-t raw -S PREROUTING").output, "-P PREROUTING ACCEPT\n-A PREROUTING -j NOTRACK\n");
}

TEST(HookTarget, NatRanges) {
    HookShell shell;
    const auto nat = std::get<NatTarget>(
        shell.rule("PREROUTING", "-p tcp -j DNAT --to-destination 192.0.2.1-192.0.2.9:1000-2000/ssh", "nat")
            .target);
    EXPECT_EQ(nat.kind, NatTarget::Kind::dnat);
    EXPECT_EQ(nat.addresses.high.bytes[3], 9);
    EXPECT_EQ(nat.ports, (PortRange{1000, 2000}));
    EXPECT_TRUE(nat.offset);
    EXPECT_EQ(nat.base_port, 22);
    const auto netmap =
        std::get<NatTarget>(shell.rule("PREROUTING", "-j NETMAP --to 10.0.0.0/8", "nat").target);
    EXPECT_EQ(netmap.addresses.high.bytes, (std::array<std::uint8_t, 16>{10, 255, 255, 255}));
    EXPECT_EQ(shell.run("-t nat -A POSTROUTING -j SNAT --to 192.0.2.1:5").status, 2)
        << "ports need a protocol";
    HookShell six(Family::ip6);
    static_cast<void>(
        six.rule("POSTROUTING", "-p tcp -j SNAT --to-source [2001:db8::1]:5-6 --random", "nat"));
    EXPECT_NE(six.run("-t nat -S").output.find("--to-source [2001:db8::1]:5-6 --random"), std::string::npos);
}

// iptables and ip6tables 1.8.9: what is no length is read as an address, and one that is no mask as none
TEST(HookTarget, PrefixesOfNetmapOfAnyLength) {
    const auto saved = [](Family family, const std::string& prefix) {
        HookShell shell(family);
        const auto outcome = shell.run("-t nat -A POSTROUTING -j NETMAP --to " + prefix);
        if (outcome.status != 0) return std::to_string(outcome.status);
        const auto all = shell.run("-t nat -S POSTROUTING").output;
        const auto at = all.find("--to ") + 5;
        return all.substr(at, all.size() - at - 1);
    };
    const std::pair<const char*, const char*> four[] = {
        {"1.2.3.4/24", "1.2.3.0/24"},         {"1.2.3.4/31", "1.2.3.4/31"},
        {"1.2.3.4/0", "0.0.0.0/0"},           {"1.2.3.0/33", "1.2.3.0/32"},
        {"1.2.3.4/129", "1.2.3.4/32"},        {"1.2.3.0/255.0.255.0", "1.2.3.0/32"},
        {"1.2.3.4/255.255", "1.2.3.4/32"},    {"1.2.3.4/4294967040", "1.2.3.0/24"},
        {"1.2.3.4/0xffffff00", "1.2.3.0/24"}, {"1.2.3.4/255.255.255.0", "1.2.3.0/24"},
        {"1.2.3.4/99999999999", "2"},         {"1.2.3.4/-1", "2"},
        {"1.2.3.4/255.255.255.256", "2"},     {"1.2.3.4/", "2"}};
    for (const auto& [typed, shown] : four)
        EXPECT_EQ(saved(Family::ip, typed), shown) << typed;
    const std::pair<const char*, const char*> six[] = {{"2001:db8:ffff::/33", "2001:db8:8000::/33"},
                                                       {"2001:db8::3/127", "2001:db8::2/127"},
                                                       {"2001:db8::/0", "::/0"},
                                                       {"2001:db8::1", "2001:db8::1/128"},
                                                       {"2001:db8::/ffff:ffff:8000::", "2001:db8::/33"},
                                                       {"2001:db8::/ffff::ffff", "2001:db8::/128"},
                                                       {"2001:db8::/129", "2"},
                                                       {"2001:db8::/x", "2"}};
    for (const auto& [typed, shown] : six)
        EXPECT_EQ(saved(Family::ip6, typed), shown) << typed;
    HookShell shell;
    EXPECT_EQ(shell.printed("-m conntrack --ctorigsrc 1.2.3.0/33"), "-m conntrack --ctorigsrc 1.2.3.0");
}

TEST(HookTarget, PlacementAsInTheKernel) {
    HookShell shell;
    for (const std::string line : {
             "-t nat -A PREROUTING -j SNAT --to 192.0.2.1",
             "-t nat -A INPUT -j DNAT --to 192.0.2.1",
             "-t nat -A POSTROUTING -j REDIRECT",
             "-t nat -A OUTPUT -j MASQUERADE",
             "-A INPUT -j MASQUERADE",
             "-t mangle -A INPUT -j REJECT",
             "-A INPUT -j REJECT --reject-with tcp-reset",
             "-A INPUT -j CT --notrack",
             "-A INPUT -j NOTRACK",
             "-A INPUT -j TRACE",
             "-A FORWARD -j TCPMSS --set-mss 1400",
             "-A FORWARD -p tcp -j TCPMSS --set-mss 1400",
             "-A INPUT -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
         })
        EXPECT_EQ(shell.run(line).errors, "iptables: Invalid argument. Run `dmesg' for more information.\n")
            << line;
    for (const std::string line : {
             "-t nat -A INPUT -j SNAT --to 192.0.2.1",
             "-t nat -A OUTPUT -j DNAT --to 192.0.2.1",
             "-t nat -A POSTROUTING -j MASQUERADE",
             "-t raw -A OUTPUT -j TRACE",
             "-A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
         })
        EXPECT_EQ(shell.run(line).errors, "") << line;
    EXPECT_NE(shell.run("-t nat -A POSTROUTING -j DROP").errors.find("not intended for filtering"),
              std::string::npos);
}

/// xt_CT.c, xt_ct_set_helper; the words as iptables 1.8.9 (legacy) printed them.
TEST(HookTarget, HelpersAreThoseOfTheProtocol) {
    HookShell shell;
    const std::string append = "-t raw -A PREROUTING ";
    for (const std::string wrong :
         {"-p tcp -j CT --helper nosuch", "-j CT --helper ftp", "-p udp -j CT --helper ftp",
          "! -p udp -j CT --helper tftp", "-p tcp -j CT --helper tftp"}) {
        const auto outcome = shell.run(append + wrong);
        EXPECT_EQ(outcome.status, 1) << wrong;
        EXPECT_EQ(outcome.errors, "iptables: No chain/target/match by that name.\n") << wrong;
    }
    for (const std::string right : {"-p tcp -m tcp --dport 21 -j CT --helper ftp",
                                    "-p tcp -m tcp --dport 21 -j CT --notrack --helper ftp",
                                    "-p udp -m udp --dport 69 -j CT --helper tftp --zone 3"})
        EXPECT_EQ(shell.run(append + right).status, 0) << right;
    EXPECT_EQ(shell.run("-t raw -S PREROUTING").output,
              "-P PREROUTING ACCEPT\n"
              "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\n"
              "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --notrack --helper ftp\n"
              "-A PREROUTING -p udp -m udp --dport 69 -j CT --helper tftp --zone 3\n");
    EXPECT_EQ(
        shell.run("-t raw -L PREROUTING -n").output,
        "Chain PREROUTING (policy ACCEPT)\n"
        "target     prot opt source               destination         \n"
        "CT         6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:21 CT helper ftp\n"
        "CT         6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:21 CT notrack helper ftp\n"
        "CT         17   --  0.0.0.0/0            0.0.0.0/0            udp dpt:69 CT helper tftp zone 3\n");
}

TEST(HookTarget, WhatConntrackDoesNotDoIsRefusedByName) {
    HookShell shell;
    for (const std::string option : {"timeout t"}) {
        const auto outcome = shell.run("-t raw -A PREROUTING -p tcp -j CT --" + option);
        EXPECT_EQ(outcome.status, 2);
        EXPECT_EQ(outcome.errors.substr(0, outcome.errors.find('\n')),
                  "iptables v1.8.9 (legacy): CT: option \"--" + option.substr(0, option.find(' ')) +
                      "\" is not supported");
        EXPECT_EQ(outcome.column, 44) << "of " << option;
    }
    EXPECT_EQ(shell.run("-t raw -A PREROUTING -j CT --zone mark").status, 0);
    EXPECT_EQ(shell.run("-t raw -S PREROUTING").output,
              "-P PREROUTING ACCEPT\n-A PREROUTING -j CT --zone mark\n");
}

// Seen of iptables 1.8.9.
TEST(HookTarget, ZonesOfADirectionAndEventsOfConntrack) {
    HookShell shell;
    for (const std::string words :
         {"--zone-orig 5", "--zone-reply mark", "--zone-orig 5 --zone-reply 6", "--zone 7 --zone-reply 6",
          "--ctevents destroy,new,assured --expevents new --zone 3", "--zone-orig 0", "--zone-orig 0x10",
          "--ctevents related,reply,protoinfo,helper,mark,natseqinfo,secmark", "--notrack --ctevents new"})
        EXPECT_EQ(shell.run("-t raw -A PREROUTING -j CT " + words).status, 0) << words;
    EXPECT_EQ(shell.run("-t raw -S PREROUTING").output,
              "-P PREROUTING ACCEPT\n"
              "-A PREROUTING -j CT --zone-orig 5\n"
              "-A PREROUTING -j CT --zone-reply mark\n"
              "-A PREROUTING -j CT --zone 6\n"
              "-A PREROUTING -j CT --zone-reply 6\n"
              "-A PREROUTING -j CT --ctevents new,destroy,assured --expevents new --zone 3\n"
              "-A PREROUTING -j CT\n"
              "-A PREROUTING -j CT --zone-orig 16\n"
              "-A PREROUTING -j CT --ctevents related,reply,protoinfo,helper,mark,natseqinfo,secmark\n"
              "-A PREROUTING -j CT --notrack --ctevents new\n");
    const auto list = shell.run("-t raw -L PREROUTING -n").output;
    EXPECT_EQ(list.substr(list.find("\nCT ") + 1),
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT zone-orig 5\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT zone-reply mark\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT zone 6\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT zone-reply 6\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT ctevents new,destroy,assured "
              "expevents new zone 3\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT zone-orig 16\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT ctevents "
              "related,reply,protoinfo,helper,mark,natseqinfo,secmark\n"
              "CT         0    --  0.0.0.0/0            0.0.0.0/0            CT notrack ctevents new\n");
    for (const auto& [words, said] : {std::pair{"--ctevents bogus", "Unknown event type \"bogus\""},
                                      {"--ctevents NEW", "Unknown event type \"NEW\""},
                                      {"--ctevents new,,reply", "Unknown event type \"\""},
                                      {"--expevents destroy", "Unknown event type \"destroy\""},
                                      {"--zone-orig bogus", "Cannot parse bogus as a zone ID"}}) {
        const auto outcome = shell.run(std::string("-t raw -A PREROUTING -j CT ") + words);
        EXPECT_EQ(outcome.status, 2) << words;
        EXPECT_EQ(outcome.errors.substr(0, outcome.errors.find('\n')),
                  std::string("iptables v1.8.9 (legacy): ") + said);
    }
}

}  // namespace
}  // namespace weft::test
