// What routing itself costs a packet: gen -> route -> null on one worker, over the floor gen -> null,
// measured in turns of about a millisecond in one run. Prints TSC clocks per packet as quartiles over the
// turns.
//
//     route_bench [--ipv6] [--routes N] [--hops N] [--ecmp N] [--flows N] [--size BYTES] [--turns N] [--cpu
//     N]
//                 [--update N | --move N] [--rules N] [--filter N [--workers 2]] [--snat | --stateless]
//                 [--renew N]
//                 [--vlan] [--json]
//
// N routes of lengths as in the Internet (1: the default route alone) lead to --hops neighbours at random, or
// with --ecmp all to one group of so many members in 256 buckets. Packets go to 2^20 random addresses
// (--flows) within the routes. --update: so many routes a second change their hop meanwhile, by a thread on
// the other CPU. --move: so many times a second a neighbour, each in its turn, has another MAC address.
// --rules: after N policy rules for another source, which no packet has, one asks the table.
// --filter: a stateful firewall of N rules that no packet matches; every second destination's flow is TCP, in
// the middle of a connection, the others UDP, and before the first turn each flow is known (flow_batch).
// --snat, with it: all leave from one address, whose ports serve every destination. --stateless: none of the
// rules asks for connections. --renew: so many times all connections are forgotten and begin again, in memory
// that was used.
// --vlan: by a VLAN sub-interface of each port, frames with a tag.
// --workers 2: two workers against one, in turns, what leaves a second. Every flow comes by both queues of
// the port, so that each worker owns half of the flows and hands over half of what it receives.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/dpdk/pool.hpp"
#include "dataplane/port/open.hpp"
#include "perf/fib/routes.hpp"
#include "perf/path/firewall.hpp"
#include "perf/path/flow_frames.hpp"
#include "perf/path/measure.hpp"

namespace weft {
namespace {

struct Options {
    std::uint32_t routes = 1, hops = 16, ecmp = 0, flows = 1 << 20;
    std::uint16_t size = 64;
    unsigned turns = 400, cpu = 1, update = 0, move = 0, rules = 0, filter = 0, workers = 1, renew = 0;
    bool halves = false;  ///< every flow twice, once in each half
    bool v6 = false, json = false, snat = false, vlan = false, stateless = false;
};

void must_fit(bool done) {
    if (done) return;
    fmt::print(stderr, "a table is full\n");
    std::exit(1);
}

constexpr MacAddress own_out{{0x02, 0, 0, 0, 1, 2}};
constexpr HopIndex first_hop = 1, group = 1000;
constexpr IfIndex in = 1, out = 2, sub_in = 3, sub_out = 4;
constexpr std::uint16_t vid_in = 5, vid_out = 6;

class Bench {
  public:
    explicit Bench(const Options& options)
        : options_(options),
          pool_(perf::must(PacketPool::create(fmt::format("bench{}", options.workers), 16384))) {
        shared_ = std::make_unique<Shared>(
            options.workers == 2 ? std::vector<unsigned>{0, 1} : std::vector<unsigned>{0}, pool_.get(),
            1U << 20, 1, 2);
        shared_->kernel = false;
        shared_->poll_always = true;
        GenConfig config;
        config.size = options.size;
        config.flows = options.flows;
        if (options.vlan) config.vid = vid_in;
        if (options.v6)
            fill<16>(config, v6_);
        else
            fill<4>(config, v4_);
        const PortEnvironment environment{.pool = pool_.get(), .workers = options.workers};
        gen_ = perf::must(
            open_gen("gen", config, {.rx = static_cast<std::uint16_t>(options.workers)}, environment));
        sink_ = perf::must(open_null("null", {}, environment));
        perf::must(gen_->set_up(true));
        perf::must(sink_->set_up(true));
        publish();
        if (options.filter) publish_filter();
        for (unsigned w = 0; w < options.workers; ++w)
            workers_.push_back(std::make_unique<Worker>(*shared_, w));
    }

    /// Clocks per packet of `rounds` bursts without the pipeline.
    double floor(unsigned rounds) { return perf::floor_of(*gen_, *sink_, rounds); }
    double through(unsigned rounds, unsigned worker = 0) {
        return perf::through_of(*workers_[worker], *shared_, worker, rounds);
    }
    /// Without one of the connections that there were.
    void forget() {
        const Filtering& filtering = shared_->filtering.get();
        filtering.tracker->flush();
        const FlowMoment moment{filtering.flows, 0, static_cast<FlowTime>(coarse_microseconds() / 1000), 0};
        while (filtering.tracker->age(moment, 1024) >= 1024) {
        }
    }
    /// Every worker gets to know its half of the flows.
    void learn() {
        for (unsigned w = 0; w < options_.workers; ++w) {
            shared_->quiescence.online(w);
            through(options_.flows / 2 / options_.workers / batch_size, w);
            shared_->quiescence.offline(w);
        }
    }
    /// Packets that all workers sent until now.
    [[nodiscard]] std::uint64_t sent() const {
        std::uint64_t sum = 0;
        for (const auto& worker : shared_->workers)
            sum += worker->counters[out].sent.packets.get();
        return sum;
    }
    void run_until(unsigned worker, std::uint64_t clock) {
        shared_->quiescence.online(worker);
        while (rte_rdtsc() < clock)
            through(16, worker);
        shared_->quiescence.offline(worker);
    }
    /// The `number`th change of --update or --move.
    void change(std::uint64_t number) {
        if (options_.move)
            move(number);
        else if (options_.v6)
            update<16>(*v6_, number);
        else
            update<4>(*v4_, number);
    }

    [[nodiscard]] std::size_t table_bytes() const {
        return options_.v6 ? v6_->bytes_touched() : v4_->bytes_touched();
    }
    Shared& shared() { return *shared_; }

  private:
    [[nodiscard]] HopIndex hop_of(std::size_t route) const {
        return options_.ecmp ? group : first_hop + static_cast<HopIndex>(route * 2654435761U % options_.hops);
    }
    template <unsigned bytes>
    void fill(GenConfig& config, std::shared_ptr<Lpm<bytes>>& table) {
        table = std::make_shared<Lpm<bytes>>(1U << 20);
        auto routes = perf::random_routes<bytes>(options_.routes);
        if (options_.routes == 1) {
            must_fit(table->add({}, 0, hop_of(0)));
            routes[0].length = 0;
        } else {
            for (std::size_t i = 0; i < routes.size(); ++i)
                must_fit(table->add(routes[i].prefix, routes[i].length, hop_of(i)));
        }
        const auto keys = perf::random_destinations<bytes>(routes, options_.flows);
        const auto size = static_cast<std::uint16_t>(options_.size - (options_.vlan ? vlan_tag_size : 0));
        const auto write = [keys, size, filter = options_.filter,
                            flows = options_.halves ? options_.flows : 0](std::uint32_t flow,
                                                                          std::byte* head) {
            if (flows) flow = perf::same_flow(flow, flows);
            perf::write_head<bytes>(head, keys[flow], flow, size);
            using Header = std::conditional_t<bytes == 4, Ipv4Header, Ipv6Header>;
            constexpr std::size_t before = 4 + ethernet_header_size + sizeof(Header);
            if (filter) perf::write_transport<Header>(head, flow, static_cast<std::uint16_t>(size - before));
        };
        config.rewrite = write;
        if (options_.vlan)
            config.rewrite = [write](std::uint32_t flow, std::byte* head) {
                perf::beside_tag(head, [&](std::byte* plain) { write(flow, plain); });
            };
    }
    void publish_filter() {
        const char* const translation =
            !options_.snat ? ""
            : options_.v6  ? "*nat\n-A POSTROUTING -o null -j SNAT --to-source 2001:db8:ffff::1\nCOMMIT\n"
                           : "*nat\n-A POSTROUTING -o null -j SNAT --to-source 198.51.100.1\nCOMMIT\n";
        const std::string rules = options_.stateless ? perf::stateless_rules_of(options_.filter)
                                                     : perf::rules_of(options_.filter, translation);
        auto filtering = perf::firewall(compiler_, options_.v6, rules, options_.snat,
                                        {{"gen", in}, {"null", leaving()}}, options_.flows, options_.workers);
        filtering->tracks[options_.v6] = !options_.stateless;
        ahead_ = perf::publish_firewall(*shared_, std::move(filtering), options_.cpu);
    }
    template <unsigned bytes>
    void update(Lpm<bytes>& table, std::uint64_t number) {
        static const auto routes = perf::random_routes<bytes>(options_.routes);
        const std::size_t at = number * 7919 % routes.size();
        RouteChanges& changes = shared_->hops.changes();
        changes.begin();
        must_fit(table.add(routes[at].prefix, routes[at].length, hop_of(at + number % 3)));
        changes.end<bytes>(routes[at].prefix.data(), routes[at].length);
    }
    /// As control writes what the kernel tells of a neighbour.
    void move(std::uint64_t number) {
        const auto hop = static_cast<std::uint8_t>(number % std::max(options_.hops, options_.ecmp));
        const auto moved = static_cast<std::uint8_t>(1 + number % 7);
        shared_->hops[first_hop + hop].neighbour.store(
            Hop::pack({{0x02, 0, 0, 1, moved, hop}}, NeighbourState::resolved), std::memory_order_relaxed);
    }

    [[nodiscard]] IfIndex leaving() const { return options_.vlan ? sub_out : out; }
    static void add_sub_interface(Topology& topology, IfIndex index, IfIndex parent, std::uint16_t vid) {
        topology.interfaces[index] = {.index = index,
                                      .kind = InterfaceKind::vlan,
                                      .up = true,
                                      .carrier = true,
                                      .mac = topology.interfaces[parent].mac,
                                      .parent = parent,
                                      .vid = vid};
        auto demux = std::make_shared<VlanDemux>();
        demux->customer[vid] = index;
        topology.interfaces[parent].demux = demux.get();
        topology.demuxes.push_back(std::move(demux));
    }
    void publish() {
        auto topology = std::make_unique<Topology>();
        topology->interfaces.resize(5);
        for (const auto& [index, port, mac] :
             {std::tuple(in, gen_.get(), perf::own_in), std::tuple(out, sink_.get(), own_out)}) {
            topology->interfaces[index] = {.index = index,
                                           .kind = InterfaceKind::port,
                                           .up = true,
                                           .carrier = true,
                                           .mac = mac,
                                           .port = static_cast<PortIndex>(topology->ports.size()),
                                           .offloads = port->info().offloads};
            topology->ports.push_back({.port = port,
                                       .interface = index,
                                       .tx_queues = static_cast<std::uint16_t>(options_.workers)});
        }
        if (options_.vlan) {
            add_sub_interface(*topology, sub_in, in, vid_in);
            add_sub_interface(*topology, sub_out, out, vid_out);
        }
        derive_exits(*topology);
        shared_->topology.replace(std::move(topology), shared_->quiescence);
        for (std::uint32_t i = 0; i < std::max(options_.hops, options_.ecmp); ++i) {
            Hop& hop = shared_->hops[first_hop + i];
            hop.kind = HopKind::neighbour;
            hop.interface = leaving();
            hop.neighbour =
                Hop::pack({{0x02, 0, 0, 1, 0, static_cast<std::uint8_t>(i)}}, NeighbourState::resolved);
            hop.own = own_out.raw();
        }
        shared_->hops[group].kind = HopKind::group;
        shared_->hops[group].bucket_bits = 8;
        shared_->hops.set_has_groups(options_.ecmp != 0);
        for (std::uint32_t b = 0; b < 256 && options_.ecmp; ++b)
            shared_->hops.bucket(b) = first_hop + b % options_.ecmp;
        auto routing = std::make_unique<Routing>();
        routing->tables[0] = {.v4 = v4_, .v6 = v6_};
        routing->hash_secret = 0x51ed270b;
        if (options_.rules) {
            auto& rules = options_.v6 ? routing->rules6 : routing->rules4;
            RoutingRule other{.from = {{203, 0, 113, 1}}, .from_length = 32};
            rules.assign(options_.rules, other);
            rules.emplace_back();
        }
        shared_->routing.replace(std::move(routing), shared_->quiescence);
        for (unsigned w = 0; w < options_.workers; ++w) {
            auto plan = std::make_unique<PollPlan>();
            plan->queues.push_back({gen_.get(), static_cast<std::uint16_t>(w), in});
            shared_->workers[w]->plan.replace(std::move(plan), shared_->quiescence);
        }
    }

    Options options_;
    PacketPool pool_;
    std::shared_ptr<Lpm4> v4_;
    std::shared_ptr<Lpm6> v6_;
    std::unique_ptr<Port> gen_, sink_;
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<FlowAhead> ahead_;
    std::vector<std::unique_ptr<Worker>> workers_;
    hook::Compiler compiler_{options_.v6 ? hook::Family::ip6 : hook::Family::ip, 5};
};

struct Lane {
    Bench* bench;
    unsigned worker;
    std::uint64_t from, until;  ///< clocks of the TSC
};
int run_lane(void* argument) {
    auto* lane = static_cast<Lane*>(argument);
    while (rte_rdtsc() < lane->from)
        rte_pause();
    lane->bench->run_until(lane->worker, lane->until);
    return 0;
}
/// Millions of packets a second that leave, over some milliseconds.
double rate(Bench& bench, unsigned workers) {
    const std::uint64_t hz = rte_get_tsc_hz(), start = rte_rdtsc() + hz / 1000, before = bench.sent();
    Lane lanes[] = {{&bench, 0, start, start + hz / 50}, {&bench, 1, start, start + hz / 50}};
    if (workers == 2) rte_eal_remote_launch(run_lane, &lanes[1], rte_get_next_lcore(-1, 1, 0));
    run_lane(&lanes[0]);
    rte_eal_mp_wait_lcore();
    return static_cast<double>(bench.sent() - before) / 1e6 /
           (static_cast<double>(rte_rdtsc() - start) / static_cast<double>(hz));
}

/// In turns, so that what else the machine does meets both.
int run_two(Options options) {
    options.halves = true;
    Bench two(options);
    options.workers = 1;
    Bench one(options);
    std::vector<double> ones, twos, ratios;
    for (Bench* bench : {&one, &two})
        bench->learn();
    for (unsigned turn = 0; turn < options.turns + 2; ++turn) {
        const double alone = rate(one, 1), both = rate(two, 2);
        if (turn < 2) continue;  // outcomes are kept, rings fill
        ones.push_back(alone);
        twos.push_back(both);
        ratios.push_back(both / alone);
    }
    std::uint64_t handed = 0, received = 0;
    for (const auto& worker : two.shared().workers) {
        handed += worker->own.handed_over.get();
        received += worker->counters[in].received.packets.get();
    }
    const auto a = perf::spread_of(ones), b = perf::spread_of(twos), r = perf::spread_of(ratios);
    fmt::print("{} rules, {} flows\n  one worker   {:.2f} [{:.2f} .. {:.2f}] Mpps\n", options.filter,
               options.flows / 2, a.median, a.low, a.high);
    fmt::print("  two workers  {:.2f} [{:.2f} .. {:.2f}] Mpps, {:.0f} % handed over, dropped {}\n", b.median,
               b.low, b.high, 100.0 * static_cast<double>(handed) / static_cast<double>(received),
               perf::dropped_of(two.shared()));
    fmt::print("  ratio        {:.2f} [{:.2f} .. {:.2f}]\n", r.median, r.low, r.high);
    perf::print_stages(two.shared());
    return 0;
}

int run(const Options& options) {
    perf::start(options.cpu);
    if (options.workers == 2) return run_two(options);
    Bench bench(options);
    bench.shared().quiescence.online(0);
    const double first = bench.through(options.flows / batch_size);
    std::vector<double> renewed;
    for (unsigned turn = 0; turn < options.renew; ++turn) {
        bench.forget();
        renewed.push_back(bench.through(options.flows / batch_size));
    }
    bench.through(perf::rounds_a_turn + options.flows / batch_size);
    std::optional<perf::Disturbance> disturbance;
    const unsigned changes = std::max(options.update, options.move);
    if (changes) {
        bench.change(0);  // what changes need is made with the first
        disturbance.emplace(options.cpu, changes, [&](std::uint64_t number) { bench.change(number); });
    }
    const auto figures = perf::measure(
        options.turns, [&](unsigned rounds) { return bench.floor(rounds); },
        [&](unsigned rounds) { return bench.through(rounds); });
    const double rate = disturbance ? disturbance->stop() : 0;
    if (options.json) {
        fmt::print("{{\"family\":{},\"routes\":{},\"ecmp\":{},{},\"dropped\":{}}}\n", options.v6 ? 6 : 4,
                   options.routes, options.ecmp, perf::json_figures(figures),
                   perf::dropped_of(bench.shared()));
        return 0;
    }
    fmt::print(
        "IPv{}  {} routes in {:.1f} MB  {}  {} destinations\n", options.v6 ? 6 : 4, options.routes,
        static_cast<double>(bench.table_bytes()) / 1e6,
        options.ecmp ? fmt::format("ECMP over {}", options.ecmp) : fmt::format("{} hops", options.hops),
        options.flows);
    perf::print_figures(figures, "gen -> route -> null");
    if (changes) fmt::print("  changes               {:.0f} a second\n", rate);
    if (options.filter) fmt::print("  first packets         {:.0f} clocks each\n", first);
    if (options.renew) {
        const auto again = perf::spread_of(renewed);
        fmt::print("  first packets, again  {:.0f} [{:.0f} .. {:.0f}] clocks each\n", again.median, again.low,
                   again.high);
    }
    perf::print_stages(bench.shared());
    return 0;
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
    weft::Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&] {
            return static_cast<std::uint32_t>(i + 1 < argc ? std::strtoul(argv[++i], nullptr, 10) : 0);
        };
        if (word == "--ipv6")
            options.v6 = true;
        else if (word == "--routes")
            options.routes = value();
        else if (word == "--hops")
            options.hops = value();
        else if (word == "--ecmp")
            options.ecmp = value();
        else if (word == "--flows")
            options.flows = value();
        else if (word == "--size")
            options.size = static_cast<std::uint16_t>(value());
        else if (word == "--turns")
            options.turns = value();
        else if (word == "--cpu")
            options.cpu = value();
        else if (word == "--update")
            options.update = value();
        else if (word == "--move")
            options.move = value();
        else if (word == "--rules")
            options.rules = value();
        else if (word == "--filter")
            options.filter = value();
        else if (word == "--stateless")
            options.stateless = true;
        else if (word == "--snat")
            options.snat = true;
        else if (word == "--renew")
            options.renew = value();
        else if (word == "--workers")
            options.workers = value();
        else if (word == "--vlan")
            options.vlan = true;
        else if (word == "--json")
            options.json = true;
        else
            return fmt::print(stderr, "route_bench: \"{}\" is not known\n", word), 1;
    }
    return weft::run(options);
}
