// The client without a daemon: its options, the socket's choice, files, and a fake daemon's answers.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "control/cli/client.hpp"
#include "control/cli/connection.hpp"
#include "control/cli/files.hpp"
#include "control/cli/options.hpp"
#include "control/cli/rule_files.hpp"

namespace weft::cli {
namespace {

using Words = std::vector<std::string>;
using Mode = Options::Mode;

Options options_of(const Words& arguments, const std::string& called_as = "weft",
                   const std::string& socket = {}) {
    auto options = parse_options(called_as, arguments, socket);
    EXPECT_TRUE(options) << options.error().message;
    return options ? *options : Options{};
}

TEST(CliOptions, WordsBeginBehindWeftsOptions) {
    const auto options = options_of({"-j", "-s", "/x.sock", "ip", "-s", "link"});
    EXPECT_EQ(options.mode, Mode::words);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.socket, "/x.sock");
    EXPECT_EQ(options.words, (Words{"ip", "-s", "link"}));
    EXPECT_EQ(options_of({"--", "-x"}).words, Words{"-x"});
}

TEST(CliOptions, TheSocketIsChosenInTheContractsOrder) {
    const auto socket = [](const Words& arguments, const char* environment) {
        return options_of(arguments, "weft", environment).socket;
    };
    EXPECT_EQ(socket({"show"}, ""), "/run/weft/weft.sock");
    EXPECT_EQ(socket({"-n", "lab", "show"}, ""), "/run/weft/lab.sock");
    EXPECT_EQ(socket({"--netns=lab", "show"}, "/e.sock"), "/e.sock");
    EXPECT_EQ(socket({"-n", "lab", "--socket=/s.sock", "show"}, "/e.sock"), "/s.sock");
}

TEST(CliOptions, TheNamespaceOfIpChoosesTheSocket) {
    auto options = options_of({"-s", "-n", "lab", "link"}, "/usr/lib/weft/compat/ip");
    EXPECT_EQ(options.socket, "/run/weft/lab.sock");
    EXPECT_EQ(options.words, (Words{"ip", "-s", "link"}));
    options = options_of({"bridge", "-netns", "lab", "fdb"});
    EXPECT_EQ(options.socket, "/run/weft/lab.sock");
    EXPECT_EQ(options.words, (Words{"bridge", "fdb"}));
    // Somebody else chose: the daemon is to refuse it.
    options = options_of({"-n", "lab", "link"}, "ip", "/e.sock");
    EXPECT_EQ(options.words, (Words{"ip", "-n", "lab", "link"}));
    options = options_of({"-f", "inet", "link", "show", "-n", "x"}, "ip");
    EXPECT_EQ(options.words.size(), 7u);
}

TEST(CliOptions, CalledByAnotherNameNoOptionIsWefts) {
    const auto options = options_of({"-j", "-s", "link"}, "/a/b/ip");
    EXPECT_FALSE(options.json);
    EXPECT_EQ(options.words, (Words{"ip", "-j", "-s", "link"}));
    EXPECT_EQ(options_of({}, "iptables-save").words, Words{"iptables-save"});
    EXPECT_EQ(options_of({"x"}, "/usr/bin/other").words, Words{"x"});
}

TEST(CliOptions, IptablesHasManyNames) {
    const std::pair<std::vector<std::string>, const char*> calls[] = {
        {{"/x/iptables-legacy", "-L"}, "iptables -L"},
        {{"iptables-nft-save"}, "iptables-save"},
        {{"ip6tables-legacy-restore", "-n"}, "ip6tables-restore -n"},
        {{"xtables-legacy-multi", "iptables", "-S"}, "iptables -S"},
        {{"xtables-nft-multi", "ip6tables-restore", "-t"}, "ip6tables-restore -t"},
        {{"xtables-legacy-multi", "save6"}, "ip6tables-save"},
        {{"xtables-legacy-multi", "iptables-legacy-save", "-c"}, "iptables-save -c"},
        {{"xtables-nft-multi"}, "xtables-nft-multi"}};
    for (const auto& [call, words] : calls) {
        const auto options = parse_options(call.front(), std::span(call).subspan(1), "");
        ASSERT_TRUE(options);
        EXPECT_EQ(fmt::format("{}", fmt::join(options->words, " ")), words);
    }
}

TEST(CliRuleFiles, AreTheClients) {
    const auto taken = [](std::vector<std::string> words) {
        const auto files = take_rule_files(words);
        return fmt::format("{}; read {}; write {}", fmt::join(files.words, " "),
                           files.read.value_or("nothing"), files.write.value_or("nothing"));
    };
    EXPECT_EQ(taken({"iptables-restore"}), "iptables-restore; read -; write nothing");
    EXPECT_EQ(taken({"iptables-restore", "-nw", "5", "rules"}),
              "iptables-restore -nw 5; read rules; write nothing");
    EXPECT_EQ(taken({"ip6tables-restore", "rules", "-T", "raw", "-c"}),
              "ip6tables-restore -T raw -c; read rules; write nothing");
    EXPECT_EQ(taken({"iptables-restore", "--table=raw", "--wait", "rules"}),
              "iptables-restore --table=raw --wait rules; read -; write nothing");
    EXPECT_EQ(taken({"iptables-restore", "a", "b"}), "iptables-restore a b; read -; write nothing");
    EXPECT_EQ(taken({"iptables-restore", "--help"}), "iptables-restore --help; read nothing; write nothing");
    EXPECT_EQ(taken({"iptables-restore", "-t"}), "iptables-restore -t; read -; write nothing");
    EXPECT_EQ(taken({"iptables-save", "-c", "-f", "out", "-t", "raw"}),
              "iptables-save -c -t raw; read nothing; write out");
    EXPECT_EQ(taken({"iptables-save", "--file=out"}), "iptables-save; read nothing; write out");
    EXPECT_EQ(taken({"ipset", "restore"}), "ipset restore; read -; write nothing");
    EXPECT_EQ(taken({"ipset", "-!", "-f", "in", "-R"}), "ipset -! -R; read in; write nothing");
    EXPECT_EQ(taken({"ipset", "re", "--file", "in"}), "ipset re; read in; write nothing");
    EXPECT_EQ(taken({"ipset", "-o", "save", "list", "a", "-file", "out"}),
              "ipset -o save list a; read nothing; write out");
    EXPECT_EQ(taken({"ipset", "rename", "restore", "b"}),
              "ipset rename restore b; read nothing; write nothing");
    EXPECT_EQ(taken({"iptables", "-f", "x"}), "iptables -f x; read nothing; write nothing");
}

TEST(CliOptions, Modes) {
    EXPECT_EQ(options_of({}).mode, Mode::shell);
    EXPECT_EQ(options_of({"-j"}).mode, Mode::shell);
    EXPECT_EQ(options_of({"-f", "x"}).mode, Mode::file);
    EXPECT_EQ(options_of({"-f", "x"}).file, "x");
    EXPECT_EQ(options_of({"--check=x"}).mode, Mode::check_offline);
    EXPECT_EQ(options_of({"--help"}).mode, Mode::help);
    EXPECT_EQ(options_of({"help", "ip"}).mode, Mode::help);
    EXPECT_EQ(options_of({"help", "ip"}).words, Words{"ip"});
    EXPECT_EQ(options_of({"-V"}).mode, Mode::version);
    EXPECT_EQ(options_of({"--complete", "ip", ""}).words, (Words{"ip", ""}));
}

TEST(CliOptions, WrongOnesAreRefusedWithTheirColumn) {
    const auto column = [](const Words& arguments) {
        const auto options = parse_options("weft", arguments, "");
        return options ? -1 : options.error().column;
    };
    EXPECT_EQ(column({"-x"}), 1);
    EXPECT_EQ(column({"-j", "--sock", "y"}), 4);
    EXPECT_EQ(column({"-s"}), 4);
    EXPECT_EQ(column({"-s", ""}), 4);
    EXPECT_EQ(column({"-f", "x", "-c", "y"}), 9);
    EXPECT_EQ(column({"-f", "x", "ip"}), 6);
}

class CliFiles : public testing::Test {
  protected:
    void SetUp() override {
        directory_ = (std::filesystem::temp_directory_path() / "weft-cli-XXXXXX").string();
        ASSERT_NE(mkdtemp(directory_.data()), nullptr);
        file_ = directory_ + "/file";
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
    }

    std::string directory_, file_;
};

TEST_F(CliFiles, WritesAsAWholeAndKeepsTheMode) {
    ASSERT_TRUE(write_file(file_, "one\n"));
    ASSERT_EQ(chmod(file_.c_str(), 0640), 0);
    std::filesystem::create_symlink(file_, directory_ + "/link");
    ASSERT_TRUE(write_file(directory_ + "/link", "two\n"));
    EXPECT_EQ(*read_file(file_), "two\n");
    struct stat status {};
    ASSERT_EQ(lstat((directory_ + "/link").c_str(), &status), 0);
    EXPECT_TRUE(S_ISLNK(status.st_mode));
    ASSERT_EQ(lstat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640u);
    EXPECT_EQ(entries(), 2u);
    EXPECT_TRUE(write_file("/dev/null", "x"));
}

TEST_F(CliFiles, ErrorsNameTheFile) {
    EXPECT_EQ(read_file(file_).error().message, file_ + ": No such file or directory");
    EXPECT_EQ(read_file(directory_).error().message, directory_ + ": Is a directory");
    EXPECT_EQ(write_file(directory_ + "/none/file", "x").error().message,
              directory_ + "/none/file: No such file or directory");
    EXPECT_FALSE(write_file(directory_, "x"));
    EXPECT_EQ(entries(), 0u);
}

/// A daemon that takes one connection, keeps the request and answers with prepared lines.
class FakeDaemon {
  public:
    FakeDaemon(const std::string& path, std::string answer)
        : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listener_, 1), 0);
        thread_ = std::thread([this, answer = std::move(answer)] {
            const int number = accept(listener_, nullptr, nullptr);
            std::array<char, 4096> chunk;
            while (request_.empty() || request_.back() != '\n') {
                const auto got = recv(number, chunk.data(), chunk.size(), 0);
                if (got <= 0) break;
                request_.append(chunk.data(), static_cast<std::size_t>(got));
            }
            static_cast<void>(write_all(number, answer));
            ::close(number);
        });
    }
    ~FakeDaemon() {
        thread_.join();
        ::close(listener_);
    }
    /// After the client's run.
    Json request() {
        if (thread_.joinable()) thread_.join();
        thread_ = std::thread([] {});
        return Json::parse(request_, nullptr, false);
    }

  private:
    int listener_;
    std::string request_;
    std::thread thread_;
};

struct Outcome {
    int status = 0;
    std::string out, error;
    Json request;
};

class CliClient : public CliFiles {
  protected:
    Outcome run(const Words& words, const std::string& answer, bool json = false) {
        const auto path = directory_ + "/socket";
        std::filesystem::remove(path);
        FakeDaemon daemon(path, answer);
        const Client client(path, json);
        Outcome outcome =
            captured([&] { return words.front() == "-f" ? client.run_file(words[1]) : client.run(words); });
        outcome.request = daemon.request();
        return outcome;
    }

    template <class Run>
    static Outcome captured(Run run) {
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        Outcome outcome;
        outcome.status = run();
        outcome.out = testing::internal::GetCapturedStdout();
        outcome.error = testing::internal::GetCapturedStderr();
        return outcome;
    }
};

TEST_F(CliClient, PrintsTextAndWarnings) {
    const auto done = run({"show", "drops"}, R"({"id":1,"ok":true,"exit":0,"text":"a\n","warnings":["w"]})"
                                             "\n");
    EXPECT_EQ(done.status, 0);
    EXPECT_EQ(done.out, "a\n");
    EXPECT_EQ(done.error, "w\n");
    EXPECT_EQ(done.request.dump(), R"({"id":1,"argv":["show","drops"]})");
}

TEST_F(CliClient, PrintsDataAsOneLineOrPretty) {
    const auto* answer = R"({"id":1,"ok":true,"exit":0,"data":[{"b":1,"a":[]}]})"
                         "\n";
    auto done = run({"show", "drops"}, answer, true);
    EXPECT_EQ(done.out, "[{\"b\":1,\"a\":[]}]\n");
    EXPECT_EQ(done.request["json"], true);
    done = run({"ip", "-j", "-p", "link"}, answer);
    EXPECT_EQ(done.out, "[\n    {\n        \"b\": 1,\n        \"a\": []\n    }\n]\n");
}

TEST_F(CliClient, RefusalsOfWeftsWordsHaveACaret) {
    const auto* answer = R"({"id":1,"ok":false,"exit":2,"error":"p0: no such port","column":10})"
                         "\n";
    auto done = run({"port", "del", "p0"}, answer);
    EXPECT_EQ(done.status, 2);
    EXPECT_EQ(done.error, "p0: no such port\nport del p0\n         ^\n");
    EXPECT_EQ(done.out, "");
    done = run({"ip", "link", "del", "p0"},
               R"({"id":1,"ok":false,"exit":1,"error":"Cannot find device \"p0\"","column":13})"
               "\n");
    EXPECT_EQ(done.status, 1);
    EXPECT_EQ(done.error, "Cannot find device \"p0\"\n");
}

TEST_F(CliClient, FilesAreReadAndWrittenHere) {
    const auto* done_line = R"({"id":1,"ok":true,"exit":0,"text":""})"
                            "\n";
    ASSERT_TRUE(write_file(file_, "ip link\n"));
    auto done = run({"apply", file_, "confirm", "30"}, done_line);
    EXPECT_EQ(done.request["argv"], (Json{"apply", file_, "confirm", "30"}));
    EXPECT_EQ(done.request["stdin"], "ip link\n");
    done = run({"-f", file_}, done_line);
    EXPECT_EQ(done.request["argv"], (Json{"-f", file_}));
    EXPECT_EQ(done.request["stdin"], "ip link\n");

    done = run({"save", file_},
               R"({"id":1,"ok":true,"exit":0,"text":"saved\n"})"
               "\n",
               true);
    EXPECT_EQ(done.request.dump(), R"({"id":1,"argv":["save"]})");
    EXPECT_EQ(done.out, "");
    EXPECT_EQ(*read_file(file_), "saved\n");

    const auto missing = captured([&] {
        return Client("/none", false).run({"check", directory_ + "/none"});
    });
    EXPECT_EQ(missing.status, 2);
    EXPECT_EQ(missing.error, directory_ + "/none: No such file or directory\n");
}

TEST_F(CliClient, StreamsAreWrittenUntilTheyEnd) {
    const auto done =
        run({"monitor"},
            "{\"id\":1,\"ok\":true,\"stream\":true}\n{\"id\":1,\"event\":{\"n\":1}}\n"
            "{\"id\":1,\"base64\":\"AP8=\"}\n{\"id\":1,\"ok\":true,\"exit\":3,\"text\":\"\"}\n");
    EXPECT_EQ(done.status, 3);
    EXPECT_EQ(done.out, std::string("{\"n\":1}\n\0\xff", 10));
}

TEST_F(CliClient, PathsOfPortsAreTheCallers) {
    const auto* done_line = R"({"id":1,"ok":true,"exit":0,"text":""})"
                            "\n";
    const auto here = std::filesystem::current_path().string();
    const auto argv = [&](const Words& words) { return run(words, done_line).request["argv"]; };
    EXPECT_EQ(argv({"port", "add", "a", "type", "vhost-user", "path", "vm.sock"}).back(), here + "/vm.sock");
    EXPECT_EQ(argv({"port", "add", "a", "type", "memif", "path", "./x/../m.sock", "id", "1"})[6],
              here + "/m.sock");
    EXPECT_EQ(argv({"port", "add", "a", "type", "memif", "path", "@vpp"}).back(), "@vpp");
    EXPECT_EQ(argv({"port", "add", "path", "type", "pcap", "rx", "in", "tx", "/out"})[6], here + "/in");
    EXPECT_EQ(argv({"port", "add", "a", "type", "memif", "path", "/m"}).back(), "/m");
}

TEST_F(CliClient, AMissingCaptureIsNamedOnce) {
    const auto done = captured([&] { return Client("/none", false).run({"explain", "a", "pcap", "/nope"}); });
    EXPECT_EQ(done.status, 2);
    EXPECT_EQ(done.error, "/nope: No such file or directory\n");
}

TEST_F(CliClient, ALongLineIsCutBehindTheCaret) {
    const std::string digits(40'000, 'a');
    const auto done =
        run({"explain", "a", "hex", digits}, R"({"id":1,"ok":false,"exit":1,"error":"wrong","column":15})"
                                             "\n");
    EXPECT_EQ(done.error, "wrong\nexplain a hex " + digits.substr(0, 200) + "...\n              ^\n");
}

// What tcpdump says on standard error, with no frame, too.
TEST_F(CliClient, ACaptureSaysWhatItListensToAndWhatItSaw) {
    const std::string begin = "{\"id\":1,\"ok\":true,\"stream\":true}\n",
                      end = "{\"id\":1,\"ok\":true,\"exit\":0}\n";
    auto done = run({"tcpdump", "-i", "br0"}, begin + end);
    EXPECT_EQ(done.status, 0);
    EXPECT_EQ(done.error,
              "tcpdump: listening on br0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n"
              "0 packets captured\n0 packets received by filter\n0 packets dropped by kernel\n");
    done = run({"tcpdump", "-s96", "-i", "any"}, begin +
                                                     R"({"id":1,"event":{"captured":1,"lost":2}})"
                                                     "\n" +
                                                     end);
    EXPECT_EQ(done.error,
              "tcpdump: listening on any, link-type EN10MB (Ethernet), snapshot length 96 bytes\n"
              "1 packet captured\n3 packets received by filter\n2 packets dropped by kernel\n");
    done = run({"tcpdump", "-i", "no"},
               R"({"id":1,"ok":false,"exit":1,"error":"tcpdump: no: No such device exists"})"
               "\n");
    EXPECT_EQ(done.error, "tcpdump: no: No such device exists\n");
}

TEST_F(CliClient, ADaemonThatCannotBeReachedIsOneSentence) {
    const Client client(directory_ + "/none", false);
    const std::string sentence =
        "no weftd answers at " + directory_ +
        "/none: No such file or directory; start it, or name its socket by -s, -n or WEFT_SOCKET\n";
    for (const auto& [words, status] : std::vector<std::pair<Words, int>>{{{"port", "show"}, 3},
                                                                          {{"ip", "link"}, 1},
                                                                          {{"brctl", "show"}, 1},
                                                                          {{"tc", "qdisc"}, 1},
                                                                          {{"iptables", "-L"}, 4},
                                                                          {{"sysctl", "-a"}, 1}}) {
        const auto done = captured([&client, &line = words] { return client.run(line); });
        EXPECT_EQ(done.status, status) << words.front();
        EXPECT_EQ(done.error, sentence);
    }
}

TEST_F(CliClient, ADaemonThatBreaksOffIsAnError) {
    for (const auto* answer :
         {"", "nonsense\n", "[]\n", "{\"id\":1", "{\"id\":1,\"ok\":true,\"stream\":true}\n"}) {
        const auto done = run({"show", "drops"}, answer);
        EXPECT_EQ(done.status, 3) << answer;
        EXPECT_NE(done.error.find("broke off"), std::string::npos) << done.error;
    }
}

TEST_F(CliClient, WordsThatAreNoTextAreRefused) {
    const auto done = run({"port", "del", "\xff"}, "");
    EXPECT_EQ(done.status, 1);
}

const std::vector<LinkName> links{{"eth0", "port"},       {"eth1", "port", "br0"},  {"eth2", "port", "br1"},
                                  {"br0", "bridge"},      {"br1", "bridge"},        {"tap0", "tuntap"},
                                  {"eth0.8", "vlan", ""}, {"veth-a", "veth", "br0"}};

Words completed(const Words& words) {
    return candidates(words, [] { return links; });
}

TEST(CliCandidates, AreTheNamesThatMayStandThere) {
    EXPECT_EQ(completed({"port", "del", ""}), (Words{"eth0", "eth1", "eth2"}));
    EXPECT_EQ(completed({"ip", "tuntap", "del", "dev", ""}), Words{"tap0"});
    EXPECT_EQ(completed({"brctl", "delif", "br0", ""}), (Words{"eth1", "veth-a"}));
    EXPECT_EQ(completed({"brctl", "delbr", ""}), (Words{"br0", "br1"}));
    EXPECT_EQ(completed({"brctl", "addbr", ""}), Words{});
    EXPECT_EQ(completed({"ip", "link", "set", "dev", "eth0", "master", ""}), (Words{"br0", "br1"}));
    EXPECT_EQ(completed({"bridge", "link", "set", "dev", ""}), (Words{"eth1", "eth2", "veth-a"}));
    EXPECT_EQ(completed({"port", "add", "x", "type", "af_packet", "dev", ""}), Words{});
    EXPECT_EQ(completed({"ip", "link", "set", "dev", "eth"}), (Words{"eth0", "eth1", "eth2", "eth0.8"}));
    EXPECT_EQ(completed({"tcpdump", "-i", ""}).back(), "any");
    EXPECT_EQ(completed({"tcpdump", "-ni", "a"}), Words{"any"});
}

TEST(CliHelp, SaysWhatMayComeNext) {
    const auto help = [](const Words& words) { return help_text(words, [] { return links; }); };
    const auto has = [&](const Words& words, const std::string& line) {
        const auto text = help(words);
        EXPECT_NE(('\n' + text).find('\n' + line + '\n'), std::string::npos) << text << "lacks " << line;
    };
    const std::string name = "an interface name (1 to 15 characters, no '/', ':', '%' or blank): ";
    has({"port", "add", "x", "type"}, "    memif");
    has({"ip", "link", "set", "dev"},
        "    <NAME:ifname>  " + name + "eth0 eth1 eth2 br0 br1 tap0 eth0.8 veth-a");
    has({"ip", "link", "set", "dev", "eth0"}, "    master");
    has({"ip", "link", "set", "dev", "eth0", "master"}, "    <MASTER:ifname:bridge>  " + name + "br0 br1");
    has({"bridge", "vlan", "add", "dev", "eth0", "vid"},
        "    <VID:vidrange>  a VLAN from 1 to 4094 or a range like 10-20");
    has({"explain", "eth0", "ip"}, "    <SRC:ip4>  an IPv4 address");
    has({"tcpdump", "-i"}, "    <IF:name>  a name: eth0 eth1 eth2 br0 br1 tap0 eth0.8 veth-a any");
    EXPECT_TRUE(help({"ip", "link", "set", "dev", "eth0"}).starts_with("ip link set|change "))
        << help({"ip", "link", "set", "dev", "eth0"});
    EXPECT_EQ(help({"show"}).find("    "), std::string::npos) << "lines of the commands say it";
    EXPECT_EQ(help({"port", "nonsense"}), "");
}

TEST(CliHelp, IsOfTheWordsGiven) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(Client("/none", false).help(Words{"port", "add"}), 0);
    const auto text = testing::internal::GetCapturedStdout();
    EXPECT_TRUE(text.starts_with("port add ")) << text;
    EXPECT_EQ(text.find("\nip "), std::string::npos);
}

}  // namespace
}  // namespace weft::cli
