#include "control/publish/switch.hpp"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sys/random.h>

#include <thread>
#include <utility>

#include "control/kernel/capture_state.hpp"
#include "control/tuntap/past_rules.hpp"

namespace weft {

namespace {

// Buffers for receive rings, bursts in flight, punt queues; 2.5 KiB each.
constexpr unsigned buffers_small = 10240, buffers_huge = 32768;
constexpr std::uint32_t fdb_capacity = 1 << 20;

std::uint64_t random_word() {
    std::uint64_t word = 0;
    if (getrandom(&word, sizeof word, 0) != sizeof word) std::abort();
    return word;
}

}  // namespace

Switch::Switch(SwitchOptions options, Netns host, Netns taps, Netlink host_netlink, Netlink tap_netlink,
               PacketPool pool)
    : options_(std::move(options)),
      host_(std::move(host)),
      taps_netns_(std::move(taps)),
      host_netlink_(std::move(host_netlink)),
      tap_netlink_(std::move(tap_netlink)),
      pool_(std::move(pool)),
      shared_(options_.worker_cpus, pool_.get(), fdb_capacity, random_word(), random_word()) {}

Result<std::unique_ptr<Switch>> Switch::start(const SwitchOptions& options) {
    auto host = Netns::current();
    if (!host) return std::move(host).error();
    auto taps = Netns::open(options.netns);
    if (!taps) return std::move(taps).error();
    auto host_netlink = Netlink::open(*host);
    if (!host_netlink) return std::move(host_netlink).error();
    auto tap_netlink = Netlink::open(*taps);
    if (!tap_netlink) return std::move(tap_netlink).error();
    auto pool = PacketPool::create("weft", options.huge ? buffers_huge : buffers_small);
    if (!pool) return std::move(pool).error();
    std::unique_ptr<Switch> made{new Switch(options, std::move(*host), std::move(*taps),
                                            std::move(*host_netlink), std::move(*tap_netlink),
                                            std::move(*pool))};
    if (auto r = made->begin(); !r) return std::move(r).error();
    return made;
}

Result<> Switch::begin() {
    if (auto r = check_captures_are_left(host_, options_.socket); !r) return r;
    auto left = read_captures(capture_state_path(options_.socket));
    if (!left) return std::move(left).error();
    for (const auto& record : *left)
        leftover_.insert(record.device);

    shared_.kernel = options_.kernel;
    shared_.poll_always = options_.poll;
    for (const auto& worker : shared_.workers)
        tally_.add(&worker->counters);
    tally_.add(&control_counters_);
    if (options_.kernel) {
        TapIo::Wiring wiring;
        for (auto& worker : shared_.workers) {
            wiring.punted.push_back(&worker->punt);
            wiring.workers.push_back({&worker->from_kernel, &worker->waker});
        }
        wiring.pool = pool_.get();
        wiring.counters = tap_counters_.get();
        make_hold();
        tally_.add(hold_counters_.get());
        wiring.hold = hold_.get();
        wiring.cpus = options_.control_cpus;
        tap_io_ = std::make_unique<TapIo>(std::move(wiring));
        shared_.tap_waker = &tap_io_->waker();
        tally_.add(tap_counters_.get());
        auto monitor = KernelMonitor::open(
            taps_netns_, {.link = [this](const KernelLink& l) { on_link(l.index); },
                          .link_gone = [this](const KernelLink& l) { on_link_gone(l.index); },
                          .address = [this](const KernelAddress& a, bool added) { on_address(a, added); },
                          .resync = [this] { look_again(); }});
        if (!monitor) return std::move(monitor).error();
        monitor_.emplace(std::move(*monitor));
        compare_addresses();
    }
    if (auto r = watch_devices(); !r) return r;
    if (options_.kernel) {
        if (auto r = start_routes(); !r) return r;
    } else {
        own_routes_.emplace(Routes::Wiring{.hops = shared_.hops,
                                           .routing = shared_.routing,
                                           .quiescence = shared_.quiescence,
                                           .log = options_.log,
                                           .on_neighbour = [](auto&&...) {}});
    }
    launch_workers();
    return {};
}

void Switch::launch_workers() {
    for (unsigned w = 0; w < shared_.workers.size(); ++w)
        workers_.push_back(std::make_unique<Worker>(shared_, w));
    for (unsigned w = 0; w < workers_.size(); ++w)
        rte_eal_remote_launch(
            [](void* worker) {
                static_cast<Worker*>(worker)->run();
                return 0;
            },
            workers_[w].get(), w + 1);
    workers_run_ = true;
    publish(model_);
}

void Switch::end_workers() {
    if (!workers_run_) return;
    shared_.stop = true;
    for (auto* waker : shared_.wakers)
        waker->wake();
    rte_eal_mp_wait_lcore();
    workers_run_ = false;
}

// The kernel waits for its readers at each close of a packet socket or a TAP: all wait together.
void Switch::close_ports() {
    std::vector<std::thread> closing;
    for (auto& [name, live] : ports_)
        if (std::holds_alternative<AfPacketPort>(live.spec.kind) ||
            std::holds_alternative<TapPort>(live.spec.kind) ||
            std::holds_alternative<TuntapPort>(live.spec.kind))
            closing.emplace_back([&port = live.port] { port.reset(); });
    for (auto& thread : closing)
        thread.join();
    ports_.clear();
}

Switch::~Switch() {
    end_workers();
    tap_io_.reset();  // it asks the mirror, which releases what is held
    routes_.reset();
    hold_.reset();
    shared_.tap_waker = nullptr;
    Packet* left[batch_size];
    for (auto& worker : shared_.workers)
        for (PacketRing* ring : {&worker->from_kernel, &worker->hand_over, &worker->veths})
            while (const unsigned n = ring->dequeue(left, batch_size))
                for (unsigned i = 0; i < n; ++i)
                    Packet::free(left[i]);
    if (keep_)
        for (auto& [name, live] : ports_)
            if (live.capture) live.capture->leave();
    close_ports();
    if (!keep_)  // routes and rules that no TAP takes along
        if (auto done = write_routing(Model{}); !done) log(done.error().message);
    // What a dead daemon took and a configuration that was refused did not claim.
    if (!keep_) static_cast<void>(undo_leftover_captures(host_, host_netlink_, options_.socket));
    std::vector<KernelTap> taps;
    for (auto& [name, live] : taps_)
        taps.push_back(std::move(live.tap));
    taps_.clear();
    if (!keep_)
        if (auto done = KernelTap::remove(std::move(taps)); !done) log(done.error().message);
    workers_.clear();
    if (const unsigned out = pool_.in_use(); out != 0)
        log(fmt::format("{} packet buffers were not given back", out));
}

void Switch::take_counters(const Model& equal) {
    model_.rules = equal.rules;
    model_.sets = equal.sets;
    sets_.apply(model_.sets, coarse_microseconds());
}

Result<> Switch::apply(const Model& next) {
    lacks_device_ = false;
    if (auto r = rules_.judge(next.rules); !r) return r;
    const auto past = past_rules(model_, next);
    const auto log_past = [&] {
        for (const auto& line : past)
            log(line);
    };
    // Rules and entries of sets come one by one, thousands of them: nothing else is looked at for their sake.
    if (!(model_.rules == next.rules) || !(model_.sets == next.sets)) {
        auto before_rules = std::exchange(model_.rules, next.rules);
        auto before_sets = std::exchange(model_.sets, next.sets);
        if (model_ == next) {
            publish_filtering(next);
            log_past();
            return {};
        }
        model_.rules = std::move(before_rules);
        model_.sets = std::move(before_sets);
    }
    auto done = converge(next);
    if (done) {
        model_ = next;
        log_past();
        lookout_->note(names());
        lookout_->look_again();
        tell_watchers();
        return done;
    }
    const Model before = model_;
    const bool lacks = lacks_device_;
    auto back = converge(before);
    lacks_device_ = lacks;
    lookout_->note(names());
    if (!back) {
        log("taking a refused change back: " + back.error().message);
        publish(Model{before});  // what could be taken back is used
    }
    return done;
}

Result<> Switch::remove_unclaimed() {
    std::set<int> taken;
    for (const auto& [name, live] : ports_)
        if (live.capture) taken.insert(live.capture->index());
    leftover_.clear();
    auto devices = undo_leftover_captures(host_, host_netlink_, options_.socket, taken);
    if (!devices) return std::move(devices).error();
    for (const auto& device : *devices)
        log(fmt::format("{}: given back, an earlier weftd had taken it", device));
    if (!options_.kernel) return {};
    std::set<std::string> keep;
    for (const auto& [name, tap] : taps_)
        keep.insert(name);
    auto removed = remove_leftover_taps(taps_netns_, tap_netlink_, options_.socket, keep);
    if (!removed) return std::move(removed).error();
    for (const auto& name : *removed)
        log(fmt::format("{}: removed, left by an earlier weftd", name));
    for (const auto& name : remove_leftover_taps_elsewhere(taps_netns_, options_.socket))
        log(fmt::format("{}: removed, left by an earlier weftd", name));
    return {};
}

/// What the kernel did not take for want of a carrier or an address, or dropped with it.
void Switch::write_waiting() {
    routing_disturbed_ = true;
    if (auto r = write_routing(model_); !r) log(r.error().message);
}

void Switch::tick() {
    std::vector<WorkerClocks> clocks;
    for (const auto& worker : shared_.workers)
        clocks.push_back({worker->own.busy_clocks.get(), worker->own.total_clocks.get()});
    busy_.sample(BusyShares::Clock::now(), clocks);

    count_missed();
    end_masqueraded_again();
    if (compares_again_) compare_addresses();
    hook_log_.write(
        shared_, Names(indexes_),
        [this](bool v6, std::uint32_t rule) {
            return rules_.text_of(v6 ? hook::Family::ip6 : hook::Family::ip, rule);
        },
        coarse_microseconds() / 1000, options_.log_of);
    bool changed = false;
    for (auto& [name, live] : ports_) {
        const PortInfo was = std::exchange(live.info, live.port->info());
        changed |= live.info.link_up != was.link_up || live.info.offloads != was.offloads ||
                   live.info.tx_queues != was.tx_queues;
    }
    if (changed) {
        publish(model_);
        tell_watchers();
        if (auto r = settle_taps(model_); !r) log(r.error().message);
        write_waiting();
    }
    if (++ticks_ % (1000 / tick_ms) == 0) {
        if (!waiting_.empty()) write_waiting();
        look_for_lost_devices();
        if (hold_) hold_->expire(coarse_microseconds());
    }
    tidy_sets();
    age();
}

// A command only takes things out of the workers' sight: memory is given back here, for many at a time.
void Switch::tidy_sets() {
    constexpr unsigned every = 10'000 / tick_ms;
    if (ticks_ % every == 0) sets_.expire(coarse_microseconds());
    if (!sets_.wasteful()) return;
    shared_.quiescence.synchronize();
    sets_.reclaim();
}

// What was lost before a worker could see it: nobody but the device knows.
void Switch::count_missed() {
    for (auto& [name, live] : ports_) {
        const auto number = indexes_.interfaces.find(name);
        const auto now = live.port->missed();
        if (!number || now <= live.missed) continue;
        control_counters_[*number].dropped[static_cast<std::size_t>(DropReason::ingress_missed)].add(
            now - live.missed, 0);
        live.missed = now;
    }
}

void Switch::age() {
    const std::size_t regions = shared_.fdb.region_count();
    const std::size_t step = (regions * tick_ms + 999) / 1000;
    shared_.fdb.sweep(coarse_seconds(), next_region_, step, [this](const Fdb::Entry& e) {
        const std::uint32_t limit = ageing_of_domain_[fdb_domain(e.key)];
        return limit != 0 && e.is_dynamic() && e.age >= limit;
    });
    next_region_ = (next_region_ + step) % regions;
}

}  // namespace weft
