// The words of ipset: texts and statuses are those of ipset 7.17 on a kernel's hash:ip and hash:net.
#include <gtest/gtest.h>

#include "control/set/program.hpp"
#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

constexpr std::uint64_t second = 1'000'000;

struct SetShell {
    ipset::Sets sets;
    std::uint64_t now_us = 1000 * second;
    std::string referred{};  ///< a set that a rule names

    ipset::Outcome run(std::string_view line, std::string_view input = "") {
        auto words = hook_words(line);
        words.insert(words.begin(), "ipset");
        const ipset::Environment environment{
            .now_us = now_us,
            .references = [&](std::string_view name) { return name == referred ? 1U : 0U; },
            .random = [] { return 0x1234abcdU; }};
        return ipset::run(sets, environment, words, input);
    }
    /// Status, if not 0, and what it prints and says.
    std::string operator()(std::string_view line, std::string_view input = "") {
        const auto done = run(line, input);
        return (done.status != 0 ? "[" + std::to_string(done.status) + "] " : "") + done.errors + done.output;
    }
};

TEST(SetWords, AreRefusedInIpsetsWords) {
    SetShell ipset;
    ASSERT_EQ(ipset("create a hash:ip counters timeout 0 comment"), "");
    ASSERT_EQ(ipset("create c hash:ip netmask 24 hashsize 100 maxelem 3"), "");
    ASSERT_EQ(ipset("create six hash:ip family inet6"), "");
    ASSERT_EQ(ipset("create n hash:net"), "");
    ASSERT_EQ(ipset("add a 10.0.0.1/32"), "");
    const auto hint = std::string("Try `ipset help' for more information.\n");
    const std::pair<const char*, std::string> lines[] = {
        {"list x", "[1] ipset v7.17: The set with the given name does not exist\n"},
        {"create b hash:ip foo", "[2] ipset v7.17: Unknown argument: `foo'\n" + hint},
        {"create b hash:ip timeout",
         "[2] ipset v7.17: Missing mandatory argument of option `timeout'\n" + hint},
        {"create b hash:ip timeout x", "[1] ipset v7.17: Syntax error: 'x' is invalid as number\n"},
        {"create b hash:ip timeout 5 timeout 6",
         "[1] ipset v7.17: Syntax error: timeout already specified\n"},
        {"create b hash:foo", "[1] ipset v7.17: Syntax error: typename 'hash:foo' is unknown\n"},
        {"create b", "[2] ipset v7.17: Missing second mandatory argument to command create\n" + hint},
        {"create", "[2] ipset v7.17: Missing mandatory argument to command create\n" + hint},
        {"foo", "[2] ipset v7.17: No command specified: unknown argument foo\n" + hint},
        {"", "[2] ipset v7.17: No command specified.\n" + hint},
        {"create a hash:ip",
         "[1] ipset v7.17: Set cannot be created: set with the same name already exists\n"},
        {"create a hash:ip -exist",
         "[1] ipset v7.17: Set cannot be created: set with the same name already exists\n"},
        {"create a hash:ip counters timeout 0 comment hashsize 64 -exist", ""},
        {"add a 10.0.0.1", "[1] ipset v7.17: Element cannot be added to the set: it's already added\n"},
        {"add a 0.0.0.0", "[1] ipset v7.17: Null-valued element, cannot be stored in a hash type of set\n"},
        {"add a 10.0.0.0/0",
         "[1] ipset v7.17: The value of the CIDR parameter of the IP address is invalid\n"},
        {"test a 0.0.0.0", "[1] 0.0.0.0 is NOT in set a.\n"},
        {"test a 10.0.0.99/0", "[1] 10.0.0.99/0 is NOT in set a.\n"},
        {"add a 10.0.0.0/33", "[1] ipset v7.17: Syntax error: '33' is out of range 0-32\n"},
        {"add a foo", "[1] ipset v7.17: Syntax error: cannot parse foo: resolving to IPv4 address failed\n"},
        {"add a 10.1,5",
         "[1] ipset v7.17: Syntax error: Elem separator in 10.1,5, but settype hash:ip supports none.\n"},
        {"add six 2001:db8::/64",
         "[1] ipset v7.17: Syntax error: plain IP address must be supplied: 2001:db8::/64\n"},
        {"add c 10.0.0.1 timeout 3",
         "[1] ipset v7.17: Timeout cannot be used: set was created without timeout support\n"},
        {"add c 10.0.0.1 comment x",
         "[1] ipset v7.17: Comment cannot be used: set was created without comment support\n"},
        {"add c 10.0.0.1 packets 3",
         "[1] ipset v7.17: Packet/byte counters cannot be used: set was created without counter support\n"},
        {"add c 10.1.0.0/16", "[1] ipset v7.17: Hash is full, cannot add more elements\n"},
        {"add n 0.0.0.0-255.255.255.255", "[1] ipset v7.17: Invalid range, covers the whole address space\n"},
        {"add n 9.9.9.9 timeout 4294968",
         "[1] ipset v7.17: Syntax error: '4294968' is out of range 0-2147483\n"},
        {"test n 10.0.0.1-10.0.0.2",
         "[1] ipset v7.17: FROM-TO IP range is not allowed in command test with set type hash:net and family "
         "inet\n"},
        {"test a 10.0.0.1 nomatch", "[2] ipset v7.17: Unknown argument: `nomatch'\n" + hint},
        {"del a 10.0.0.9", "[1] ipset v7.17: Element cannot be deleted from the set: it's not added\n"},
        {"del a 10.0.0.9 -exist", ""},
        {"-q del a 10.0.0.9", "[1] "},
        {"swap a zz", "[1] ipset v7.17: Sets cannot be swapped: the second set does not exist\n"},
        {"swap a n", "[1] ipset v7.17: The sets cannot be swapped: their type does not match\n"},
        {"swap a six", "[1] ipset v7.17: The sets cannot be swapped: their type does not match\n"},
        {"rename a c", "[1] ipset v7.17: Set cannot be renamed: a set with the new name already exists\n"},
        {"destroy zz -exist", ""},
        {"list -o foo", "[1] ipset v7.17: Syntax error: unknown output mode 'foo'\n"},
        {"list -o", "[2] ipset v7.17: Missing mandatory argument to option -o\n" + hint},
        {"list a extra", "[2] ipset v7.17: Unknown argument extra\n" + hint},
        {"create e hash:ip netmask 99",
         "[1] ipset v7.17: Syntax error: '99' is out of range 1-32\n"
         "Syntax error: netmask is out of the inclusive range of 1-32\n"},
        {"create e hash:net netmask 9", "[2] ipset v7.17: Unknown argument: `netmask'\n" + hint},
        {"create e hash:ip family inet7", "[1] ipset v7.17: Syntax error: unknown inet family inet7\n"},
        {"create e hash:ip -4 -6", "[1] ipset v7.17: Syntax error: -6 already specified\n"},
        {"version", "ipset v7.17, protocol version: 7\n"},
    };
    for (const auto& [line, said] : lines)
        EXPECT_EQ(ipset(line), said) << line;
}

TEST(SetWords, WhatIsNotThereIsRefusedByName) {
    SetShell ipset;
    for (const auto& [line, name] : {std::pair{"create a bitmap:ip range 10.0.0.0/24", "bitmap:ip"},
                                     {"create a hash:ip,port", "hash:ip,port"},
                                     {"create a list:set", "list:set"},
                                     {"create a hash:ip forceadd", "forceadd"},
                                     {"create a hash:net skbinfo", "skbinfo"},
                                     {"list -o xml", "xml"},
                                     {"list -resolve", "-resolve"},
                                     {"-", "-"}}) {
        const auto said = ipset(line);
        EXPECT_TRUE(said.starts_with("[1] ipset v7.17: ")) << said;
        EXPECT_TRUE(said.ends_with(std::string("`") + name + "' is not supported in this version\n")) << said;
    }
}

TEST(SetWords, ListAndSaveHaveIpsetsText) {
    SetShell ipset;
    ASSERT_EQ(ipset("-N a iphash counters timeout 0 comment"), "");
    ASSERT_EQ(ipset("n b nethash -6 counters hashsize 100 bucketsize 7 initval 0x12"), "");
    ASSERT_EQ(ipset("-A a 10.0.0.1 timeout 100 packets 3 bytes 4 comment \"a b\""), "");
    ASSERT_EQ(ipset("a a 10.0.0.8/31"), "");
    ASSERT_EQ(ipset("--add b 2001:db8::1/64 nomatch"), "");
    ipset.now_us += second / 2;
    ipset.referred = "a";
    EXPECT_EQ(ipset("save"),
              "create a hash:ip family inet hashsize 1024 maxelem 65536 timeout 0 counters comment "
              "bucketsize 12 initval 0x1234abcd\n"
              "add a 10.0.0.1 timeout 99 packets 3 bytes 4 comment \"a b\"\n"
              "add a 10.0.0.8 timeout 0 packets 0 bytes 0\n"
              "add a 10.0.0.9 timeout 0 packets 0 bytes 0\n"
              "create b hash:net family inet6 hashsize 128 maxelem 65536 counters bucketsize 8 initval "
              "0x00000012\n"
              "add b 2001:db8::/64 nomatch packets 0 bytes 0\n");
    EXPECT_EQ(ipset("list -n"), "a\nb\n");
    auto listed = ipset("-L");
    for (auto at = listed.find("memory: "); at != std::string::npos; at = listed.find("memory: ", at + 1))
        listed.erase(at + 8, listed.find('\n', at) - at - 8);
    EXPECT_EQ(listed,
              "Name: a\nType: hash:ip\nRevision: 5\n"
              "Header: family inet hashsize 1024 maxelem 65536 timeout 0 counters comment bucketsize 12 "
              "initval 0x1234abcd\n"
              "Size in memory: \nReferences: 1\nNumber of entries: 3\nMembers:\n"
              "10.0.0.1 timeout 99 packets 3 bytes 4 comment \"a b\"\n"
              "10.0.0.8 timeout 0 packets 0 bytes 0\n"
              "10.0.0.9 timeout 0 packets 0 bytes 0\n"
              "\nName: b\nType: hash:net\nRevision: 7\n"
              "Header: family inet6 hashsize 128 maxelem 65536 counters bucketsize 8 initval 0x00000012\n"
              "Size in memory: \nReferences: 0\nNumber of entries: 1\nMembers:\n"
              "2001:db8::/64 nomatch packets 0 bytes 0\n");
}

TEST(SetWords, SavedIsRestoredAndSavedAlike) {
    SetShell ipset, again;
    ASSERT_EQ(ipset("create a hash:net counters comment timeout 60"), "");
    ASSERT_EQ(ipset("add a 10.0.0.1-10.0.0.9 comment \"all of them\""), "");
    ASSERT_EQ(ipset("add a 10.0.0.8 nomatch timeout 0 packets 5"), "");
    const auto saved = ipset("save");
    EXPECT_EQ(again("restore", saved), "");
    EXPECT_EQ(again("save"), saved);
}

TEST(SetWords, RangesAreCutIntoNetworks) {
    SetShell ipset;
    ASSERT_EQ(ipset("create h hash:net"), "");
    ASSERT_EQ(ipset("add h 10.0.0.1-10.0.0.9"), "");
    ASSERT_EQ(ipset("add h 255.255.255.254-255.255.255.255"), "");
    ASSERT_EQ(ipset("add h 0.0.0.0-127.255.255.255"), "");
    const auto saved = ipset("save h");
    EXPECT_EQ(saved.substr(saved.find('\n') + 1),
              "add h 0.0.0.0/1\nadd h 10.0.0.1\nadd h 10.0.0.2/31\nadd h 10.0.0.4/30\nadd h 10.0.0.8/31\n"
              "add h 255.255.255.254/31\n");
}

TEST(SetWords, TestAsksTheSmallestNetworkAround) {
    SetShell ipset;
    ASSERT_EQ(ipset("create h hash:net"), "");
    ASSERT_EQ(ipset("add h 10.0.0.4/30"), "");
    ASSERT_EQ(ipset("add h 10.0.0.5 nomatch"), "");
    EXPECT_EQ(ipset("test h 10.0.0.6"), "Warning: 10.0.0.6 is in set h.\n");
    EXPECT_EQ(ipset("test h 10.0.0.5"), "[1] 10.0.0.5 is NOT in set h.\n");
    EXPECT_EQ(ipset("test h 10.0.0.5 nomatch"), "Warning: 10.0.0.5 is in set h.\n");
    EXPECT_EQ(ipset("test h 10.0.0.4/31"), "[1] 10.0.0.4/31 is NOT in set h.\n");
    EXPECT_EQ(ipset("test h 10.0.0.6/30"), "Warning: 10.0.0.6/30 is in set h.\n");
    EXPECT_EQ(ipset("-q test h 10.0.0.5"), "[1] ");
}

TEST(SetWords, TimesCountDownAndEnd) {
    SetShell ipset;
    ASSERT_EQ(ipset("create a hash:ip timeout 10 maxelem 2"), "");
    ASSERT_EQ(ipset("add a 10.0.0.1"), "");
    ASSERT_EQ(ipset("add a 10.0.0.2 timeout 0"), "");
    ipset.now_us += 9 * second + second / 2;
    EXPECT_NE(ipset("save").find("add a 10.0.0.1 timeout 1\nadd a 10.0.0.2 timeout 0\n"), std::string::npos);
    EXPECT_EQ(ipset("add a 10.0.0.3"), "[1] ipset v7.17: Hash is full, cannot add more elements\n");
    ipset.now_us += second;
    EXPECT_EQ(ipset("test a 10.0.0.1"), "[1] 10.0.0.1 is NOT in set a.\n");
    EXPECT_NE(ipset("list -t").find("Number of entries: 1\n"), std::string::npos);
    EXPECT_EQ(ipset("del a 10.0.0.1"),
              "[1] ipset v7.17: Element cannot be deleted from the set: it's not added\n");
    EXPECT_EQ(ipset("add a 10.0.0.3"), "") << "what is over makes room";
}

// As firewall/core/ipset.py looks: the first word of each line behind the heading.
TEST(SetWords, HelpListsTheTypes) {
    SetShell ipset;
    const std::string text = ipset("--help"), heading = "\nSupported set types:\n";
    const auto at = text.find(heading);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(text.substr(at + heading.size()),
              "    hash:net\t\t7\tbucketsize, initval support\n"
              "    hash:ip\t\t5\tbucketsize, initval support\n");
}

TEST(SetWords, AFileIsCarriedOutWhollyOrNotAtAll) {
    SetShell ipset;
    EXPECT_EQ(ipset("restore", "create r hash:ip\n\n#c\n add r 1.2.3.4\nadd r 1.2.3.4\n"),
              "[1] ipset v7.17: Error in line 5: Element cannot be added to the set: it's already added\n");
    EXPECT_EQ(ipset("list -n"), "");
    EXPECT_EQ(ipset("restore", "create r hash:ip -exist\nadd r 1.2.3.4\nadd r 1.2.3.4\nCOMMIT\n"), "")
        << "options hold for the lines that follow";
    EXPECT_EQ(ipset("restore", "add r \"1.2\n"),
              "[2] ipset v7.17: Missing close quote!\nTry `ipset help' for more information.\n");
    EXPECT_EQ(ipset("restore", "version\n"),
              "[2] ipset v7.17: Command `version' is invalid in restore mode.\n"
              "Try `ipset help' for more information.\n");
    EXPECT_EQ(ipset("restore", "test r 1.2.3.4\nadd r 1.2.3.5\n"), "Warning: 1.2.3.4 is in set r.\n");
    EXPECT_EQ(ipset("test r 1.2.3.5"), "[1] 1.2.3.5 is NOT in set r.\n") << "a test ends it";
}

TEST(SetWords, WhatRulesNameStays) {
    SetShell ipset;
    ASSERT_EQ(ipset("create a hash:ip"), "");
    ASSERT_EQ(ipset("create b hash:ip"), "");
    ipset.referred = "a";
    const auto in_use = "[1] ipset v7.17: Set cannot be destroyed: it is in use by a kernel component\n";
    EXPECT_EQ(ipset("destroy a"), in_use);
    EXPECT_EQ(ipset("destroy"), in_use);
    EXPECT_EQ(ipset("rename a c"),
              "[1] ipset v7.17: Set cannot be renamed: it is in use by another system\n");
    EXPECT_EQ(ipset("add b 10.0.0.1"), "");
    EXPECT_EQ(ipset("swap a b"), "");
    EXPECT_EQ(ipset("test a 10.0.0.1"), "Warning: 10.0.0.1 is in set a.\n");
    EXPECT_EQ(ipset("destroy b"), "");
    EXPECT_EQ(ipset("create c hash:ip"), "");
    EXPECT_EQ(ipset("list -n"), "a\nc\n");
}

TEST(Sets, LoadedAgainTheyGoOn) {
    SetShell running, loaded;
    ASSERT_EQ(running("create a hash:ip timeout 100"), "");
    ASSERT_EQ(running("add a 10.0.0.1"), "");
    ASSERT_EQ(running("add a 10.0.0.2"), "");
    loaded.now_us += 40 * second;
    ASSERT_EQ(loaded("create a hash:ip timeout 100"), "");
    ASSERT_EQ(loaded("add a 10.0.0.1 timeout 70"), "");
    ASSERT_EQ(loaded("add a 10.0.0.2 timeout 0"), "");
    EXPECT_FALSE(running.sets == loaded.sets) << "for ever is something else";
    running.sets.keep_running(loaded.sets, loaded.now_us);
    const auto& entries = loaded.sets.find("a")->entries;
    EXPECT_EQ(loaded.sets.find("a")->id, running.sets.find("a")->id);
    EXPECT_EQ(entries.find({{{10, 0, 0, 1}}, 32})->deadline_us, 1100 * second);
    EXPECT_EQ(entries.find({{{10, 0, 0, 2}}, 32})->deadline_us, 0U);
}

TEST(Sets, OfManyEntriesACopyChangesAlone) {
    SetShell ipset;
    ASSERT_EQ(ipset("create a hash:ip"), "");
    ASSERT_EQ(ipset("add a 10.0.0.0/17"), "");
    const auto before = ipset.sets;
    ASSERT_EQ(ipset("del a 10.0.0.0-10.0.3.255"), "");
    ASSERT_EQ(ipset("add a 11.0.0.1"), "");
    EXPECT_EQ(before.find("a")->entries.size(), 32768U);
    EXPECT_EQ(ipset.sets.find("a")->entries.size(), 32768U - 1024 + 1);
    std::size_t gone = 0, come = 0;
    ipset::Entries::compare(before.find("a")->entries, ipset.sets.find("a")->entries,
                            [&](const ipset::Entry* was, const ipset::Entry* is) {
                                gone += was && !is ? 1 : 0;
                                come += is && !was ? 1 : 0;
                            });
    EXPECT_EQ(gone, 1024U);
    EXPECT_EQ(come, 1U);
}

}  // namespace
}  // namespace weft::test
