#include "tests/packet/rig.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <span>

#include "control/model/load.hpp"
#include "dataplane/egress/tag.hpp"
#include "tests/packet/environment.hpp"
#include "tests/support/mbuf.hpp"

namespace weft::test {

std::string name_of(const testing::TestParamInfo<RigOptions>& info) {
    const RigOptions& options = info.param;
    return "workers" + std::to_string(options.workers) + "queues" + std::to_string(options.tx_queues) +
           (options.offloads ? "insert" : "");
}

QueuePort::~QueuePort() {
    for (auto* p : waiting)
        Packet::free(p);
    for (auto* p : sent)
        Packet::free(p);
}

std::uint16_t QueuePort::receive(std::uint16_t, Packet* out[], std::uint16_t n, ReceiveLoss&) noexcept {
    std::uint16_t count = 0;
    while (count < n && !waiting.empty()) {
        out[count++] = waiting.front();
        waiting.pop_front();
    }
    return count;
}

std::uint16_t QueuePort::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                                  TransmitLoss& loss) noexcept {
    const std::uint16_t taken = std::min(n, takes);
    for (std::uint16_t i = 0; i < taken; ++i) {
        if (refuses > 0) {
            --refuses;
            ++loss.packets;
            loss.bytes += in[i]->length();
            Packet::free(in[i]);
            continue;
        }
        sent.push_back(in[i]);
        sent_by.push_back(queue);
    }
    return taken;
}

PortInfo QueuePort::info() {
    return {.driver = "queue", .max_mtu = 9000, .offloads = offloads_, .link_up = link};
}

Rig::Rig(const std::string& configuration, const Options& options) : options_(options) {
    std::vector<unsigned> cpus(options.workers);
    shared_ = std::make_unique<Shared>(cpus, pool(), 4096, 0x0123456789abcdefULL, 0xfedcba9876543210ULL);
    shared_->kernel = options.kernel;
    reconfigure(configuration);
    for (unsigned w = 0; w < options.workers; ++w) {
        workers_.push_back(std::make_unique<Worker>(*shared_, w));
        shared_->quiescence.online(w);
    }
}

Rig::~Rig() {
    run();
    for (unsigned w = 0; w < options_.workers; ++w)
        shared_->quiescence.offline(w);
}

void Rig::reconfigure(const std::string& configuration) {
    auto model = load(configuration, "test");
    if (!model) {
        ADD_FAILURE() << model.error().message;
        return;
    }
    model_ = *model;
    ASSERT_TRUE(take_numbers(model_, indexes_));
    for (const auto& name : model_.order)
        if (std::holds_alternative<PortSpec>(model_.links.at(name).kind) && !ports_.contains(name))
            ports_.emplace(name, std::make_unique<QueuePort>(options_.offloads));
    publish();
}

void Rig::publish() {
    std::map<std::string, PortFacts> facts;
    std::map<std::string, OpenPort> open;
    std::uint8_t k = 0;
    for (const auto& name : model_.order) {
        if (!std::holds_alternative<PortSpec>(model_.links.at(name).kind)) continue;
        const PortInfo info = ports_.at(name)->info();
        facts[name] = {.mac = {{2, 0xff, 0, 0, 0, ++k}}, .mtu = 1500, .link_up = info.link_up};
        open[name] = {.port = ports_.at(name).get(),
                      .tx_queues = options_.tx_queues,
                      .offloads = info.offloads,
                      .kernel_takes = std::holds_alternative<TuntapPort>(
                          std::get<PortSpec>(model_.links.at(name).kind).kind)};
    }
    effective_ = effective(model_, facts, {});
    const AssembleInput input{
        .model = model_, .effective = effective_, .ports = open, .kernel = options_.kernel};
    while_offline([&] {
        shared_->topology.replace(assemble(input, indexes_), shared_->quiescence);

        std::vector<std::unique_ptr<PollPlan>> plans;
        for (unsigned w = 0; w < options_.workers; ++w)
            plans.push_back(std::make_unique<PollPlan>());
        unsigned at = 0;
        for (const auto& name : model_.order)
            if (ports_.contains(name))
                plans[at++ % options_.workers]->queues.push_back({ports_.at(name).get(), 0, index(name)});
        for (unsigned w = 0; w < options_.workers; ++w)
            shared_->workers[w]->plan.replace(std::move(plans[w]), shared_->quiescence);
    });

    auto wanted = fixed_entries(input, indexes_);
    for (const auto& [key, entry] : fixed_)
        if (!wanted.contains(key)) shared_->fdb.remove(key);
    for (const auto& [key, entry] : wanted)
        shared_->fdb.set(key, entry.port, entry.bridge, entry.flags, now_);
    fixed_ = std::move(wanted);
}

void Rig::while_offline(const std::function<void()>& work) {
    for (unsigned w = 0; w < workers_.size(); ++w)
        shared_->quiescence.offline(w);
    work();
    for (unsigned w = 0; w < workers_.size(); ++w)
        shared_->quiescence.online(w);
}

void Rig::send(const std::string& port, const Bytes& frame) {
    Metadata meta{};
    send(port, frame, meta);
}

void Rig::send(const std::string& port, const Bytes& frame, const Metadata& meta) {
    offer(port, frame, meta);
    run();
}

void Rig::offer(const std::string& port, const Bytes& frame, const Metadata& meta) {
    rte_mbuf* head = nullptr;
    rte_mbuf* last = nullptr;
    for (std::size_t at = 0; at < frame.size() || !head;) {
        rte_mbuf* m = rte_pktmbuf_alloc(pool());
        ASSERT_NE(m, nullptr);
        const auto n =
            static_cast<std::uint16_t>(std::min<std::size_t>(frame.size() - at, rte_pktmbuf_tailroom(m)));
        std::memcpy(rte_pktmbuf_mtod(m, void*), frame.data() + at, n);
        m->data_len = n;
        at += n;
        if (!head) {
            head = m;
            // What no port promises to write must not be read.
            std::memset(static_cast<void*>(&Packet::from(head)->meta), 0xa5, sizeof(Metadata));
        } else {
            last->next = m;
            ++head->nb_segs;
        }
        last = m;
    }
    head->pkt_len = static_cast<std::uint32_t>(frame.size());
    Metadata& to = Packet::from(head)->meta;
    to.tag_place = meta.tag_place;
    to.vlan_tci = meta.vlan_tci;
    to.vlan_tpid = meta.vlan_tpid;
    to.checksum = meta.checksum;
    to.checksum_start = meta.checksum_start;
    to.checksum_offset = meta.checksum_offset;
    to.gso_type = meta.gso_type;
    to.gso_size = meta.gso_size;
    to.gso_ecn = meta.gso_ecn;
    ports_.at(port)->waiting.push_back(Packet::from(head));
}

void Rig::from_kernel(const std::string& interface, const Bytes& frame, const Metadata& meta) {
    rte_mbuf* m = rte_pktmbuf_alloc(pool());
    ASSERT_NE(m, nullptr);
    std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(), frame.size());
    Packet* packet = Packet::from(m);
    packet->meta = meta;
    packet->meta.oif = index(interface);
    packet->meta.flags = PacketFlags::from_kernel;
    ASSERT_EQ(shared_->workers[index(interface) % options_.workers]->from_kernel.enqueue(&packet, 1), 1u);
    run();
}

void Rig::run() {
    for (bool more = true; more;) {
        more = false;
        for (auto& worker : workers_)
            more |= worker->round(now_ * std::uint64_t{1'000'000}) != 0;
    }
    collect_punted();
}

void Rig::collect_punted() {
    constexpr auto held = static_cast<std::size_t>(PuntClass::unresolved);  // the last: not for the kernel
    Packet* packets[batch_size];
    for (auto& worker : shared_->workers)
        for (auto& ring : std::span(worker->punt.by_class).first<held>())
            while (const unsigned n = ring.dequeue(packets, batch_size))
                for (unsigned i = 0; i < n; ++i) {
                    EXPECT_TRUE(insert_stripped(*packets[i]));
                    punted_[packets[i]->meta.iif].push_back(bytes_of(*packets[i]));
                    Packet::free(packets[i]);
                }
}

std::vector<Bytes> Rig::sent(const std::string& name) {
    QueuePort& port = *ports_.at(name);
    std::vector<Bytes> frames;
    for (Packet* p : port.sent) {
        Bytes bytes = bytes_of(*p);
        if (p->meta.tag_place == TagPlace::stripped) {
            const std::uint8_t tag[] = {static_cast<std::uint8_t>(p->meta.vlan_tpid >> 8),
                                        static_cast<std::uint8_t>(p->meta.vlan_tpid),
                                        static_cast<std::uint8_t>(p->meta.vlan_tci >> 8),
                                        static_cast<std::uint8_t>(p->meta.vlan_tci)};
            bytes.insert(bytes.begin() + 12, tag, tag + 4);
        }
        frames.push_back(std::move(bytes));
        Packet::free(p);
    }
    port.sent.clear();
    port.sent_by.clear();
    return frames;
}

Out Rig::all_sent() {
    Out all;
    for (const auto& [name, port] : ports_)
        if (auto frames = sent(name); !frames.empty()) all[name] = std::move(frames);
    return all;
}

std::vector<Bytes> Rig::punted(const std::string& interface) {
    return std::exchange(punted_[index(interface)], {});
}

std::uint64_t Rig::drops(DropReason reason) const {
    std::uint64_t all = 0;
    for (const auto& worker : shared_->workers)
        for (IfIndex i = 0; i < indexes_.interfaces.table_size(); ++i)
            all += worker->counters[i].dropped[static_cast<std::size_t>(reason)].packets.get();
    return all;
}

std::uint64_t Rig::all_drops() const {
    std::uint64_t all = 0;
    for (std::size_t r = 0; r < drop_reason_count; ++r)
        all += drops(static_cast<DropReason>(r));
    return all;
}

const InterfaceCounters& Rig::counters(const std::string& interface, unsigned worker) const {
    return shared_->workers[worker]->counters[index(interface)];
}

std::pair<std::uint64_t, std::uint64_t> Rig::sent_by(const std::string& interface) const {
    std::uint64_t packets = 0, bytes = 0;
    for (unsigned w = 0; w < options_.workers; ++w) {
        packets += counters(interface, w).sent.packets.get();
        bytes += counters(interface, w).sent.bytes.get();
    }
    return {packets, bytes};
}

void Rig::pass(std::uint32_t seconds) {
    now_ += seconds;
    shared_->fdb.remove_if(now_, [](const Fdb::Entry& e) { return e.is_dynamic() && e.age >= 300; });
}

}  // namespace weft::test
