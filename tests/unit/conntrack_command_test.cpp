// `conntrack` at a switch that is not there: what it prints, says and ends with, as conntrack 1.4.7 does.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct ConntrackCommand : testing::Test {
    Shell shell;

    void add(std::uint8_t protocol, std::uint16_t sport, std::uint16_t dport) {
        conntrack::Entry entry;
        entry.protocol = protocol;
        entry.timeout = 29;
        inet_pton(AF_INET, "10.0.0.1", entry.original.source.bytes.data());
        inet_pton(AF_INET, "10.0.0.2", entry.original.destination.bytes.data());
        entry.reply.source = entry.original.destination;
        entry.reply.destination = entry.original.source;
        entry.original.source_port = entry.reply.destination_port = sport;
        entry.original.destination_port = entry.reply.source_port = dport;
        entry.key = ++keys_;
        shell.live.tracked.entries.push_back(entry);
    }
    void SetUp() override {
        add(IPPROTO_UDP, 40001, 53);
        add(IPPROTO_UDP, 40002, 53);
        add(IPPROTO_UDP, 40003, 123);
    }
    [[nodiscard]] std::string said() const { return shell.warnings.empty() ? "" : shell.warnings.back(); }

  private:
    std::uint64_t keys_ = 0;
};

std::string line_of(int sport, int dport) {
    return "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=" + std::to_string(sport) +
           " dport=" + std::to_string(dport) +
           " [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=" + std::to_string(dport) +
           " dport=" + std::to_string(sport) + " mark=0 use=1\n";
}

TEST_F(ConntrackCommand, Lists) {
    EXPECT_EQ(shell("conntrack -L"), line_of(40001, 53) + line_of(40002, 53) + line_of(40003, 123));
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.");
    EXPECT_EQ(shell("conntrack -L -p udp --dport 123"), line_of(40003, 123));
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.");
    EXPECT_EQ(shell("conntrack -L -p tcp"), "");
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.");
    EXPECT_EQ(shell.status, 0);
    EXPECT_EQ(shell("conntrack -C"), "3\n");
    EXPECT_EQ(shell("conntrack -V"), "conntrack v1.4.7 (conntrack-tools)\n");
    EXPECT_TRUE(shell("conntrack").starts_with("Command line interface"));
}

TEST_F(ConntrackCommand, ListsLongTablesInPieces) {
    for (std::uint16_t port = 0; port < 5000; ++port)
        add(IPPROTO_TCP, port, 80);
    const auto text = shell("conntrack -L -p tcp");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5000);
}

TEST_F(ConntrackCommand, Gets) {
    EXPECT_EQ(shell("conntrack -G -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 40002 --dport 53"),
              line_of(40002, 53));
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.");
    EXPECT_EQ(shell("conntrack -G -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 40002 --dport 54"),
              "[1] conntrack v1.4.7 (conntrack-tools): Operation failed: such conntrack doesn't exist");
}

/// As conntrack 1.4.7 printed what FTP's helper of Linux 6.18 expected.
TEST_F(ConntrackCommand, ShowsWhatIsExpected) {
    conntrack::Expectation one;
    one.protocol = IPPROTO_TCP;
    one.timeout = 299;
    inet_pton(AF_INET, "10.2.0.2", one.expected.source.bytes.data());
    inet_pton(AF_INET, "10.1.0.2", one.expected.destination.bytes.data());
    one.expected.destination_port = 5000;
    one.mask.source.bytes.fill(0xff);
    one.mask.destination.bytes.fill(0xff);
    one.mask.destination_port = 65535;
    one.master.source = one.expected.destination;
    one.master.destination = one.expected.source;
    one.master.source_port = 4136;
    one.master.destination_port = 21;
    one.helper = "ftp";
    shell.live.tracked.expected = {one};
    const std::string line =
        "299 proto=6 src=10.2.0.2 dst=10.1.0.2 sport=0 dport=5000 mask-src=255.255.255.255 "
        "mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.1.0.2 master-dst=10.2.0.2 sport=4136 "
        "dport=21 class=0 helper=ftp\n";
    EXPECT_EQ(shell("conntrack -L expect"), line);
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): 1 expectations have been shown.");
    EXPECT_EQ(shell("conntrack -L expect -f ipv6"), "");
    EXPECT_EQ(shell("conntrack -C expect"), "1\n");
    EXPECT_TRUE(shell("conntrack -L expect -p tcp")
                    .starts_with("[2] conntrack v1.4.7 (conntrack-tools): Illegal option `--protonum' with "
                                 "this command"));
    const std::string of_tuple =
        "expect -p tcp -s 10.2.0.2 -d 10.1.0.2 --sport 20 --reply-port-src 1 --reply-port-dst 1 --dport ";
    const std::string program = "conntrack v1.4.7 (conntrack-tools): ";
    EXPECT_EQ(shell("conntrack -G " + of_tuple + "5000"), line) << "any port of the source's";
    for (const std::string command : {"-G ", "-D "}) {
        EXPECT_EQ(shell("conntrack " + command + of_tuple + "5001"),
                  "[1] " + program + "Operation failed: No such file or directory");
        EXPECT_TRUE(shell("conntrack " + command + "expect -p tcp -s 10.2.0.2 -d 10.1.0.2")
                        .starts_with("[2] " + program + "You need to supply the `--sport' option"));
        EXPECT_TRUE(shell("conntrack " + command + "expect -p tcp -d 10.1.0.2")
                        .starts_with("[2] " + program + "You need to supply the `--src' option"));
        EXPECT_TRUE(shell("conntrack " + command + of_tuple + "5000 -f ipv4")
                        .starts_with("[2] " + program + "Illegal option `--family' with this command"));
    }
    EXPECT_TRUE(shell("conntrack -G expect -p tcp -s 10.2.0.0/24 -d 10.1.0.2 --sport 20 --dport 5000 "
                      "--reply-port-src 1 --reply-port-dst 1")
                    .starts_with("[2] " + program + "Illegal option `--mask-src' with this command"));
    EXPECT_EQ(shell("conntrack -G " + of_tuple + "5000 -r 10.9.9.9 -q 10.9.9.9"), line);
    EXPECT_EQ(shell("conntrack -D " + of_tuple + "5000"), "");
    EXPECT_EQ(said(), program + "0 expectations have been shown.");
    EXPECT_EQ(shell.status, 1) << "as the program ends, though it has deleted one";
    EXPECT_EQ(shell("conntrack -C expect"), "0\n");
    shell.live.tracked.expected = {one};
    EXPECT_EQ(shell("conntrack -F expect"), "");
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): expectation table has been emptied.");
    EXPECT_EQ(shell("conntrack -C expect"), "0\n");
    EXPECT_EQ(shell.live.tracked.entries.size(), 3U) << "connections stay";
}

/// But for a segmentation fault of the program's at an unknown state.
TEST_F(ConntrackCommand, OptionsOfSctpAndGre) {
    add(IPPROTO_GRE, 0, 0x1234);
    add(IPPROTO_SCTP, 5000, 3868);
    const std::string gre =
        "gre      47 29 src=10.0.0.1 dst=10.0.0.2 srckey=0x0 dstkey=0x1234 [UNREPLIED] src=10.0.0.2 "
        "dst=10.0.0.1 srckey=0x1234 dstkey=0x0 mark=0 use=1\n";
    EXPECT_EQ(shell("conntrack -L -p gre --dstkey 0x1234"), gre);
    EXPECT_EQ(shell("conntrack -L -p gre --dstkey 0x1235"), "");
    EXPECT_EQ(shell("conntrack -G -p gre -s 10.0.0.1 -d 10.0.0.2 --srckey 0 --dstkey 0x1234"), gre);
    EXPECT_TRUE(shell("conntrack -G -p gre -s 10.0.0.1 -d 10.0.0.2")
                    .starts_with("[2] conntrack v1.4.7 (conntrack-tools): you have to specify `--srckey' and "
                                 "`--dstkey'"));
    EXPECT_TRUE(shell("conntrack -L -p sctp --state NONE --sport 5000").starts_with("sctp     132 29 NONE "));
    EXPECT_EQ(shell("conntrack -L -p sctp --state CLOSED"), "");
    EXPECT_TRUE(shell("conntrack -L -p sctp --state FOO")
                    .starts_with("[2] conntrack v1.4.7 (conntrack-tools): unknown SCTP state `FOO'"));
    EXPECT_TRUE(shell("conntrack -L -p sctp --orig-vtag 5")
                    .starts_with("[2] conntrack v1.4.7 (conntrack-tools): Illegal option `--orig-vtag' with "
                                 "this command"));
}

TEST_F(ConntrackCommand, Deletes) {
    EXPECT_EQ(shell("conntrack -D -p udp --dport 53"), line_of(40001, 53) + line_of(40002, 53));
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): 2 flow entries have been deleted.");
    EXPECT_EQ(shell.status, 0);
    EXPECT_EQ(shell.live.tracked.entries.size(), 1U);
    EXPECT_EQ(shell("conntrack -D -s 1.2.3.4"), "");
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.");
    EXPECT_EQ(shell.status, 1) << "as the program ends when it found none";
}

TEST_F(ConntrackCommand, Flushes) {
    EXPECT_EQ(shell("conntrack -F"), "");
    EXPECT_EQ(said(), "conntrack v1.4.7 (conntrack-tools): connection tracking table has been emptied.");
    EXPECT_EQ(shell.status, 0);
    EXPECT_TRUE(shell.live.tracked.entries.empty());
    EXPECT_EQ(shell("conntrack -F"), "");
    EXPECT_EQ(shell.status, 0);
}

TEST_F(ConntrackCommand, Counts) {
    shell.live.tracked.counted = {{.cpu = 1}, {.cpu = 3, .invalid = 4, .insert_failed = 2, .drop = 5}};
    EXPECT_EQ(
        shell("conntrack -S"),
        "cpu=1   \tfound=0 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 "
        "clash_resolve=0 chaintoolong=0 \n"
        "cpu=3   \tfound=0 invalid=4 insert=0 insert_failed=2 drop=5 early_drop=0 error=0 search_restart=0 "
        "clash_resolve=0 chaintoolong=0 \n");
}

TEST_F(ConntrackCommand, Json) {
    shell("-j conntrack -L");
    ASSERT_EQ(shell.data.size(), 3U);
    EXPECT_EQ(shell.data[2]["original"]["layer4"]["dport"], 123);
    shell("-j conntrack -L -p tcp");
    EXPECT_EQ(shell.data, Json::array());
    shell("-j conntrack -G -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 40002 --dport 53");
    EXPECT_EQ(shell.data[0]["original"]["layer4"]["sport"], 40002);
    shell("-j conntrack -C");
    EXPECT_EQ(shell.data, Json::parse(R"([{"count":3}])"));
    shell("conntrack -j -L");
    EXPECT_TRUE(shell.data.is_null()) << "-j is the program's own: --any-nat";
}

/// Who may only read may not delete, and a file of configuration has no such lines.
TEST_F(ConntrackCommand, WhatALineDoes) {
    const auto effect = [](std::vector<std::string> words) {
        words.insert(words.begin(), "conntrack");
        const auto match = command::grammar().parse(words);
        return match ? match->spec->effect : command::Effect::client;
    };
    using command::Effect;
    EXPECT_EQ(effect({"-L"}), Effect::show);
    EXPECT_EQ(effect({"-G", "-p", "tcp"}), Effect::show);
    EXPECT_EQ(effect({"--dump", "-s", "10.0.0.1"}), Effect::show);
    EXPECT_EQ(effect({"-Lw", "5"}), Effect::show);
    EXPECT_EQ(effect({"-D"}), Effect::act);
    EXPECT_EQ(effect({"-p", "tcp", "-D"}), Effect::act);
    EXPECT_EQ(effect({"-zF"}), Effect::act);
    EXPECT_EQ(effect({"--del"}), Effect::act);
    EXPECT_EQ(effect({"--flush"}), Effect::act);
    EXPECT_EQ(effect({"-U"}), Effect::act);
    EXPECT_EQ(effect({"-E"}), Effect::stream);
    EXPECT_EQ(effect({"-e", "NEW", "--event"}), Effect::stream);
    EXPECT_EQ(effect({"-E", "-D"}), Effect::act);
}

}  // namespace
}  // namespace weft
