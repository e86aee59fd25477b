// weft-bench: a generator and a sink on two DPDK ports, with its own limits printed first.
#include <fmt/format.h>
#include <rte_cycles.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "dataplane/dpdk/eal.hpp"
#include "dataplane/dpdk/pool.hpp"
#include "dataplane/port/open.hpp"
#include "figures.hpp"
#include "options.hpp"
#include "trial.hpp"

namespace weft::bench {

namespace {

using nlohmann::json;

constexpr unsigned buffers = 16384;

int fail(const std::string& sentence, int status) {
    std::fputs(("weft-bench: " + sentence + "\n").c_str(), stderr);
    return status;
}

Result<std::unique_ptr<Port>> open(const char* name, const std::string& devargs, const Options& options,
                                   rte_mempool* pool) {
    PortQueues queues;
    queues.rx = options.rxq;
    if (options.flows.size > 1518) queues.mtu = static_cast<std::uint16_t>(options.flows.size - 18);
    auto port = open_ethdev(name, devargs, queues, {pool, -1, -1, 1});
    if (port)
        if (auto up = (*port)->set_up(true); !up) return std::move(up).error();
    return port;
}

bool wait_for_link(Port& port) {
    for (int i = 0; i < 1000; ++i) {
        if (port.info().link_up) return true;
        rte_delay_us_sleep(10'000);
    }
    return false;
}

json figures_of(Counted& counted) {
    json row{{"offered", counted.offered},
             {"sent", counted.sent},
             {"received", counted.received},
             {"foreign", counted.foreign},
             {"seconds", counted.seconds},
             {"sent_mpps", static_cast<double>(counted.sent) / counted.seconds / 1e6},
             {"received_mpps", static_cast<double>(counted.received) / counted.seconds / 1e6},
             {"loss_percent", 100 * counted.loss()},
             {"generator_late", counted.late}};
    for (const double percent : {50.0, 90.0, 99.0, 99.9, 100.0})
        row["latency_us"][fmt::format("p{:g}", percent)] = percentile(counted.latency_ns, percent) / 1e3;
    return row;
}

void print(const json& row) {
    std::fputs(
        fmt::format(
            "sent       {:>14}  {:.3f} Mpps{}\nreceived   {:>14}  {:.3f} Mpps\nlost       {:>13.4f} %\n",
            row["sent"].get<std::uint64_t>(), row["sent_mpps"].get<double>(),
            row["generator_late"].get<bool>() ? " (the generator did not keep up)" : "",
            row["received"].get<std::uint64_t>(), row["received_mpps"].get<double>(),
            row["loss_percent"].get<double>())
            .c_str(),
        stdout);
    std::string line = "latency us";
    for (const char* name : {"p50", "p90", "p99", "p99.9", "p100"})
        line += fmt::format("  {} {:.1f}", name, row["latency_us"][name].get<double>());
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
}

json measure(const Options& options, const Path& path) {
    json answer;
    answer["own"] = {{"loop_back_mpps", loop_back(path, 0.3) / 1e6},
                     {"line_round_trip_ns", line_round_trip(options.cpu, options.far_cpu)}};
    if (!options.json)
        std::fputs(
            fmt::format(
                "own limits: generator to sink {:.2f} Mpps; a cache line to CPU {} and back {:.0f} ns\n",
                answer["own"]["loop_back_mpps"].get<double>(), options.far_cpu,
                answer["own"]["line_round_trip_ns"].get<double>())
                .c_str(),
            stdout);
    std::fflush(stdout);
    if (options.prepare == Prepare::announce) announce(path);
    if (options.prepare == Prepare::connect) connect(path);
    Counted counted = run(path, options.rate, options.seconds);
    answer["trial"] = figures_of(counted);
    if (!options.json) print(answer["trial"]);
    if (options.search_loss > 0) {
        const double highest =
            options.rate > 0 ? options.rate : static_cast<double>(counted.sent) / counted.seconds * 1.05;
        const double found = partial_drop_rate({highest, options.search_loss, 0.02, 3}, [&](double rate) {
            return run(path, rate, options.seconds).loss();
        });
        answer["search"] = {{"loss_percent", 100 * options.search_loss}, {"rate_mpps", found / 1e6}};
        if (!options.json)
            std::fputs(fmt::format("highest rate with at most {:g} % lost: {:.3f} Mpps\n",
                                   100 * options.search_loss, found / 1e6)
                           .c_str(),
                       stdout);
    }
    return answer;
}

int bench(const Options& options) {
    EalOptions eal;
    eal.worker_cpus = {options.cpu};
    eal.no_huge = !options.huge;
    auto started = start_eal(eal);
    if (!started) return fail(started.error().message, 3);
    int status = 0;
    {
        auto pool = PacketPool::create("bench", buffers);
        if (!pool) return fail(pool.error().message, 3);
        auto tx = open("tx", options.tx, options, pool->get());
        if (!tx) return fail(tx.error().message, 2);
        std::unique_ptr<Port> second;
        if (!options.rx.empty()) {
            auto rx = open("rx", options.rx, options, pool->get());
            if (!rx) return fail(rx.error().message, 2);
            second = *std::move(rx);
        }
        Port& rx = second ? *second : **tx;
        if (!wait_for_link(**tx) || !wait_for_link(rx)) {
            status = fail("a port has no link after 10 s", 2);
        } else {
            const Flows flows{options.flows};
            const auto ready = ready_frames(flows, options.flows.flows);
            const auto answer =
                measure(options, {**tx, rx, pool->get(), flows, ready, options.flows.flows, options.rxq});
            if (options.json) std::fputs((answer.dump() + "\n").c_str(), stdout);
        }
    }
    stop_eal();
    return status;
}

}  // namespace

}  // namespace weft::bench

int main(int argc, char** argv) {
    const auto options = weft::bench::parse(argc, argv);
    if (!options) return weft::bench::fail(options.error().message, 1);
    if (options->help) {
        std::fputs(weft::bench::help().c_str(), stdout);
        return 0;
    }
    return weft::bench::bench(*options);
}
