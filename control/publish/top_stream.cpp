#include "control/publish/top_stream.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>

#include "control/command/types.hpp"
#include "control/show/columns.hpp"

namespace weft {

namespace {

namespace asio = boost::asio;
using server::Json;
using Clock = std::chrono::steady_clock;

/// 1234567 as "1.23 M".
std::string scaled(double value) {
    static constexpr const char* units[] = {"", " k", " M", " G"};
    std::size_t unit = 0;
    while (value >= 1000 && unit + 1 < std::size(units))
        value /= 1000, ++unit;
    return fmt::format("{:.{}f}{}", value, unit ? 2 : 0, units[unit]);
}

class TopStream : public std::enable_shared_from_this<TopStream> {
  public:
    TopStream(asio::io_context& io, Switch& live, std::shared_ptr<server::Stream> stream, unsigned seconds,
              std::uint64_t screens, bool json)
        : live_(live),
          stream_(std::move(stream)),
          period_(seconds),
          left_(screens),
          json_(json),
          clock_(io) {}

    void start() {
        take();
        wait();
    }

  private:
    struct Rates {
        double rx = 0, tx = 0, rx_bits = 0, tx_bits = 0, drops = 0;
    };

    void wait() {
        clock_.expires_after(period_);
        clock_.async_wait([self = shared_from_this()](const auto& error) {
            if (error || !self->stream_->open()) return;
            self->show();
            if (--self->left_ == 0) return self->stream_->end();
            self->wait();
        });
    }

    std::map<std::string, Rates> take() {
        const auto now = Clock::now();
        const double seconds = std::chrono::duration<double>(now - taken_).count();
        std::map<std::string, Rates> rates;
        std::map<std::string, LinkState> states;
        for (const auto& [name, link] : live_.model().links) {
            const auto state = live_.link(name);
            if (!state) continue;
            states[name] = *state;
            const auto before = states_.find(name);
            if (before == states_.end()) continue;
            const LinkState& was = before->second;
            const auto rate = [&](std::uint64_t LinkState::*field) {
                return static_cast<double>((*state).*field - std::min((*state).*field, was.*field)) / seconds;
            };
            rates[name] = {rate(&LinkState::rx_packets), rate(&LinkState::tx_packets),
                           rate(&LinkState::rx_bytes) * 8, rate(&LinkState::tx_bytes) * 8,
                           rate(&LinkState::rx_dropped) + rate(&LinkState::tx_dropped)};
        }
        states_ = std::move(states);
        taken_ = now;
        return rates;
    }

    void show() {
        const auto rates = take();
        json_ ? show_json(rates) : show_screen(rates);
    }

    void show_screen(const std::map<std::string, Rates>& rates) {
        std::vector<std::vector<std::string>> workers{{"worker", "cpu", "busy"}};
        for (const auto& worker : live_.workers())
            workers.push_back({std::to_string(worker.worker), std::to_string(worker.cpu),
                               fmt::format("{:.1f}%", worker.busy * 100)});
        std::vector<std::vector<std::string>> links{
            {"interface", "rx pkt/s", "rx bit/s", "tx pkt/s", "tx bit/s", "drops/s"}};
        for (const auto& [name, rate] : rates)
            links.push_back({name, scaled(rate.rx), scaled(rate.rx_bits), scaled(rate.tx),
                             scaled(rate.tx_bits), scaled(rate.drops)});
        stream_->event({{"screen", true}, {"text", columns(workers, 0) + "\n" + columns(links, 1)}});
    }

    void show_json(const std::map<std::string, Rates>& rates) {
        Json event{{"workers", Json::array()}, {"interfaces", Json::array()}};
        for (const auto& worker : live_.workers())
            event["workers"].push_back(
                {{"worker", worker.worker}, {"cpu", worker.cpu}, {"busy", worker.busy}});
        for (const auto& [name, rate] : rates)
            event["interfaces"].push_back({{"ifname", name},
                                           {"rx_packets_per_second", rate.rx},
                                           {"rx_bits_per_second", rate.rx_bits},
                                           {"tx_packets_per_second", rate.tx},
                                           {"tx_bits_per_second", rate.tx_bits},
                                           {"drops_per_second", rate.drops}});
        stream_->event(event);
    }

    Switch& live_;
    std::shared_ptr<server::Stream> stream_;
    std::chrono::seconds period_;
    std::uint64_t left_;
    bool json_;
    asio::steady_timer clock_;
    std::map<std::string, LinkState> states_;
    Clock::time_point taken_{};
};

}  // namespace

server::Answer top(asio::io_context& io, Switch& live, const command::Match& match, bool json) {
    const auto number = [&](std::string_view name, std::uint64_t otherwise) {
        const auto* item = match.argument(name);
        return item ? *command::parse_unsigned(item->value) : otherwise;
    };
    server::Answer answer;
    answer.stream = [&io, &live, seconds = static_cast<unsigned>(number("SECONDS", 1)),
                     screens = number("COUNT", 0), json](std::shared_ptr<server::Stream> stream) {
        std::make_shared<TopStream>(io, live, std::move(stream), seconds, screens, json)->start();
    };
    return answer;
}

}  // namespace weft
