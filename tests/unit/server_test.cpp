// The API's server in one process: requests, rights, streams, clients that misbehave, the socket file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>
//
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "control/server/base64.hpp"
#include "control/server/server.hpp"

namespace weft::server {
namespace {

using namespace std::chrono_literals;

/// The client's end of a connection; never blocks.
class Client {
  public:
    explicit Client(int socket) : socket_(socket) { fcntl(socket_, F_SETFL, O_NONBLOCK); }
    Client(Client&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
    ~Client() { close(); }

    std::size_t send(std::string_view text) {
        const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
        return sent < 0 ? 0 : static_cast<std::size_t>(sent);
    }
    void end_sending() { shutdown(socket_, SHUT_WR); }
    void close() {
        if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    }
    /// What has arrived; notes the end.
    void drain() {
        std::array<char, 65536> chunk;
        ssize_t got;
        while ((got = recv(socket_, chunk.data(), chunk.size(), 0)) > 0)
            received.append(chunk.data(), static_cast<std::size_t>(got));
        if (got == 0 || (got < 0 && errno == ECONNRESET)) ended = true;
    }
    [[nodiscard]] std::vector<Json> lines() const {
        std::vector<Json> parsed;
        for (std::size_t begin = 0, end; (end = received.find('\n', begin)) != std::string::npos;
             begin = end + 1)
            parsed.push_back(Json::parse(received.substr(begin, end - begin)));
        return parsed;
    }

    std::string received;
    bool ended = false;

  private:
    int socket_;
};

class ServerTest : public testing::Test {
  protected:
    void SetUp() override {
        directory_ = (std::filesystem::temp_directory_path() / "weft-server-XXXXXX").string();
        ASSERT_NE(mkdtemp(directory_.data()), nullptr);
        path_ = directory_ + "/run/weft.sock";
    }
    void TearDown() override {
        server_.reset();
        io_.restart();
        io_.poll();
        std::filesystem::remove_all(directory_);
    }

    void open(const Limits& limits = {}) {
        auto opened = Server::open(
            io_, path_, [this](const Request& request) { return handle(request); }, limits);
        ASSERT_TRUE(opened) << opened.error().message;
        server_.emplace(std::move(*opened));
    }

    Answer handle(const Request& request) {
        seen_.push_back(request);
        Answer answer;
        const auto& word = request.argv.front();
        if (word == "echo") answer.text = request.argv.back() + request.input;
        if (word == "data") answer.data = Json::array({Json{{"b", 1}, {"a", 2}}});
        if (word == "big") answer.text = std::string(3 << 19, 'x');
        if (word == "no") {
            answer = refusal({ErrorCode::refused, "no: because", 4}, 2);
            answer.warnings = {"w"};
        }
        if (word == "throw") throw std::runtime_error("thrown");
        if (word == "latin") answer.text = "\xe9";
        if (word == "stop") answer.then = [this] { stopped_ = true; };
        if (word == "pieces") {
            answer.pieces = pieces_ = std::make_shared<Numbers>();
            answer.pieces_are_json = pieces_->json = request.json;
        }
        if (word == "stream") answer.stream = [this](auto stream) { stream_ = std::move(stream); };
        return answer;
    }

    Client connect(const Peer& peer = {geteuid(), getegid(), {}}) {
        std::array<int, 2> ends{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        server_->serve(ends[0], peer);
        return Client(ends[1]);
    }

    int connect_to_path() {
        const int number = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        if (::connect(number, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return number;
        ::close(number);
        return -1;
    }

    /// Runs the server until `done`, at most a minute.
    template <class Done>
    bool pump(Client& client, Done done) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_for(1ms);
            client.drain();
            if (done()) return true;
        }
        return false;
    }
    bool pump_lines(Client& client, std::size_t count) {
        return pump(client, [&] {
            return static_cast<std::size_t>(
                       std::count(client.received.begin(), client.received.end(), '\n')) >= count;
        });
    }
    void send_all(Client& client, std::string_view text) {
        for (std::size_t at = 0; at < text.size();) {
            at += client.send(text.substr(at));
            pump(client, [] { return true; });
        }
    }
    std::string ask(Client& client, std::string_view line) {
        client.received.clear();
        client.send(line);
        client.send("\n");
        EXPECT_TRUE(pump_lines(client, 1)) << line;
        return client.received;
    }

    std::string directory_, path_;
    boost::asio::io_context io_;
    std::optional<Server> server_;
    std::vector<Request> seen_;
    /// Ten thousand lines, or an array of as many numbers.
    struct Numbers : Pieces {
        int made = 0;
        bool json = false;
        bool next(std::string& to) override {
            to += json ? (made == 0 ? "[" : ",") + std::to_string(made) : std::string(99, 'p') + "\n";
            if (++made < 10'000) return true;
            if (json) to += ']';
            exit = 1;
            warnings = {"that was all"};
            return false;
        }
    };
    std::shared_ptr<Numbers> pieces_;
    std::shared_ptr<Stream> stream_;
    bool stopped_ = false;
};

TEST_F(ServerTest, AnswersAsTheContractSays) {
    open();
    auto client = connect();
    EXPECT_EQ(ask(client, R"({"id":1,"argv":["echo","a"]})"),
              "{\"id\":1,\"ok\":true,\"exit\":0,\"text\":\"a\"}\n");
    EXPECT_EQ(ask(client, R"({"id":"x","argv":["echo","a"],"stdin":"b","json":false})"),
              "{\"id\":\"x\",\"ok\":true,\"exit\":0,\"text\":\"ab\"}\n");
    EXPECT_EQ(ask(client, R"({"id":2,"argv":["data"],"json":true})"),
              "{\"id\":2,\"ok\":true,\"exit\":0,\"data\":[{\"b\":1,\"a\":2}]}\n");
    EXPECT_EQ(ask(client, R"({"id":3,"argv":["x"],"json":true})"),
              "{\"id\":3,\"ok\":true,\"exit\":0,\"data\":[]}\n");
    EXPECT_EQ(
        ask(client, R"({"id":4,"argv":["no"]})"),
        "{\"id\":4,\"ok\":false,\"exit\":2,\"error\":\"no: because\",\"column\":4,\"warnings\":[\"w\"]}\n");
    EXPECT_EQ(ask(client, R"({"argv":["latin"]})"),
              "{\"id\":null,\"ok\":true,\"exit\":0,\"text\":\"\xef\xbf\xbd\"}\n");
    EXPECT_EQ(ask(client, R"({"id":5,"argv":["throw"]})"),
              "{\"id\":5,\"ok\":false,\"exit\":2,\"error\":\"internal error: thrown\"}\n");
    EXPECT_TRUE(seen_[2].json);
    EXPECT_FALSE(seen_[1].json);
}

/// Long text and what is JSON already pass no tree: the line is the one that a tree would give.
TEST(ServerAnswer, IsWrittenAsTheLibraryWould) {
    const std::string texts[] = {"",
                                 "a",
                                 "a\nb\t\"c\"\\\x7f\x01",
                                 "\xc3\xa9t\xc3\xa9\xe2\x82\xac",
                                 "cut \xe2\x82",
                                 "\xff\n\xc3(\xf0\x9f\x98\x80)",
                                 std::string("z\0z", 3)};
    for (const auto& text : texts)
        for (const bool warned : {false, true}) {
            Answer answer;
            answer.text = text;
            Json line{{"id", 1}, {"ok", true}, {"exit", 0}, {"text", text}};
            if (warned) answer.warnings = {"w"}, line["warnings"] = {"w"};
            EXPECT_EQ(encode_answer(1, answer, false),
                      line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
        }
    Answer answer;
    answer.encoded = R"([{"a":1}])";
    EXPECT_EQ(encode_answer("x", answer, true),
              "{\"id\":\"x\",\"ok\":true,\"exit\":0,\"data\":[{\"a\":1}]}\n");
}

TEST_F(ServerTest, MalformedRequestsAreAnsweredAndTheConnectionLives) {
    open();
    auto client = connect();
    for (const auto* line : {"{", "nonsense", "[]", "7", "null", "{}", R"({"argv":[]})", R"({"argv":"x"})",
                             R"({"argv":[1]})", R"({"argv":["x"],"stdin":1})", R"({"argv":["x"],"json":1})",
                             R"({"argv":["x"],"more":1})", R"({"id":[1],"argv":["x"]})",
                             "{\"argv\":[\"\xff\"]}", R"({"argv":["a\u0000b"]})", R"({"argv":["x"]}x)"}) {
        const auto answer = Json::parse(ask(client, line));
        EXPECT_EQ(answer["ok"], false) << line;
        EXPECT_EQ(answer["exit"], 1) << line;
        EXPECT_TRUE(answer["error"].get<std::string>().starts_with("malformed request: ")) << line;
    }
    EXPECT_EQ(Json::parse(ask(client, R"({"id":9,"argv":3})"))["id"], 9);
    const auto deep = Json::parse(ask(client, std::string(100'000, '[')));
    EXPECT_EQ(deep["ok"], false);
    const std::string nest = std::string(1'000'000, '[') + std::string(1'000'000, ']');
    for (const auto* key : {"id", "argv", "stdin", "json", "more"}) {
        const auto line =
            "{\"" + std::string(key) + "\":" + nest + R"(,"argv":["show","version"],"json":false})" + "\n";
        client.received.clear();
        send_all(client, line);
        ASSERT_TRUE(pump_lines(client, 1)) << key;
        EXPECT_EQ(client.lines()[0]["exit"], 1) << key;
        const auto error = client.lines()[0]["error"].get<std::string>();
        EXPECT_TRUE(error.starts_with("malformed request: ")) << key;
        EXPECT_NE(error.find(std::string("\"") + key + "\""), std::string::npos) << error;
    }
    EXPECT_TRUE(seen_.empty());
    EXPECT_EQ(Json::parse(ask(client, R"({"argv":["echo","a"]})"))["text"], "a");
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
    open();
    auto client = connect();
    std::string text = "\n\n";
    for (int i = 0; i < 500; ++i)
        text += R"({"id":)" + std::to_string(i) + R"(,"argv":["echo",")" + std::to_string(i) + "\"]}\n";
    text.pop_back();  // the last without its line end
    for (std::size_t at = 0; at < text.size();) {
        at += client.send(text.substr(at, 777));
        pump(client, [] { return true; });
    }
    client.end_sending();
    ASSERT_TRUE(pump(client, [&] { return client.ended; }));
    const auto lines = client.lines();
    ASSERT_EQ(lines.size(), 500u);
    for (int i = 0; i < 500; ++i) {
        EXPECT_EQ(lines[static_cast<std::size_t>(i)]["id"], i);
        EXPECT_EQ(lines[static_cast<std::size_t>(i)]["text"], std::to_string(i));
    }
    EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, RequestsThatAreTooLongEndTheConnection) {
    open({.request_bytes = 1000});
    auto client = connect();
    const std::string head = R"({"id":1,"argv":["echo",")";
    const auto exact = head + std::string(1000 - head.size() - 3, 'y') + "\"]}";
    ASSERT_EQ(exact.size(), 1000u);
    EXPECT_EQ(Json::parse(ask(client, exact))["ok"], true);
    client.received.clear();
    client.send(std::string(1001, 'y'));
    ASSERT_TRUE(pump(client, [&] { return client.ended; }));
    EXPECT_EQ(client.received,
              "{\"id\":null,\"ok\":false,\"exit\":1,\"error\":\"a request is at most 1000 bytes\"}\n");

    auto other = connect();
    other.send(std::string(1001, 'y') + "\n" + R"({"argv":["echo"]})" + "\n");
    ASSERT_TRUE(pump(other, [&] { return other.ended; }));
    EXPECT_EQ(other.lines().size(), 1u);
}

TEST_F(ServerTest, LargeRequestsPass) {
    open();
    auto client = connect();
    const std::string input(1 << 20, 'z');
    const auto text = R"({"id":1,"argv":["echo","a"],"stdin":")" + input + "\"}\n";
    send_all(client, text);
    ASSERT_TRUE(pump_lines(client, 1));
    EXPECT_EQ(client.lines()[0]["text"].get<std::string>().size(), input.size() + 1);
}

TEST_F(ServerTest, AClientThatNeverReadsIsHeldAndThenClosed) {
    open({.stalled = 200ms});
    auto client = connect();
    for (int i = 0; i < 5; ++i)
        client.send("{\"argv\":[\"big\"]}\n");
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (server_->connections() != 0 && std::chrono::steady_clock::now() < end) {
        io_.restart();
        io_.run_for(10ms);
    }
    // The first answer fills what may wait: no further request was carried out for it.
    EXPECT_EQ(seen_.size(), 1u);
    EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, AClientThatReadsLateGetsAll) {
    open();
    auto client = connect();
    for (int i = 0; i < 3; ++i)
        client.send("{\"argv\":[\"big\"]}\n");
    io_.run_for(20ms);
    EXPECT_EQ(seen_.size(), 1u);
    ASSERT_TRUE(pump_lines(client, 3));
    EXPECT_EQ(seen_.size(), 3u);
}

TEST_F(ServerTest, AClientThatGoesAwayIsForgotten) {
    open();
    auto client = connect();
    client.send("{\"argv\":[\"big\"]}\n{\"argv\":[\"half");
    client.close();
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (server_->connections() != 0 && std::chrono::steady_clock::now() < end) {
        io_.restart();
        io_.run_for(1ms);
    }
    EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, StreamsUntilTheClientCloses) {
    open();
    auto client = connect();
    client.send("{\"id\":1,\"argv\":[\"stream\"]}\n");
    ASSERT_TRUE(pump(client, [&] { return stream_ != nullptr; }));
    ASSERT_TRUE(stream_->open());
    stream_->event({{"n", 1}});
    stream_->bytes(std::string_view("\0\xff", 2));
    ASSERT_TRUE(pump_lines(client, 3));
    EXPECT_EQ(client.received,
              "{\"id\":1,\"ok\":true,\"stream\":true}\n{\"id\":1,\"event\":{\"n\":1}}\n"
              "{\"id\":1,\"base64\":\"AP8=\"}\n");
    client.send("{\"id\":2,\"argv\":[\"echo\",\"later\"]}\n");
    pump(client, [] { return true; });
    EXPECT_EQ(seen_.size(), 1u);
    client.close();
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (stream_->open() && std::chrono::steady_clock::now() < end) {
        io_.restart();
        io_.run_for(1ms);
    }
    EXPECT_FALSE(stream_->open());
    stream_->event({{"n", 2}});
    EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, AStreamThatEndsItselfGivesTheConnectionBack) {
    open();
    auto client = connect();
    client.send("{\"id\":1,\"argv\":[\"stream\"]}\n{\"id\":2,\"argv\":[\"echo\",\"later\"]}\n");
    ASSERT_TRUE(pump_lines(client, 1));
    EXPECT_EQ(seen_.size(), 1u);
    stream_->end(3);
    EXPECT_FALSE(stream_->open());
    stream_->event({{"n", 2}});
    ASSERT_TRUE(pump_lines(client, 3));
    EXPECT_EQ(client.lines()[1], Json::parse(R"({"id":1,"ok":true,"exit":3,"text":""})"));
    EXPECT_EQ(client.lines()[2]["text"], "later");
}

/// One line, as of any answer, but never held as a whole: what the client does not read is not made.
TEST_F(ServerTest, ALongAnswerIsMadeAsItIsRead) {
    open({.waiting_bytes = 10'000});
    auto client = connect();
    client.send("{\"id\":1,\"argv\":[\"pieces\"]}\n{\"id\":2,\"argv\":[\"echo\",\"later\"]}\n");
    const auto end = std::chrono::steady_clock::now() + 1s;
    int before = -1;
    while (std::chrono::steady_clock::now() < end && (!pieces_ || before != pieces_->made)) {
        before = pieces_ ? pieces_->made : -1;
        io_.restart();
        io_.run_for(20ms);
    }
    ASSERT_TRUE(pieces_);
    EXPECT_LT(pieces_->made, 9'000) << "the socket's buffer, and 10 kB";
    auto other = connect();
    other.send("{\"argv\":[\"echo\",\"meanwhile\"]}\n");
    ASSERT_TRUE(pump_lines(other, 1));
    ASSERT_TRUE(pump_lines(client, 2));
    const auto lines = client.lines();
    EXPECT_EQ(lines[0]["text"].get<std::string>().size(), 1'000'000u);
    EXPECT_EQ(lines[0]["exit"], 1);
    EXPECT_EQ(lines[0]["ok"], true);
    EXPECT_EQ(lines[0]["warnings"], Json::parse(R"(["that was all"])"));
    EXPECT_EQ(lines[1]["text"], "later") << "in order";
}

TEST_F(ServerTest, ALongAnswerInJson) {
    open();
    auto client = connect();
    client.send("{\"id\":1,\"argv\":[\"pieces\"],\"json\":true}\n");
    client.end_sending();
    ASSERT_TRUE(pump_lines(client, 1));
    const auto line = client.lines()[0];
    EXPECT_EQ(line["data"].size(), 10'000u);
    EXPECT_EQ(line["data"][9'999], 9'999);
    EXPECT_EQ(line["exit"], 1);
}

TEST_F(ServerTest, AClientThatLeavesALongAnswerEndsIt) {
    open({.waiting_bytes = 10'000});
    auto client = connect();
    client.send("{\"argv\":[\"pieces\"]}\n");
    ASSERT_TRUE(pump(client, [&] { return pieces_ != nullptr; }));
    client.close();
    for (int i = 0; i < 1000 && server_->connections() != 0; ++i) {
        io_.restart();
        io_.run_for(1ms);
    }
    EXPECT_EQ(server_->connections(), 0u);
    EXPECT_EQ(pieces_.use_count(), 1);
}

TEST_F(ServerTest, ASlowReaderOfAStreamIsClosed) {
    open({.stream_bytes = 10'000});
    auto client = connect();
    client.send("{\"argv\":[\"stream\"]}\n");
    ASSERT_TRUE(pump_lines(client, 1));
    int sent = 0;
    for (; sent < 100'000 && stream_->open(); ++sent) {
        stream_->event({{"text", std::string(1000, 's')}});
        if (sent % 10 == 0) io_.poll();
    }
    EXPECT_LT(sent, 2000);
    EXPECT_FALSE(stream_->open());
    EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, ASlowReaderOfAStreamHindersNobody) {
    open({.stream_bytes = 10'000});
    auto slow = connect(), fast = connect(), asking = connect();
    slow.send("{\"id\":1,\"argv\":[\"stream\"]}\n");
    ASSERT_TRUE(pump_lines(slow, 1));
    const auto to_slow = std::exchange(stream_, nullptr);
    fast.send("{\"id\":2,\"argv\":[\"stream\"],\"stdin\":\"filter\"}\n");
    ASSERT_TRUE(pump_lines(fast, 1));
    EXPECT_EQ(seen_.back().input, "filter");
    const auto to_fast = stream_;
    std::size_t events = 0;
    for (; events < 100'000 && to_slow->open(); ++events) {
        const Json event{{"n", events}, {"text", std::string(1000, 's')}};
        to_slow->event(event);
        to_fast->event(event);
        if (events % 100 == 0) {
            EXPECT_NE(ask(asking, R"({"argv":["echo","here"]})").find("here"), std::string::npos);
        }
        // The slow one reads nothing, the fast one all.
        ASSERT_TRUE(pump_lines(fast, events + 2));
    }
    EXPECT_FALSE(to_slow->open());
    EXPECT_TRUE(to_fast->open());
    EXPECT_EQ(server_->connections(), 2u);
    const auto got = fast.lines();
    ASSERT_EQ(got.size(), events + 1);
    for (std::size_t n = 0; n < events; ++n)
        ASSERT_EQ(got[n + 1]["event"]["n"], n) << "each event once, in order";
}

TEST_F(ServerTest, TheEndOfTheServerEndsStreams) {
    open();
    auto client = connect();
    client.send("{\"argv\":[\"stream\"]}\n");
    ASSERT_TRUE(pump_lines(client, 1));
    server_.reset();
    EXPECT_FALSE(stream_->open());
    stream_->event({{"n", 1}});
    ASSERT_TRUE(pump(client, [&] { return client.ended; }));
}

TEST_F(ServerTest, RightsAreThoseOfTheSocketFile) {
    EXPECT_EQ(rights_of({0, 5, {}}, 1000, 2000), Rights::all);
    EXPECT_EQ(rights_of({1000, 5, {}}, 1000, 2000), Rights::all);
    EXPECT_EQ(rights_of({1, 2000, {}}, 1000, 2000), Rights::read);
    EXPECT_EQ(rights_of({1, 5, {7, 2000}}, 1000, 2000), Rights::read);
    EXPECT_EQ(rights_of({1, 5, {7}}, 1000, 2000), Rights::none);

    open();
    const Peer stranger{12345, 54321, {}};
    auto client = connect(stranger);
    ASSERT_TRUE(pump(client, [&] { return client.ended; }));
    ASSERT_EQ(client.lines().size(), 1u);
    EXPECT_EQ(client.lines()[0]["error"],
              "socket " + path_ + ": not permitted: neither its owner nor a member of its group");
    EXPECT_EQ(client.lines()[0]["exit"], 2);

    auto member = connect({12345, 54321, {getegid()}});
    const auto error = [&](const char* line) {
        return Json::parse(ask(member, line)).value("error", std::string());
    };
    EXPECT_EQ(error(R"({"argv":["-f","file"],"stdin":"stop"})"),
              "-f: not permitted: members of the socket's group may only read");
    EXPECT_EQ(error(R"({"argv":["unheard-of"]})"),
              "\"unheard-of\" is not a command of weft; try \"weft help\"");
    EXPECT_TRUE(seen_.empty());
    // The group of the file decides at the time of connecting.
    ASSERT_EQ(chown(path_.c_str(), 12345, static_cast<gid_t>(-1)), geteuid() == 0 ? 0 : -1);
    if (geteuid() == 0) {
        auto owner = connect(stranger);
        EXPECT_EQ(Json::parse(ask(owner, R"({"argv":["echo","a"]})"))["text"], "a");
    }
}

TEST_F(ServerTest, TooManyConnectionsAreToldSo) {
    open({.connections = 2});
    auto one = connect();
    auto two = connect();
    auto three = connect();
    ASSERT_TRUE(pump(three, [&] { return three.ended; }));
    EXPECT_NE(three.received.find("more than 2 connections"), std::string::npos);
    EXPECT_EQ(Json::parse(ask(two, R"({"argv":["echo","a"]})"))["text"], "a");
}

TEST_F(ServerTest, MembersOfTheGroupLeaveRoomForTheOwner) {
    open({.connections = 8});
    const Peer member{12345, 54321, {getegid()}};
    std::vector<Client> silent;
    for (int i = 0; i < 7; ++i)
        silent.push_back(connect(member));
    auto eighth = connect(member);
    ASSERT_TRUE(pump(eighth, [&] { return eighth.ended; }));
    EXPECT_NE(eighth.received.find("more than 7 connections"), std::string::npos) << eighth.received;
    auto owner = connect();
    EXPECT_EQ(Json::parse(ask(owner, R"({"argv":["echo","a"]})"))["text"], "a");
}

TEST_F(ServerTest, WhatComesAfterAnAnswerComesAfterIt) {
    open();
    auto client = connect();
    client.send("{\"argv\":[\"stop\"]}\n");
    ASSERT_TRUE(pump(client, [&] { return stopped_; }));
    client.drain();
    EXPECT_EQ(client.lines().size(), 1u);

    stopped_ = false;
    auto gone = connect();
    gone.send("{\"argv\":[\"big\"]}\n{\"argv\":[\"stop\"]}\n");
    gone.close();
    auto other = connect();
    EXPECT_EQ(Json::parse(ask(other, R"({"argv":["echo","a"]})"))["text"], "a");
}

TEST_F(ServerTest, TheSocketFileComesAndGoes) {
    open();
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0660u);
    const int number = connect_to_path();
    ASSERT_GE(number, 0);
    Client client(number);
    EXPECT_EQ(Json::parse(ask(client, R"({"argv":["echo","a"]})"))["text"], "a");
    EXPECT_EQ(seen_.front().peer.uid, geteuid());

    auto second = Server::open(io_, path_, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message,
              "socket " + path_ + ": a live daemon answers there: stop it or choose another socket");

    server_.reset();
    EXPECT_NE(stat(path_.c_str(), &status), 0);
    ASSERT_TRUE(pump(client, [&] { return client.ended; }));
}

TEST_F(ServerTest, AStaleSocketIsRemovedAndOtherFilesAreNot) {
    open();
    // As after kill -9: the file stays, nobody listens.
    std::filesystem::rename(path_, path_ + ".kept");
    server_.reset();
    std::filesystem::rename(path_ + ".kept", path_);
    open();
    server_.reset();

    std::ofstream(path_) << "precious";
    auto opened = Server::open(io_, path_, {});
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("a file of another kind is there"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(path_));

    EXPECT_FALSE(Server::open(io_, directory_ + "/a/b/weft.sock", {}));
    EXPECT_FALSE(Server::open(io_, directory_ + "/" + std::string(200, 'p'), {}));
    EXPECT_FALSE(Server::open(io_, "", {}));
}

TEST(ServerSocket, DefaultIsNamedAfterTheNamespace) {
    EXPECT_EQ(default_socket(), "/run/weft/weft.sock");
    EXPECT_EQ(default_socket("lab"), "/run/weft/lab.sock");
    EXPECT_EQ(default_socket("/run/netns/lab"), "/run/weft/lab.sock");
}

TEST(ServerBase64, IsThatOfTheRfc) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(encode_base64(plain), text);
        EXPECT_EQ(decode_base64(text), plain);
    }
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    EXPECT_EQ(decode_base64(encode_base64(all)), all);
    for (const auto* wrong : {"Z", "Zg=", "Zg", "Z===", "Zg==Zg==", "Zm9*", "====", "=AAA"})
        EXPECT_EQ(decode_base64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace weft::server
