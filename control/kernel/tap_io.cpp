#include "control/kernel/tap_io.hpp"

#include <pthread.h>
#include <rte_lcore.h>
#include <sched.h>
#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "control/kernel/descriptor.hpp"
#include "control/kernel/tap_frame.hpp"
#include "weft/clock.hpp"

namespace weft {
namespace {

/// Packets taken from one worker's queue of a class in one round, and read from one TAP.
constexpr std::array<unsigned, punt_class_count> punt_quantum{32, 32, 32, 32, 32, 32, 32, 16, 32};
constexpr unsigned read_quantum = 32;
constexpr std::uint32_t waker_event = UINT32_MAX;

}  // namespace

class TapIo::Loop {
  public:
    explicit Loop(Wiring wiring) : wiring_(std::move(wiring)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
        watch(waker_.descriptor(), waker_event);
        thread_ = std::thread([this] { run(); });
    }
    ~Loop() {
        call([this] { stop_ = true; });
        thread_.join();
        std::array<Packet*, batch_size> packets;
        for (auto* queues : wiring_.punted)
            for (auto& ring : queues->by_class)
                while (const unsigned n = ring.dequeue(packets.data(), batch_size))
                    for (unsigned i = 0; i < n; ++i)
                        Packet::free(packets[i]);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    Waker& waker() noexcept { return waker_; }

    void add_tap(IfIndex interface, int descriptor) {
        call([&] {
            forget(interface);
            taps_.emplace(interface, Descriptor{descriptor});
            watch(descriptor, interface);
        });
    }
    void remove_tap(IfIndex interface) {
        call([&] { forget(interface); });
    }
    void drain() {
        call([this] {
            for (auto* queues : wiring_.punted)
                for (auto& ring : queues->by_class)
                    for (unsigned left = ring.count(), n = 1; left > 0 && n > 0; left -= n)
                        n = write_some(ring, left < batch_size ? left : batch_size);
        });
    }

  private:
    /// Has the thread do `work` between two rounds; returns when it is done. One caller at a time.
    void call(const std::function<void()>& work) {
        const std::lock_guard turn(calls_);
        std::unique_lock lock(mutex_);
        work_ = &work;
        has_work_.store(true, std::memory_order_release);
        waker_.wake();
        done_.wait(lock, [this] { return work_ == nullptr; });
    }
    void do_work() {
        if (!has_work_.load(std::memory_order_acquire)) return;
        const std::lock_guard lock(mutex_);
        has_work_.store(false, std::memory_order_relaxed);
        (*work_)();
        work_ = nullptr;
        done_.notify_one();
    }

    void watch(int descriptor, std::uint32_t interface) noexcept {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = interface;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event);
    }

    void forget(IfIndex interface) {
        const auto tap = taps_.find(interface);
        if (tap == taps_.end()) return;
        unwatch(tap->second.get());
        taps_.erase(tap);
    }
    /// Closing is not enough: the descriptor is a duplicate, and the watch is on what they share.
    void unwatch(int descriptor) noexcept { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr); }

    void enter_thread() noexcept {
        pthread_setname_np(pthread_self(), "weft-tap");
        if (!wiring_.cpus.empty()) {
            cpu_set_t cpus;
            CPU_ZERO(&cpus);
            for (const unsigned cpu : wiring_.cpus)
                CPU_SET(cpu, &cpus);
            pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
        }
        if (wiring_.register_with_eal) rte_thread_register();
    }

    void run() {
        enter_thread();
        {
            TapReader reader(wiring_.pool);
            while (!stop_) {
                do_work();
                const bool wrote = write_round();
                if (!read_round(reader, 0) && !wrote) sleep(reader);
            }
        }
        if (wiring_.register_with_eal) rte_thread_unregister();
    }

    void sleep(TapReader& reader) {
        waker_.about_to_sleep();
        if (!stop_ && !has_work_.load() && nothing_punted()) read_round(reader, -1);
        waker_.awake();
    }

    [[nodiscard]] bool nothing_punted() const noexcept {
        for (const auto* queues : wiring_.punted)
            for (const auto& ring : queues->by_class)
                if (!ring.empty()) return false;
        return true;
    }

    /// Each class of each worker once, with its bound. False if there was nothing.
    bool write_round() {
        unsigned written = 0;
        for (std::size_t c = 0; c < punt_class_count; ++c)
            for (auto* queues : wiring_.punted)
                written += write_some(queues->by_class[c], punt_quantum[c]);
        return written > 0;
    }

    unsigned write_some(PacketRing& ring, unsigned most) {
        std::array<Packet*, batch_size> packets;
        const unsigned n = ring.dequeue(packets.data(), most);
        for (unsigned i = 0; i < n; ++i) {
            if (packets[i]->meta.punt_class == PuntClass::unresolved) {
                hold(*packets[i]);
                continue;
            }
            write_one(*packets[i]);
            Packet::free(packets[i]);
        }
        return n;
    }

    void hold(Packet& packet) {
        if (wiring_.hold) return wiring_.hold->add(packet, coarse_microseconds());
        drop(packet.meta.oif, DropReason::route_neighbour_unknown, packet.length());
        Packet::free(&packet);
    }

    void write_one(const Packet& packet) noexcept {
        const auto tap = taps_.find(packet.meta.iif);
        const auto outcome = tap == taps_.end() ? TapWrite::down : write_to_tap(tap->second.get(), packet);
        if (outcome == TapWrite::sent) return;
        drop(packet.meta.iif,
             outcome == TapWrite::down ? DropReason::punt_tap_down : DropReason::punt_tap_refused,
             packet.length());
    }

    /// A batch of each TAP that has something. False if none had.
    bool read_round(TapReader& reader, int timeout_ms) noexcept {
        std::array<epoll_event, 64> events;
        const int n = epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
        bool some = false;
        for (int i = 0; i < n; ++i) {
            const auto interface = events[static_cast<unsigned>(i)].data.u32;
            if (interface == waker_event) continue;
            some = true;
            read_some(reader, static_cast<IfIndex>(interface));
        }
        return some;
    }

    void read_some(TapReader& reader, IfIndex interface) noexcept {
        const auto tap = taps_.find(interface);
        if (tap == taps_.end()) return;
        std::array<Packet*, read_quantum> packets;
        unsigned n = 0;
        for (unsigned turn = 0; turn < read_quantum; ++turn) {
            const auto answer = reader.read(tap->second.get());
            using Outcome = TapReader::Outcome;
            if (answer.outcome == Outcome::empty) break;
            if (answer.outcome == Outcome::gone) {
                // Level-triggered and always in error from now on.
                unwatch(tap->second.get());
                break;
            }
            switch (answer.outcome) {
                case Outcome::frame:
                    packets[n++] = answer.packet;
                    break;
                case Outcome::no_mbuf:
                    drop(interface, DropReason::tap_no_mbuf, answer.length);
                    break;
                case Outcome::truncated:
                    drop(interface, DropReason::ingress_truncated, answer.length);
                    break;
                default:
                    drop(interface, DropReason::egress_bad_offload, answer.length);
                    break;
            }
        }
        if (n > 0) give(interface, packets.data(), n);
    }

    void give(IfIndex interface, Packet* packets[], unsigned n) noexcept {
        for (unsigned i = 0; i < n; ++i) {
            auto& meta = packets[i]->meta;
            meta.iif = no_interface;
            meta.oif = interface;
            meta.port_iif = no_interface;
            meta.hops = 0;
            meta.queue_class = 0;
            meta.flags = PacketFlags::from_kernel;
            meta.mark = 0;
        }
        const auto& worker = wiring_.workers[interface % wiring_.workers.size()];
        const unsigned taken = worker.ring->enqueue(packets, n);
        worker.waker->wake();
        for (unsigned i = taken; i < n; ++i) {
            drop(interface, DropReason::tap_queue_full, packets[i]->length());
            Packet::free(packets[i]);
        }
    }

    void drop(IfIndex interface, DropReason reason, std::uint32_t bytes) noexcept {
        (*wiring_.counters)[interface].dropped[static_cast<std::size_t>(reason)].add(1, bytes);
    }

    Wiring wiring_;
    Waker waker_;
    Descriptor epoll_;
    std::unordered_map<IfIndex, Descriptor> taps_;  ///< the thread's own
    bool stop_ = false;                             ///< the thread's own
    std::mutex calls_, mutex_;
    std::condition_variable done_;
    const std::function<void()>* work_ = nullptr;
    std::atomic<bool> has_work_{false};
    std::thread thread_;
};

TapIo::TapIo(Wiring wiring) : loop_(std::make_unique<Loop>(std::move(wiring))) {}
TapIo::~TapIo() = default;
Waker& TapIo::waker() noexcept {
    return loop_->waker();
}
void TapIo::add_tap(IfIndex interface, int descriptor) {
    loop_->add_tap(interface, descriptor);
}
void TapIo::remove_tap(IfIndex interface) {
    loop_->remove_tap(interface);
}
void TapIo::drain() {
    loop_->drain();
}

}  // namespace weft
