#include "control/publish/connection_events.hpp"

#include <fmt/format.h>

#include <chrono>

#include "control/flow/json.hpp"
#include "control/flow/print.hpp"

namespace weft {

namespace {

using conntrack::Event;
using conntrack::EventMask;
using server::Json;

constexpr std::chrono::milliseconds period{20};
/// Bytes that wait for a slow reader; the server closes it at four times as many.
constexpr std::size_t patience = std::size_t{1} << 20;

unsigned bit_of(Event event) {
    return 1U << static_cast<unsigned>(event);
}

/// As conntrack -o timestamp.
std::string time_text() {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    constexpr std::int64_t second = 1'000'000;
    return fmt::format("[{:08}.{:06}]\t", now / second, now % second);
}

/// The words of ENOBUFS that conntrack has, with a number.
std::string losing(std::uint64_t lost) {
    return fmt::format("WARNING: We have hit ENOBUFS! We are losing events: {} were lost.", lost);
}

}  // namespace

struct ConnectionEvents::Listener {
    conntrack::Command command;
    bool json;
    std::shared_ptr<server::Stream> stream;
    std::string text{};
    std::uint64_t lost = 0;

    void take(const conntrack::Happened& one) {
        if (!(command.events & bit_of(one.event)) || !command.filter.matches(one.entry)) return;
        if (stream->waiting() + text.size() > patience) {
            ++lost;
            return;
        }
        if (json) return take_json(one);
        if (command.timestamp) text += time_text();
        text += print(one.event, one.entry, command.style, one.mark_changed) + '\n';
    }
    void take_json(const conntrack::Happened& one) {
        static constexpr const char* names[] = {"new", "update", "destroy"};
        std::string entry;
        append_json(entry, one.entry);
        Json event{{"type", names[static_cast<std::size_t>(one.event)]}};
        event.update(Json::parse(entry));
        stream->event(event);
    }
    void send() {
        if (!text.empty()) stream->event({{"text", std::exchange(text, {})}});
        if (lost != 0) stream->event({{"error", losing(std::exchange(lost, 0))}});
    }
};

server::Answer ConnectionEvents::listen(conntrack::Command command, bool json) {
    server::Answer answer;
    answer.stream = [this, command = std::move(command), json](std::shared_ptr<server::Stream> stream) {
        add(std::make_shared<Listener>(Listener{command, json, std::move(stream)}));
    };
    return answer;
}

void ConnectionEvents::add(std::shared_ptr<Listener> listener) {
    const bool first = listeners_.empty();
    listeners_.push_back(std::move(listener));
    if (!first) return;
    connections_.want_events(true);
    wait();
}

void ConnectionEvents::wait() {
    clock_.expires_after(period);
    clock_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        deliver();
        if (!listeners_.empty()) wait();
    });
}

void ConnectionEvents::deliver() {
    std::erase_if(listeners_, [](const auto& one) { return !one->stream->open(); });
    if (listeners_.empty()) return connections_.want_events(false);
    const auto lost = connections_.take_events([&](const conntrack::Happened& one) {
        for (const auto& listener : listeners_)
            listener->take(one);
    });
    for (const auto& listener : listeners_) {
        listener->lost += lost;
        listener->send();
    }
}

}  // namespace weft
