// What TCP connections cost a stateful firewall that are opened and closed: two hosts, each behind a gen
// port, say what they have to in eight segments, all to one null port, on one worker.
//
//     tcp_bench [--connections N] [--filter RULES] [--turns N] [--cpu N]
//
// Of each connection: SYN, SYN-ACK, ACK, a segment of data each way, FIN-ACK both ways, ACK. Sixty-four
// connections go on together, one segment each in turn. When all N are through they begin again, and each
// first ends what is left of its predecessor, in time-wait. Prints clocks a connection, and connections a
// second.
#include <fmt/format.h>
#include <sched.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/dpdk/pool.hpp"
#include "dataplane/port/open.hpp"
#include "perf/path/firewall.hpp"
#include "perf/path/measure.hpp"
#include "weft/net/checksum.hpp"

namespace weft {
namespace {

struct Options {
    std::uint32_t connections = 1 << 18;
    unsigned filter = 1000, turns = 3, cpu = 1;
};

constexpr IfIndex client_port = 1, server_port = 2, out = 3;
constexpr HopIndex hop_index = 1;
constexpr MacAddress own{{0x02, 0, 0, 0, 1, 1}};
constexpr std::uint32_t client_isn = 1000, server_isn = 5000, data = 6;
constexpr unsigned segments_each = 4;

/// What one side says, in its order; a side acknowledges what it had of the other.
struct Segment {
    std::uint8_t flags;
    std::uint32_t seq, ack;
    bool has_data;
};
constexpr Segment of_client[segments_each] = {
    {tcp_flag::syn, 0, 0, false},
    {tcp_flag::ack, 1, 1, false},
    {tcp_flag::ack, 1, 1, true},
    {tcp_flag::fin | tcp_flag::ack, 1 + data, 2 + data, false},
};
constexpr Segment of_server[segments_each] = {
    {tcp_flag::syn | tcp_flag::ack, 0, 1, false},
    {tcp_flag::ack, 1, 1, true},
    {tcp_flag::fin | tcp_flag::ack, 1 + data, 1 + data, false},
    {tcp_flag::ack, 2 + data, 2 + data, false},
};

/// Frames come in blocks of 64 connections, their first segments first.
void write_frame(std::byte* head, std::uint32_t number, bool client) {
    const std::uint32_t connection = number / (batch_size * segments_each) * batch_size + number % batch_size;
    const Segment& say = (client ? of_client : of_server)[number / batch_size % segments_each];
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(head);
    ethernet.destination = own;
    ethernet.type = be16{ether_type::ipv4};
    const std::uint32_t inside = 0x0a40'0000 + connection % (1 << 20);
    auto& ip = *reinterpret_cast<Ipv4Header*>(head + ethernet_header_size);
    const auto l4 = static_cast<std::uint16_t>(sizeof(TcpHeader) + (say.has_data ? data : 0));
    ip.total_length = be16{static_cast<std::uint16_t>(sizeof ip + l4)};
    ip.protocol = ip_protocol::tcp;
    ip.source = be32{client ? inside : 0xc633'6401};
    ip.destination = be32{client ? 0xc633'6401 : inside};
    ip.checksum = be16{0};
    ip.checksum = ipv4_checksum(ip);
    auto& tcp = *reinterpret_cast<TcpHeader*>(head + ethernet_header_size + sizeof ip);
    tcp = {};
    const be16 high{static_cast<std::uint16_t>(1024 + connection % 50000)}, low{443};
    tcp.source_port = client ? high : low;
    tcp.destination_port = client ? low : high;
    tcp.sequence = be32{(client ? client_isn : server_isn) + say.seq};
    tcp.acknowledgement = be32{say.flags & tcp_flag::ack ? (client ? server_isn : client_isn) + say.ack : 0};
    tcp.data_offset = 5 << 4;
    tcp.flags = say.flags;
    tcp.window = be16{8192};
}

class Bench {
  public:
    explicit Bench(const Options& options)
        : options_(options), pool_(perf::must(PacketPool::create("bench", 16384))) {
        shared_ = std::make_unique<Shared>(std::vector<unsigned>{0}, pool_.get(), 1U << 16, 1, 2);
        shared_->kernel = false;
        shared_->poll_always = true;
        const PortEnvironment environment{.pool = pool_.get(), .workers = 1};
        for (const bool client : {true, false}) {
            GenConfig config;
            config.flows = options.connections * segments_each;
            config.rewrite = [client](std::uint32_t number, std::byte* head) {
                write_frame(head, number, client);
            };
            gens_.push_back(perf::must(open_gen(client ? "client" : "server", config, {}, environment)));
            perf::must(gens_.back()->set_up(true));
        }
        sink_ = perf::must(open_null("null", {}, environment));
        perf::must(sink_->set_up(true));
        publish();
        publish_filter();
        worker_ = std::make_unique<Worker>(*shared_, 0);
    }
    /// Clocks a connection, of all of them once.
    double through() {
        const unsigned rounds = options_.connections * segments_each / batch_size;
        return perf::through_of(*worker_, *shared_, 0, rounds) * 2 * segments_each;
    }
    double floor() {
        const unsigned rounds = options_.connections * segments_each / batch_size;
        return perf::floor_of(*gens_[0], *sink_, rounds) * 2 * segments_each;
    }
    Shared& shared() { return *shared_; }
    [[nodiscard]] std::uint32_t tracked() const { return shared_->filtering.get().tracker->count(); }

  private:
    void publish() {
        auto topology = std::make_unique<Topology>();
        topology->interfaces.resize(4);
        Port* const ports[] = {gens_[0].get(), gens_[1].get(), sink_.get()};
        for (IfIndex index = client_port; index <= out; ++index) {
            topology->interfaces[index] = {.index = index,
                                           .kind = InterfaceKind::port,
                                           .up = true,
                                           .carrier = true,
                                           .mac = own,
                                           .port = static_cast<PortIndex>(topology->ports.size()),
                                           .offloads = ports[index - 1]->info().offloads};
            topology->ports.push_back({.port = ports[index - 1], .interface = index, .tx_queues = 1});
        }
        derive_exits(*topology);
        shared_->topology.replace(std::move(topology), shared_->quiescence);
        Hop& hop = shared_->hops[hop_index];
        hop.kind = HopKind::neighbour;
        hop.interface = out;
        hop.neighbour = Hop::pack({{0x02, 0, 0, 1, 0, 1}}, NeighbourState::resolved);
        hop.own = own.raw();
        auto table = std::make_shared<Lpm4>(16);
        if (!table->add({}, 0, hop_index)) std::abort();
        auto routing = std::make_unique<Routing>();
        routing->tables[0] = {.v4 = std::move(table), .v6 = {}};
        shared_->routing.replace(std::move(routing), shared_->quiescence);
        auto plan = std::make_unique<PollPlan>();
        plan->queues.push_back({gens_[0].get(), 0, client_port});
        plan->queues.push_back({gens_[1].get(), 0, server_port});
        shared_->workers[0]->plan.replace(std::move(plan), shared_->quiescence);
    }
    void publish_filter() {
        auto filtering = perf::firewall(compiler_, false, perf::rules_of(options_.filter, ""), false,
                                        {{"client", client_port}, {"server", server_port}, {"null", out}},
                                        options_.connections, 1);
        ahead_ = perf::publish_firewall(*shared_, std::move(filtering), options_.cpu);
    }

    Options options_;
    PacketPool pool_;
    std::vector<std::unique_ptr<Port>> gens_;
    std::unique_ptr<Port> sink_;
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<FlowAhead> ahead_;
    std::unique_ptr<Worker> worker_;
    hook::Compiler compiler_{hook::Family::ip, 5};
};

void print_drops(Shared& shared) {
    for (IfIndex i = client_port; i <= out; ++i)
        for (std::size_t reason = 0; reason < drop_reason_count; ++reason)
            if (const auto packets = shared.workers[0]->counters[i].dropped[reason].packets.get())
                fmt::print("  dropped at {}: {} {}\n", i, packets, drop_texts[reason].word);
}

int run(const Options& options) {
    perf::start(options.cpu);
    Bench bench(options);
    bench.shared().quiescence.online(0);
    const double hz = static_cast<double>(rte_get_tsc_hz());
    fmt::print("{} connections, {} rules, eight segments each\n", options.connections, options.filter);
    for (unsigned turn = 0; turn < options.turns; ++turn) {
        const double floor = bench.floor(), whole = bench.through();
        fmt::print(
            "  turn {}  {:.0f} clocks a connection, {:.0f} without gen and null, {:.0f} thousand a second; "
            "{} tracked, "
            "dropped {}\n",
            turn, whole, whole - floor, hz / whole / 1e3, bench.tracked(), perf::dropped_of(bench.shared()));
    }
    perf::print_stages(bench.shared());
    print_drops(bench.shared());
    return 0;
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
    weft::Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string word = argv[i];
        const auto value = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
        if (word == "--connections")
            options.connections = value / weft::batch_size * weft::batch_size;
        else if (word == "--filter")
            options.filter = value;
        else if (word == "--turns")
            options.turns = value;
        else if (word == "--cpu")
            options.cpu = value;
        else
            return fmt::print(stderr, "tcp_bench: \"{}\" is not known\n", word), 1;
    }
    return weft::run(options);
}
