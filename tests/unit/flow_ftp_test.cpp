// What FTP's helper reads: find_pattern and its readers of net/netfilter/nf_conntrack_ftp.c.
#include "dataplane/flow/ftp.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

IpAddress address(const char* text) {
    IpAddress made;
    if (inet_pton(AF_INET, text, made.bytes.data()) != 1) inet_pton(AF_INET6, text, made.bytes.data());
    return made;
}
const IpAddress host = address("10.0.0.1");

struct Line {
    unsigned direction;
    const char* text;
    FtpFound::Kind kind;
    const char* address = "";
    unsigned port = 0, offset = 0, length = 0;
    bool v6 = false;
};
constexpr unsigned client = 0, server = 1;

TEST(FlowFtp, FindsAddressAndPort) {
    using enum FtpFound::Kind;
    const Line lines[] = {
        {client, "PORT 192,168,1,1,5,6\r\n", whole, "192.168.1.1", 1286, 5, 15},
        {client, "port 10,0,0,1,255,255\r\n", whole, "10.0.0.1", 65535, 5, 16},
        {client, "PORT 10,0,0,1,5,6", partial},
        {client, "PORT 10,0,0,1,5,6\n", partial},
        {client, "PORT 10,0,0,1,5\r\n", partial},
        {client, "PO", partial},
        {client, "PORT", partial},
        {client, "USER me\r\n", nothing},
        {client, "", nothing},
        {client, "EPRT |1|132.235.1.2|6275|\r\n", whole, "132.235.1.2", 6275, 5, 20},
        {client, "EPRT !1!132.235.1.2!6275!\r\n", whole, "132.235.1.2", 6275, 5, 20},
        {client, "EPRT |2|132.235.1.2|6275|\r\n", partial},
        {client, "EPRT |1|132.235.1|6275|\r\n", partial},
        {client, "EPRT |1|132.235.1.2|0|\r\n", partial},
        {client, "EPRT |1|132.235.1.2|62x5|\r\n", partial},
        {client, "EPRT 11113223512627|\r\n", partial},
        {client, "EPRT |1\r\n", partial},
        {client, "EPRT |2|3ffe::1|6275|\r\n", whole, "3ffe::1", 6275, 5, 16, true},
        {client, "EPRT |1|132.235.1.2|6275|\r\n", partial, "", 0, 0, 0, true},
        {client, "EPRT |2|3ffe::1::2|6275|\r\n", partial, "", 0, 0, 0, true},
        {client, "227 Entering Passive Mode (10,0,0,1,5,6)\r\n", nothing},
        {server, "227 Entering Passive Mode (10,0,0,1,5,6).\r\n", whole, "10.0.0.1", 1286, 27, 12},
        {server, "227 Entering Passive Mode 10,0,0,1,5,6\r\n", whole, "10.0.0.1", 1286, 26, 12},
        {server, "227 =10,0,0,1,5,6 ok", whole, "10.0.0.1", 1286, 5, 12},
        {server, "227 Entering Passive Mode (10,0,0,1,5,6", partial},
        {server, "227 Entering\r\n", partial},
        {server, "229 Entering Extended Passive Mode (|||6446|)\r\n", whole, "10.0.0.1", 6446, 36, 8},
        {server, "229 Extended (|||6446)\r\n", partial},
        {server, "229 Extended |||6446|\r\n", partial},
        {server, "229 Extended (||x|6446|)\r\n", partial},
        {server, "220 Hello\r\n", nothing},
        {server, "22", partial},
    };
    for (const Line& line : lines) {
        const FtpFound found = find_ftp(line.direction, line.text, line.v6, host);
        EXPECT_EQ(found.kind, line.kind) << line.text;
        if (line.kind != whole || found.kind != whole) continue;
        EXPECT_EQ(found.address, address(line.address)) << line.text;
        EXPECT_EQ(found.port, line.port) << line.text;
        EXPECT_EQ(found.offset, line.offset) << line.text;
        EXPECT_EQ(found.length, line.length) << line.text;
    }
}

/// nf_nat_ftp_fmt_cmd.
TEST(FlowFtp, WritesTheSameWords) {
    const auto written = [](FtpCommand command, bool v6, const char* to, std::uint16_t port) {
        char text[ftp_words_most];
        return std::string(text, write_ftp(text, command, v6, address(to), port));
    };
    EXPECT_EQ(written(FtpCommand::port, false, "203.0.113.5", 1286), "203,0,113,5,5,6");
    EXPECT_EQ(written(FtpCommand::pasv, false, "203.0.113.255", 65535), "203,0,113,255,255,255");
    EXPECT_EQ(written(FtpCommand::eprt, false, "203.0.113.5", 6275), "|1|203.0.113.5|6275|");
    EXPECT_EQ(written(FtpCommand::eprt, true, "3ffe::1", 65535),
              "|2|3ffe:0000:0000:0000:0000:0000:0000:0001|65535|");
    EXPECT_EQ(written(FtpCommand::epsv, true, "3ffe::1", 6446), "|||6446|");
}

/// update_nl_seq: two places, of which the older goes.
TEST(FlowFtp, RemembersTwoLineEnds) {
    FtpLines lines;
    EXPECT_FALSE(lines.has(0));
    for (const std::uint32_t seq : {0xffff'fff0U, 0xffff'fff8U, 4U})
        lines.add(seq);
    EXPECT_TRUE(lines.has(4));
    EXPECT_TRUE(lines.has(0xffff'fff8));
    EXPECT_FALSE(lines.has(0xffff'fff0));
    lines.add(0xffff'fff4);
    EXPECT_FALSE(lines.has(0xffff'fff4)) << "older than both";
}

/// nf_ct_seqadj_set, nf_ct_seq_adjust.
TEST(FlowFtp, NumbersAreAdjustedFromTheChangeOn) {
    SeqAdjust adjust;
    adjust.change(1000, 3);
    EXPECT_EQ(adjust.of_sent(1000), 0);
    EXPECT_EQ(adjust.of_sent(1001), 3);
    adjust.change(1000, 3);
    EXPECT_EQ(adjust.of_sent(1001), 3) << "sent again";
    adjust.change(2000, -5);
    EXPECT_EQ(adjust.of_sent(2000), 3);
    EXPECT_EQ(adjust.of_sent(2001), -2);
    EXPECT_EQ(adjust.of_acknowledged(2003), 3);
    EXPECT_EQ(adjust.of_acknowledged(2004), -2);
}

}  // namespace
}  // namespace weft
