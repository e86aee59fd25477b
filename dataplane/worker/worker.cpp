#include "dataplane/worker/worker.hpp"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <time.h>

#include <algorithm>

#include "dataplane/hook/connection.hpp"
#include "dataplane/ingress/veth.hpp"
#include "dataplane/route/datagram.hpp"
#include "dataplane/route/icmp_message.hpp"
#include "weft/port.hpp"

namespace weft {

namespace {

// Idle rounds before the first sleep, and how long a worker sleeps that has to poll: short at first, so that
// a pause between two packets costs little latency, then long, so that an idle daemon costs little CPU.
constexpr unsigned spin_rounds = 256, short_sleeps = 64, max_vain_wakeups = 4;
constexpr nfds_t max_waited = 256;
// Frames a round that leave veth pairs: a loop of pairs must not keep the ports from being polled.
constexpr unsigned veth_quantum = 512;
constexpr long short_sleep_ns = 50'000, long_sleep_ns = 1'000'000, waiting_sleep_ns = 100'000'000;

/// All workers' waiting fragments together leave three quarters of the buffers to others.
unsigned room_for_fragments(const Shared& shared) noexcept {
    const auto share = shared.pool->size / 4 / static_cast<unsigned>(shared.workers.size());
    return std::clamp(share, 1u, FragmentTable::most);
}

}  // namespace

Worker::Worker(Shared& shared, unsigned id)
    : shared_(shared),
      share_(*shared.workers[id]),
      id_(id),
      pipeline_(share_.stages),
      observed_(share_.stages),
      fragments_(shared.secret_low, shared.secret_high, room_for_fragments(shared)),
      context_{},
      transmit_(std::make_unique<TransmitBuffer[]>(max_ports)) {
    context_.fdb = &shared.fdb;
    context_.hops = &shared.hops;
    hooks_.counters = &share_.rule_counters;
    hooks_.paths = FlowPaths(shared.secret_low ^ shared.secret_high);
    hooks_.log = &share_.hook_log;
    hooks_.fragments = &fragments_;
    hooks_.for_others.resize(shared.workers.size());
    context_.hooks = &hooks_;
    context_.filtering = &shared.filtering.get();
    context_.icmp_buckets = &shared.icmp_buckets;
    context_.punt_limits = &share_.punt_limits;
    context_.counters = &share_.counters;
    context_.pool = shared.pool;
    context_.punt = shared.kernel ? &share_.punt : nullptr;
    context_.worker = id;
    context_.workers = static_cast<unsigned>(shared.workers.size());
    context_.transmit = transmit_.get();
    context_.hand_over = shared.hand_over.data();
    context_.wakers = shared.wakers.data();
    context_.handed_over = &share_.own.handed_over;
    context_.veths = &share_.veths;
    pipeline_.attach(context_);
}

Worker::~Worker() {
    fragments_.expire(~0U, [](Packet& waits, DropReason) { Packet::free(&waits); });
}

StageId Worker::way_of(IfIndex interface) const noexcept {
    const Topology& topology = *context_.topology;
    const Interface& in = topology.interface(interface);
    if (context_.observer && context_.observer->traces(interface)) return StageId::ingress;
    if (BridgeBatch::takes(in, topology) && context_.routing->interface(interface).more_macs.empty())
        return StageId::bridge_batch;
    if (!RouteBatch::takes(in, *context_.routing)) return StageId::ingress;
    return FlowBatch::is_needed(context_) ? StageId::flow_batch : StageId::route_batch;
}

unsigned Worker::receive(const ReceiveQueue& queue) noexcept {
    const Topology& topology = *context_.topology;
    const bool exists = topology.exists(queue.interface);
    const StageId way = exists ? way_of(queue.interface) : StageId::ingress;
    auto& vector = context_.next[static_cast<std::size_t>(way)];
    ReceiveLoss loss;
    const std::uint16_t count = queue.port->receive(queue.queue, vector.packets, batch_size, loss);
    if (loss.no_mbuf) context_.count_drops(DropReason::ingress_no_mbuf, queue.interface, loss.no_mbuf);
    if (loss.truncated) context_.count_drops(DropReason::ingress_truncated, queue.interface, loss.truncated);
    if (loss.bad_offload)
        context_.count_drops(DropReason::ingress_bad_offload, queue.interface, loss.bad_offload);
    if (loss.bad_descriptor) [[unlikely]]
        context_.count_drops(DropReason::ingress_bad_descriptor, queue.interface, loss.bad_descriptor);
    if (count == 0) return 0;
    if (!exists) [[unlikely]] {
        for (std::uint16_t i = 0; i < count; ++i)
            context_.drop(*vector.packets[i], DropReason::ingress_interface_down, no_interface);
        return count;
    }
    if (context_.observer) [[unlikely]]
        context_.observer->burst(vector.packets, count, queue.interface, context_);
    context_.receiving = &topology.interface(queue.interface);
    context_.received_bytes = 0;
    context_.received_groups = 0;
    vector.count = count;
    run_stages();
    auto& counters = share_.counters[queue.interface];
    counters.received.add(count, context_.received_bytes);
    if (context_.received_groups) counters.multicast.add(context_.received_groups);
    return count;
}

unsigned Worker::take_from_kernel() noexcept {
    Packet* packets[batch_size];
    const unsigned count = share_.from_kernel.dequeue(packets, batch_size);
    for (unsigned i = 0; i < count; ++i) {
        Packet& packet = *packets[i];
        const IfIndex out = packet.meta.oif;
        packet.meta.connection_state = 0;  // of what was held: the connection may be another's by now
        if (context_.observer) Observer::from_kernel(packet);
        if (!context_.topology->exists(out))
            context_.drop(packet, DropReason::handover_gone, no_interface);
        else if (packet.meta.flags & PacketFlags::resolved)
            context_.follow(packet, route_again(packet, context_), out);
        else if (packet.head_length() < ethernet_header_size || !classify_tag(packet))
            context_.drop(packet, DropReason::ingress_runt, out);
        else
            send_of_host(packet);
    }
    if (count) run_stages();
    return count;
}

/// ip_local_out of the kernel's stack, which is behind it, and of what weft itself has made.
void Worker::send_of_host(Packet& packet) noexcept {
    if (packet.meta.flags & PacketFlags::own) [[unlikely]] {
        const IfIndex out = packet.meta.oif;
        return context_.follow(packet, leave_again(packet, context_), out);
    }
    const std::uint16_t type = packet.ethernet().type.host();
    const bool v6 = type == ether_type::ipv6;
    if ((v6 || type == ether_type::ipv4) && has_rules(v6, context_)) [[unlikely]] {
        const IfIndex out = packet.meta.oif;
        context_.follow(packet, leave_host(packet, context_), out);
    } else {
        context_.emit(packet, StageId::egress);
    }
}

unsigned Worker::take_handed_over() noexcept {
    // Others may go on giving: what came before now is taken.
    unsigned taken = 0;
    for (unsigned there = share_.hand_over.count(); taken < there;) {
        const unsigned count = take_burst_handed_over();
        if (count == 0) break;
        taken += count;
    }
    return taken;
}

unsigned Worker::take_burst_handed_over() noexcept {
    Packet* packets[batch_size];
    const unsigned count = share_.hand_over.dequeue(packets, batch_size);
    // All of these lines are in the other worker's cache.
    for (unsigned i = 0; i < count; ++i) {
        __builtin_prefetch(packets[i]);
        __builtin_prefetch(&packets[i]->meta);
    }
    for (unsigned i = 0; i < count; ++i)
        __builtin_prefetch(packets[i]->data());
    for (unsigned i = 0; i < count; ++i) {
        Packet& packet = *packets[i];
        const HandedFor what = packet.meta.handed_for;
        const bool leaves = what == HandedFor::output;
        if (what == HandedFor::sending)
            take_over(packet, context_);
        else if (!context_.topology->exists(leaves ? packet.meta.oif : packet.meta.iif))
            context_.drop(packet, DropReason::handover_gone, no_interface);
        else if (leaves)
            send_of_host(packet);
        else
            context_.follow(packet, enter_ip(packet, context_), packet.meta.iif);
    }
    if (count) run_stages();
    return count;
}

void Worker::look_on(const Observation& what) noexcept {
    if (what.empty() == (context_.observer == nullptr)) {
        if (context_.observer) observer_ = Observer(&what);
        return;
    }
    if (what.empty()) {
        context_.observer = nullptr;
        pipeline_.attach(context_);
    } else {
        observer_ = Observer(&what);
        context_.observer = &observer_;
        observed_.attach(context_);
    }
}

unsigned Worker::take_from_veths() noexcept {
    unsigned taken = 0;
    while (taken < veth_quantum) {
        const unsigned count = leave_veths(context_);
        if (count == 0) break;
        run_stages();
        taken += count;
    }
    return taken;
}

/// Paths count for the rules that they were made under.
void Worker::settle_paths() noexcept {
    const std::uint32_t wanted = share_.counts_wanted.load(std::memory_order_acquire);
    context_.filtering = &shared_.filtering.get();
    const std::uint32_t generation = context_.filtering->generation;
    // Full of what is past, perhaps: at most once a second it begins anew.
    const bool fuller = hooks_.paths.full() && context_.now_seconds != forgotten_at_;
    const bool others = generation != hooks_.generation || fuller;
    const bool asked = wanted != share_.counts_settled.load(std::memory_order_relaxed);
    if (!others && !asked) return;
    hooks_.paths.fold(share_.rule_counters);
    if (others) {
        hooks_.paths.forget();
        ++hooks_.epoch;
        forgotten_at_ = context_.now_seconds;
    }
    hooks_.generation = generation;
    if (asked && share_.question && context_.filtering->tracker)
        answer(*share_.question, *context_.filtering->tracker, hooks_, shared_.hops, shared_.routing.get(),
               id_);
    share_.counts_settled.store(wanted, std::memory_order_release);
}

unsigned Worker::round(std::uint64_t now_us) noexcept {
    look_on(shared_.observation.get());
    settle_paths();
    hooks_.changes = shared_.hops.changes().ended();
    if (const std::uint32_t routes = shared_.hops.generation(); routes != hooks_.routes) {
        hooks_.routes = routes;
        ++hooks_.epoch;
    }
    context_.topology = &shared_.topology.get();
    context_.routing = &shared_.routing.get();
    context_.now_us = now_us;
    context_.now_seconds = static_cast<std::uint32_t>(now_us / 1'000'000);
    unsigned work = 0;
    for (const auto& queue : share_.plan.get().queues)
        work += receive(queue);
    if (!share_.from_kernel.empty()) work += take_from_kernel();
    if (!share_.hand_over.empty()) work += take_handed_over();
    if (!share_.veths.empty()) work += take_from_veths();
    if (expire_fragments(context_)) run_stages();
    give_to_others(context_);
    flush_all(context_);
    const bool ages = settle_connections(context_);
    if (context_.punted) {
        context_.punted = false;
        if (shared_.tap_waker) shared_.tap_waker->wake();
    }
    share_.own.packets.add(work);
    return work + ages;
}

void Worker::run() noexcept {
    shared_.quiescence.online(id_);
    share_.runs.store(true, std::memory_order_release);
    std::uint64_t before = rte_rdtsc();
    while (!shared_.stop.load(std::memory_order_relaxed)) {
        const unsigned work = round(coarse_microseconds());
        shared_.quiescence.quiescent(id_);
        if (work == 0)
            idle();
        else
            idle_rounds_ = vain_wakeups_ = 0;
        const std::uint64_t after = rte_rdtsc();
        if (work) share_.own.busy_clocks.add(after - before);
        share_.own.total_clocks.add(after - before);
        before = after;
    }
    hooks_.paths.fold(share_.rule_counters);
    share_.runs.store(false, std::memory_order_release);
    shared_.quiescence.offline(id_);
}

void Worker::idle() noexcept {
    if (shared_.poll_always || ++idle_rounds_ < spin_rounds) return rte_pause();
    if (woken_by_queue_) ++vain_wakeups_;
    sleep(share_.plan.get());
}

void Worker::sleep(const PollPlan& plan) noexcept {
    // A descriptor that is always ready (its device went away) must not keep the worker awake.
    const bool waits = !plan.must_poll && vain_wakeups_ < max_vain_wakeups &&
                       plan.descriptors.size() <= max_waited;  // over it, those left out are polled
    const long length = waits                                       ? waiting_sleep_ns
                        : idle_rounds_ < spin_rounds + short_sleeps ? short_sleep_ns
                                                                    : long_sleep_ns;
    pollfd descriptors[max_waited];
    nfds_t count = 0;
    const nfds_t wanted = waits ? plan.descriptors.size() : 0;  // copied: offline, the plan may be freed
    for (; count < wanted; ++count)
        descriptors[count] = plan.descriptors[count];
    if (count == 0) descriptors[count++] = {.fd = share_.waker.descriptor(), .events = POLLIN, .revents = 0};

    share_.waker.about_to_sleep();
    if (share_.from_kernel.empty() && share_.hand_over.empty() &&
        share_.counts_wanted.load(std::memory_order_relaxed) ==
            share_.counts_settled.load(std::memory_order_relaxed) &&
        !shared_.stop.load(std::memory_order_relaxed)) {
        share_.sleeps.fetch_add(1, std::memory_order_relaxed);  // published by offline()
        shared_.quiescence.offline(id_);
        const timespec timeout{.tv_sec = 0, .tv_nsec = length};
        const int ready = ppoll(descriptors, count, &timeout, nullptr);
        share_.sleeps.fetch_add(1, std::memory_order_release);
        shared_.quiescence.online(id_);
        woken_by_queue_ = ready > 0 && descriptors[0].revents == 0;
    }
    share_.waker.awake();
}

}  // namespace weft
