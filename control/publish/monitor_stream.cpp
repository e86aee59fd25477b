#include "control/publish/monitor_stream.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <map>

namespace weft {

namespace {

namespace asio = boost::asio;
using server::Json;

/// What an event tells of a link.
struct LinkFacts {
    bool up = false, carrier = false;
    std::uint16_t mtu = 0;
    MacAddress mac{};
    std::string master;
    friend bool operator==(const LinkFacts&, const LinkFacts&) = default;
};

std::string text_of_link(const LinkFacts& facts) {
    return fmt::format("{}, {}, mtu {}, {}{}", facts.up ? "up" : "down",
                       facts.carrier ? "carrier" : "no carrier", facts.mtu, to_string(facts.mac),
                       facts.master.empty() ? "" : ", master " + facts.master);
}

class MonitorStream : public std::enable_shared_from_this<MonitorStream> {
  public:
    MonitorStream(asio::io_context& io, Switch& live, std::shared_ptr<server::Stream> stream, bool json)
        : live_(live), stream_(std::move(stream)), json_(json), clock_(io) {}

    void start() {
        links_ = facts();
        drops_ = drops();
        live_.on_change([weak = weak_from_this()] {
            const auto self = weak.lock();
            if (self) self->compare_links();
            return self != nullptr;
        });
        wait();
    }

  private:
    void wait() {
        clock_.expires_after(std::chrono::seconds(1));
        clock_.async_wait([self = shared_from_this()](const auto& error) {
            if (error || !self->stream_->open()) return;
            self->compare_links();
            self->compare_drops();
            self->wait();
        });
    }

    std::map<std::string, LinkFacts> facts() {
        std::map<std::string, LinkFacts> all;
        for (const auto& [name, link] : live_.model().links)
            if (const auto state = live_.link(name))
                all[name] = {link.up, state->carrier, state->mtu, state->mac,
                             link.member ? link.member->bridge : ""};
        return all;
    }

    std::map<std::pair<std::string, std::string>, std::uint64_t> drops() {
        std::map<std::pair<std::string, std::string>, std::uint64_t> all;
        for (const auto& drop : live_.drops())
            all[{drop.interface, drop.reason}] = drop.packets;
        return all;
    }

    void compare_links() {
        const auto now = facts();
        for (const auto& [name, link] : now) {
            const auto before = links_.find(name);
            if (before == links_.end())
                tell_link(name, "new", &link);
            else if (before->second != link)
                tell_link(name, "changed", &link);
        }
        for (const auto& [name, link] : links_)
            if (!now.contains(name)) tell_link(name, "deleted", nullptr);
        links_ = now;
    }

    void tell_link(const std::string& name, const char* what, const LinkFacts* link) {
        if (!json_)
            return say(fmt::format("link {} {}{}", name, what, link ? ": " + text_of_link(*link) : ""));
        Json event{{"event", "link"}, {"ifname", name}, {"action", what}};
        if (link) {
            event["up"] = link->up;
            event["carrier"] = link->carrier;
            event["mtu"] = link->mtu;
            event["address"] = to_string(link->mac);
            if (!link->master.empty()) event["master"] = link->master;
        }
        stream_->event(event);
    }

    void compare_drops() {
        const auto now = drops();
        for (const auto& [what, packets] : now) {
            const auto before = drops_.find(what);
            const std::uint64_t more =
                packets - (before == drops_.end() ? 0 : std::min(packets, before->second));
            if (more == 0) continue;
            if (json_)
                stream_->event(
                    {{"event", "drops"}, {"ifname", what.first}, {"reason", what.second}, {"packets", more}});
            else
                say(fmt::format("drops {} {}: {}", what.first, what.second, more));
        }
        drops_ = now;
    }

    void say(const std::string& text) { stream_->event({{"text", text}}); }

    Switch& live_;
    std::shared_ptr<server::Stream> stream_;
    bool json_;
    asio::steady_timer clock_;
    std::map<std::string, LinkFacts> links_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> drops_;
};

}  // namespace

server::Answer monitor(asio::io_context& io, Switch& live, bool json) {
    server::Answer answer;
    answer.stream = [&io, &live, json](std::shared_ptr<server::Stream> stream) {
        std::make_shared<MonitorStream>(io, live, std::move(stream), json)->start();
    };
    return answer;
}

}  // namespace weft
