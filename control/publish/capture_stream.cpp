#include "control/publish/capture_stream.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <map>

#include "control/command/types.hpp"
#include "control/model/refusal.hpp"
#include "control/observe/describe.hpp"
#include "control/observe/pcapng.hpp"
#include "dataplane/egress/tag.hpp"

namespace weft {

namespace {

namespace asio = boost::asio;
using server::Json;

// Over so much unread output nothing is taken from the rings, which then overflow and count.
constexpr std::size_t most_waiting = std::size_t{1} << 20;
constexpr auto look_every = std::chrono::milliseconds(100);

/// The frame as it is on the wire, a stripped tag put back.
std::vector<std::byte> bytes_of(const Packet& copy) {
    std::vector<std::byte> bytes(copy.pkt_len);
    std::size_t at = 0;
    for (const rte_mbuf* m = &copy; m; m = m->next) {
        const auto* from = rte_pktmbuf_mtod(m, const std::byte*);
        std::copy_n(from, m->data_len, bytes.begin() + static_cast<std::ptrdiff_t>(at));
        at += m->data_len;
    }
    constexpr std::size_t addresses = 2 * sizeof(MacAddress);
    if (copy.meta.tag_place == TagPlace::stripped && bytes.size() >= addresses) {
        const VlanTag tag{be16{copy.meta.vlan_tpid}, be16{copy.meta.vlan_tci}};
        const auto* from = reinterpret_cast<const std::byte*>(&tag);
        bytes.insert(bytes.begin() + addresses, from, from + sizeof tag);
    }
    return bytes;
}

std::string clock_text(std::uint64_t nanoseconds) {
    const auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
    std::tm local{};
    localtime_r(&seconds, &local);
    return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                       nanoseconds % 1'000'000'000 / 1000);
}

/// How frames are put: what the client sees.
class Writer {
  public:
    virtual ~Writer() = default;
    virtual void frame(const CaptureNote& note, const Packet& copy, const std::string& interface) = 0;
    /// What was put since the last call goes to the client.
    virtual void flush(server::Stream&) {}
};

class PcapngWriter final : public Writer {
  public:
    explicit PcapngWriter(std::uint32_t snap) : snap_(snap), pending_(pcapng::section_header()) {}

    void frame(const CaptureNote& note, const Packet& copy, const std::string& interface) override {
        auto bytes = bytes_of(copy);
        const auto added = static_cast<std::uint32_t>(bytes.size() - copy.pkt_len);
        bytes.resize(std::min<std::size_t>(bytes.size(), snap_));  // more is an error to libpcap
        pcapng::Frame frame{.interface = number_of(interface),
                            .nanoseconds = note.nanoseconds,
                            .length = note.length + added,
                            .bytes = bytes};
        const auto comment =
            note.seen == Seen::dropped
                ? fmt::format("dropped {}: {}", text_of(note.reason).word, text_of(note.reason).meaning)
                : std::string();
        frame.comment = comment;
        if (note.seen != Seen::dropped) frame.inbound = note.seen == Seen::received;
        pending_ += pcapng::enhanced_packet(frame);
    }
    void flush(server::Stream& stream) override {
        if (!pending_.empty()) stream.bytes(std::exchange(pending_, {}));
    }

  private:
    std::uint32_t number_of(const std::string& interface) {
        const auto [at, fresh] = numbers_.try_emplace(interface, static_cast<std::uint32_t>(numbers_.size()));
        if (fresh) pending_ += pcapng::interface_description(interface, snap_);
        return at->second;
    }
    std::uint32_t snap_;
    std::string pending_;
    std::map<std::string, std::uint32_t> numbers_;
};

class LineWriter final : public Writer {
  public:
    LineWriter(server::Stream& stream, bool json) : stream_(stream), json_(json) {}

    void frame(const CaptureNote& note, const Packet& copy, const std::string& interface) override {
        const auto bytes = bytes_of(copy);
        const auto length = note.length + static_cast<std::uint32_t>(bytes.size() - copy.pkt_len);
        const auto text = describe_frame(bytes, length);
        const std::string why(note.seen == Seen::dropped ? text_of(note.reason).word : "");
        static constexpr const char* directions[] = {"In", "Out", "Drop"};
        const auto* direction = directions[static_cast<std::size_t>(note.seen)];
        if (json_) {
            Json event{{"time", static_cast<double>(note.nanoseconds) / 1e9},
                       {"ifname", interface},
                       {"direction", direction}};
            if (!why.empty()) event["reason"] = why;
            event["frame"] = text;
            return stream_.event(event);
        }
        stream_.event({{"text", fmt::format("{} {:<5} {:<4} {}{}", clock_text(note.nanoseconds), interface,
                                            direction, why.empty() ? "" : why + ", ", text)}});
    }

  private:
    server::Stream& stream_;
    bool json_;
};

/// A capture that is open as long as this lives, or the switch.
class OpenCapture {
  public:
    OpenCapture(std::weak_ptr<Lookout> lookout, std::shared_ptr<Capture> capture)
        : lookout_(std::move(lookout)), capture_(std::move(capture)) {}
    ~OpenCapture() {
        if (const auto lookout = lookout_.lock()) lookout->close(capture_);
    }
    OpenCapture(const OpenCapture&) = delete;
    OpenCapture& operator=(const OpenCapture&) = delete;

    [[nodiscard]] Capture& operator*() const noexcept { return *capture_; }
    [[nodiscard]] bool is_gone() const {
        const auto lookout = lookout_.lock();
        return !lookout || lookout->is_gone(capture_);
    }

  private:
    std::weak_ptr<Lookout> lookout_;
    std::shared_ptr<Capture> capture_;
};

class CaptureStream : public std::enable_shared_from_this<CaptureStream> {
  public:
    CaptureStream(asio::io_context& io, Switch& live, std::shared_ptr<OpenCapture> open,
                  std::shared_ptr<server::Stream> stream, std::unique_ptr<Writer> writer)
        : live_(live),
          open_(std::move(open)),
          capture_(**open_),
          stream_(std::move(stream)),
          writer_(std::move(writer)),
          ready_(io, dup(capture_.waker.descriptor())),
          clock_(io) {}

    void start() {
        writer_->flush(*stream_);
        pump();
        look();
    }

  private:
    // The operations that wait hold the object; when none does any more, the capture closes.
    void pump() {
        if (done_) return;
        capture_.waker.awake();
        const Names names = live_.names();
        bool emptied = true;
        for (auto& ring : capture_.rings)
            emptied &= take(*ring, names);
        writer_->flush(*stream_);
        if (!stream_->open()) return finish();
        tell_counts();
        if (emptied && capture_.left.load(std::memory_order_relaxed) <= 0 && all_empty()) return end(0);
        if (!emptied) return;  // look() goes on when the client has read
        capture_.waker.about_to_sleep();
        if (!all_empty()) {
            asio::post(ready_.get_executor(), [self = shared_from_this()] { self->pump(); });
            return;
        }
        waiting_ = true;
        ready_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const auto& error) {
                              self->waiting_ = false;
                              if (!error) self->pump();
                          });
    }

    /// False if something was left because the client does not read.
    bool take(PacketRing& ring, const Names& names) {
        Packet* copies[batch_size];
        while (stream_->waiting() < most_waiting) {
            const unsigned n = ring.dequeue(copies, batch_size);
            if (n == 0) return true;
            for (unsigned i = 0; i < n; ++i) {
                const CaptureNote note = read_note(*copies[i]);
                writer_->frame(note, *copies[i], names.interface(note.interface));
                Packet::free(copies[i]);
            }
            captured_ += n;
            writer_->flush(*stream_);
        }
        return ring.empty();
    }

    [[nodiscard]] bool all_empty() const {
        for (const auto& ring : capture_.rings)
            if (!ring->empty()) return false;
        return true;
    }

    /// A client that is gone, or an interface, wakes nobody.
    void look() {
        clock_.expires_after(look_every);
        clock_.async_wait([self = shared_from_this()](const auto& error) {
            if (error || self->done_) return;
            if (!self->stream_->open()) return self->finish();
            if (!self->waiting_) self->pump();
            if (self->done_) return;
            self->tell_counts();
            if (self->open_->is_gone()) return self->end(1);
            self->look();
        });
    }

    void tell_counts() {
        const auto lost = capture_.lost.load(std::memory_order_relaxed);
        if (captured_ == told_captured_ && lost == told_lost_) return;
        told_captured_ = captured_;
        told_lost_ = lost;
        stream_->event({{"captured", captured_}, {"lost", lost}});
    }

    void end(int status) {
        tell_counts();
        if (status) stream_->event({{"error", "tcpdump: the interface disappeared"}});
        stream_->end(status);
        finish();
    }

    void finish() {
        done_ = true;
        boost::system::error_code ignored;
        ready_.close(ignored);
        clock_.cancel(ignored);
    }

    Switch& live_;
    std::shared_ptr<OpenCapture> open_;
    Capture& capture_;
    std::shared_ptr<server::Stream> stream_;
    std::unique_ptr<Writer> writer_;
    asio::posix::stream_descriptor ready_;
    asio::steady_timer clock_;
    std::uint64_t captured_ = 0, told_captured_ = 0, told_lost_ = 0;
    bool done_ = false, waiting_ = false;
};

std::string joined(const command::Match& match, std::string_view name) {
    std::string all;
    for (const auto& item : match.items)
        if (item.argument && item.name == name) all += (all.empty() ? "" : " ") + item.value;
    return all;
}

std::uint64_t number_or(const command::Match& match, std::string_view name, std::uint64_t otherwise) {
    const auto* item = match.argument(name);
    return item ? *command::parse_unsigned(item->value) : otherwise;
}

}  // namespace

server::Answer tcpdump(asio::io_context& io, Switch& live, const command::Match& match, bool json) {
    const auto* interface = match.argument("IF");
    const auto refused = [](const std::string& sentence) { return server::refusal(refuse(sentence), 1); };
    if (!interface) return refused("tcpdump: name an interface by -i, or -i any");
    if (interface->value != "any" && !live.model().find(interface->value))
        return refused(fmt::format("tcpdump: {}: No such device exists", interface->value));
    // tcpdump takes -s 0 for its greatest.
    auto snap = static_cast<std::uint32_t>(number_or(match, "SNAP", 0));
    if (snap == 0) snap = CaptureWish{}.snap;
    auto capture = live.lookout().lock()->open({.interface = interface->value,
                                                .drops = match.has("--drops"),
                                                .snap = snap,
                                                .count = number_or(match, "COUNT", 0),
                                                .filter = joined(match, "EXPR")});
    if (!capture) return refused(capture.error().message);
    auto open = std::make_shared<OpenCapture>(live.lookout(), std::move(*capture));
    const bool file = match.argument("OUT") != nullptr;
    server::Answer answer;
    answer.stream = [&io, &live, open = std::move(open), file, json,
                     snap](std::shared_ptr<server::Stream> stream) {
        std::unique_ptr<Writer> writer;
        if (file)
            writer = std::make_unique<PcapngWriter>(snap);
        else
            writer = std::make_unique<LineWriter>(*stream, json);
        std::make_shared<CaptureStream>(io, live, open, std::move(stream), std::move(writer))->start();
    };
    return answer;
}

}  // namespace weft
