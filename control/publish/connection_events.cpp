#include "control/publish/connection_events.hpp"

#include <fmt/format.h>

#include <algorithm>
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
        if (command.expects || !(command.events & bit_of(one.event)) || !command.filter.matches(one.entry))
            return;
        take(one.event, one.entry,
             [&] { return print(one.event, one.entry, command.style, one.mark_changed); });
    }
    void take(Event happened, const conntrack::Expectation& one) {
        if (command.expects) take(happened, one, [&] { return print(happened, one); });
    }
    template <class What, class Line>
    void take(Event happened, const What& what, Line&& line) {
        if (stream->waiting() + text.size() > patience) {
            ++lost;
            return;
        }
        if (json) return take_json(happened, what);
        if (command.timestamp) text += time_text();
        text += line() + '\n';
    }
    template <class What>
    void take_json(Event happened, const What& what) {
        static constexpr const char* names[] = {"new", "update", "destroy"};
        std::string entry;
        append_json(entry, what);
        Json event{{"type", names[static_cast<std::size_t>(happened)]}};
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
    const bool of_expectations = listener->command.expects;
    const bool told = wants(of_expectations);
    listeners_.push_back(std::move(listener));
    if (!told) want(of_expectations, true);
    if (first) wait();
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
    const bool before[] = {wants(false), wants(true)};
    std::erase_if(listeners_, [](const auto& one) { return !one->stream->open(); });
    std::uint64_t lost[2] = {};
    for (const bool of_expectations : {false, true}) {
        if (wants(of_expectations))
            lost[of_expectations] = of_expectations ? take_expectations() : take_connections();
        else if (before[of_expectations])
            want(of_expectations, false);
    }
    for (const auto& listener : listeners_) {
        listener->lost += lost[listener->command.expects];
        listener->send();
    }
}

bool ConnectionEvents::wants(bool expectations) const {
    return std::any_of(listeners_.begin(), listeners_.end(),
                       [&](const auto& one) { return one->command.expects == expectations; });
}

void ConnectionEvents::want(bool expectations, bool on) {
    if (expectations)
        connections_.want_expectation_events(on);
    else
        connections_.want_events(on);
}

std::uint64_t ConnectionEvents::take_connections() {
    return connections_.take_events([&](const conntrack::Happened& one) {
        for (const auto& listener : listeners_)
            listener->take(one);
    });
}

std::uint64_t ConnectionEvents::take_expectations() {
    return connections_.take_expectation_events([&](Event event, const conntrack::Expectation& one) {
        for (const auto& listener : listeners_)
            listener->take(event, one);
    });
}

}  // namespace weft
