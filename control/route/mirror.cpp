#include "control/route/mirror.hpp"

#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/nexthop.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <new>
#include <thread>

#include "control/kernel/attributes.hpp"
#include "control/kernel/descriptor.hpp"
#include "control/route/dump_pace.hpp"
#include "control/route/mirror_socket.hpp"
#include "weft/clock.hpp"

namespace weft {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

class RouteMirror::Loop {
  public:
    Loop(Routes& routes, std::mutex& mutex, MirrorSocket socket, MirrorSocket requests, Wiring wiring)
        : routes_(routes),
          mutex_(mutex),
          socket_(std::move(socket)),
          requests_(std::move(requests)),
          event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          wanted_(std::move(wiring.wanted)),
          on_neighbour_(std::move(wiring.routes.on_neighbour)),
          log_(std::move(wiring.routes.log)),
          cpus_(std::move(wiring.cpus)) {
        pending_ = all_dumps;
        thread_ = std::thread([this] { run(); });
    }
    ~Loop() {
        stop_ = true;
        wake();
        thread_.join();
    }

    void wake() noexcept {
        const std::uint64_t one = 1;
        static_cast<void>(write(event_.get(), &one, sizeof one));
    }
    /// Under the lock: what somebody else did to the routes may ask for dumps.
    void take_wanted() {
        take_what_may_begin();
        if (pending_) wake();
    }
    /// A neighbour request that the kernel answers on the socket after all it said before.
    bool wait_until_in_step(unsigned milliseconds) {
        std::unique_lock lock(mutex_);
        const auto wanted = dumped_ + 1;
        pending_ |= bit_of(RouteDump::rules6);
        wake();
        return in_step_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                                 [&] { return dumped_ >= wanted && pending_ == 0 && !dumping_; });
    }
    [[nodiscard]] Counts counts() const noexcept {
        return {messages_.load(), malformed_.load(), overflows_.load(), dumps_.load()};
    }

  private:
    static constexpr std::chrono::seconds silence{10};
    static constexpr std::uint32_t all_dumps = (1u << route_dump_count) - 1;

    void enter_thread() noexcept {
        pthread_setname_np(pthread_self(), "weft-routes");
        if (cpus_.empty()) return;
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        for (const unsigned cpu : cpus_)
            CPU_SET(cpu, &cpus);
        pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
    }

    void run() {
        enter_thread();
        auto next_tick = Clock::now() + std::chrono::seconds(1);
        while (!stop_) {
            auto wake_at = next_tick;
            {
                const std::lock_guard lock(mutex_);
                routes_.expire(Clock::now());
                take_what_may_begin();
                start_dump();
                wake_at = std::min({wake_at, routes_.expiry(), pace_.next()});
            }
            pollfd ready[2] = {{socket_.descriptor(), POLLIN, 0}, {event_.get(), POLLIN, 0}};
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake_at - Clock::now());
            poll(ready, 2, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
            if (ready[1].revents) {
                std::uint64_t count;
                static_cast<void>(read(event_.get(), &count, sizeof count));
            }
            read_some();
            resolve_wanted();
            if (Clock::now() >= next_tick) {
                tick();
                next_tick = Clock::now() + std::chrono::seconds(1);
            }
        }
    }

    void read_some() {
        const int received = socket_.receive();
        if (received == 0) return;
        const std::lock_guard lock(mutex_);
        if (received < 0) {
            ++overflows_;
            start_again();
            return;
        }
        try {
            for (int i = 0; i < received; ++i)
                take(socket_.datagram(i));
            routes_.settle();
            take_what_may_begin();
        } catch (const std::bad_alloc&) {
            // Workers go on by what they have; all is asked for again, as when notifications were lost.
            log_("no memory for the kernel's routes: they are read again in a second");
            out_of_memory_ = true;
            start_again();
        }
    }

    void resolve_wanted() {
        if (!wanted_) return;
        for (const NextHop& to : wanted_()) {
            // It may have answered since the worker looked.
            const bool known = [&] {
                const std::lock_guard lock(mutex_);
                return routes_.is_resolved(to);
            }();
            if (!known)
                requests_.use_neighbour(to.device, to.v6, to.address);
            else if (on_neighbour_)
                on_neighbour_(to, NeighbourState::resolved);
        }
    }

    void take(Bytes datagram) {
        while (const auto message = next_message(datagram)) {
            ++messages_;
            const auto& header = message->header;
            // Answers to the dump carry its number, notifications none.
            const bool answer = header.nlmsg_pid == socket_.port() && header.nlmsg_seq != 0;
            if (answer && (!dumping_ || header.nlmsg_seq != sequence_)) continue;
            if (answer) heard_ = Clock::now();
            if (answer && header.nlmsg_flags & NLM_F_DUMP_INTR) interrupted_ = true;
            if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
                if (answer) end_dump(*message);
                continue;
            }
            take_one(*message);
        }
        if (!datagram.empty()) ++malformed_;
    }

    void take_one(const NetlinkMessage& message) {
        const auto type = message.header.nlmsg_type;
        switch (type) {
            case RTM_NEWROUTE:
            case RTM_DELROUTE:
                // also entries of caches, which are none of ours
                if (parse_route(message.body, route_))
                    routes_.route(route_, type == RTM_NEWROUTE, message.header.nlmsg_flags);
                return;
            case RTM_NEWNEIGH:
            case RTM_DELNEIGH:
                if (const auto neighbour = parse_neighbour(message.body))
                    routes_.neighbour(*neighbour, type == RTM_NEWNEIGH);
                return;
            case RTM_NEWNEXTHOP:
            case RTM_DELNEXTHOP:
                if (const auto nexthop = parse_nexthop(message.body))
                    routes_.nexthop(*nexthop, type == RTM_NEWNEXTHOP);
                return;
            case RTM_NEWNETCONF:
                if (const auto netconf = parse_netconf(message.body)) routes_.netconf(*netconf);
                return;
            case RTM_NEWRULE:
            case RTM_DELRULE:
                if (const auto rule = parse_rule(message.body)) routes_.rule(*rule, type == RTM_NEWRULE);
                return;
            case RTM_NEWLINK:
            case RTM_DELLINK:
                if (const auto link = parse_link_facts(message.body))
                    routes_.link(*link, type == RTM_NEWLINK);
                return;
            case RTM_NEWADDR:
            case RTM_DELADDR:
                if (const auto address = parse_address_facts(message.body))
                    routes_.address(*address, type == RTM_NEWADDR, message.header.nlmsg_flags);
                return;
            default:
                return;
        }
    }

    /// What was told is lost, of everything, and perhaps the end of a dump with it: its other answers are no
    /// longer ours.
    void start_again() noexcept {
        pending_ = all_dumps;
        dumping_ = false;
        ++sequence_;
    }

    /// Of what the kernel's silence asks for.
    void take_what_may_begin() {
        pace_.want(routes_.take_wanted());
        pending_ |= pace_.take(Clock::now());
    }

    void start_dump() {
        if (dumping_ || pending_ == 0 || out_of_memory_) return;
        // In the order of RouteDump: links before what leads there.
        kind_ = static_cast<RouteDump>(std::countr_zero(pending_));
        if (!socket_.ask_for(kind_, ++sequence_)) return;
        pending_ &= ~bit_of(kind_);
        dumping_ = true;
        heard_ = Clock::now();
        interrupted_ = false;
        routes_.begin(kind_);
    }

    void end_dump(const NetlinkMessage& message) {
        dumping_ = false;
        ++dumps_;
        int error = 0;
        if (const auto code = read_plain<int>(message.body)) error = *code;
        if (interrupted_ || (error != 0 && -error != EOPNOTSUPP && -error != EAFNOSUPPORT)) {
            // Changed while it was read: a piece may be missing, so nothing may go.
            pending_ |= bit_of(kind_);
            return;
        }
        routes_.end(kind_, error == 0);
        ++dumped_;
        if (pending_ != 0) return;
        pace_.ended(Clock::now());
        in_step_.notify_all();
    }

    void tick() {
        std::vector<NeighbourKey> keep_fresh;
        {
            const std::lock_guard lock(mutex_);
            if (dumping_ && Clock::now() - heard_ > silence) start_again();
            out_of_memory_ = false;
            try {
                routes_.tick();
                routes_.settle();
                keep_fresh = routes_.stale_in_use(coarse_seconds());
                take_what_may_begin();
            } catch (const std::bad_alloc&) {
                log_("no memory to look after the kernel's routes");
            }
        }
        for (const auto& key : keep_fresh)
            requests_.use_neighbour(key.device, key.v6, key.address);
    }

    Routes& routes_;
    std::mutex& mutex_;
    MirrorSocket socket_, requests_;
    Descriptor event_;
    std::function<std::vector<NextHop>()> wanted_;
    std::function<void(const NextHop&, NeighbourState)> on_neighbour_;
    std::function<void(const std::string&)> log_;
    std::vector<unsigned> cpus_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> messages_{0}, malformed_{0}, overflows_{0}, dumps_{0};

    // under mutex_
    std::uint32_t pending_ = 0;
    DumpPace pace_;
    bool dumping_ = false, interrupted_ = false, out_of_memory_ = false;
    Clock::time_point heard_{};  ///< when the dump's last answer came
    RouteDump kind_ = RouteDump::links;
    std::uint32_t sequence_ = 0;
    std::uint64_t dumped_ = 0;
    std::condition_variable in_step_;
    KernelRoute route_;

    std::thread thread_;
};

RouteMirror::RouteMirror(Routes::Wiring routes) : routes_(std::make_unique<Routes>(std::move(routes))) {}
RouteMirror::~RouteMirror() = default;

Result<std::unique_ptr<RouteMirror>> RouteMirror::start(const Netns& netns, Wiring wiring) {
    auto socket = MirrorSocket::open(netns, wiring.buffer, true);
    if (!socket) return std::move(socket).error();
    auto requests = MirrorSocket::open(netns, 1 << 16, false);
    if (!requests) return std::move(requests).error();
    std::unique_ptr<RouteMirror> mirror{new RouteMirror(wiring.routes)};
    mirror->loop_ = std::make_unique<Loop>(*mirror->routes_, mirror->mutex_, std::move(*socket),
                                           std::move(*requests), std::move(wiring));
    return mirror;
}

void RouteMirror::set(const RoutingSettings& settings) {
    const std::lock_guard lock(mutex_);
    routes_->set(settings);
    routes_->settle();
    loop_->take_wanted();
}

void RouteMirror::ask() noexcept {
    loop_->wake();
}

bool RouteMirror::wait_until_in_step(unsigned milliseconds) {
    return loop_->wait_until_in_step(milliseconds);
}

RouteMirror::Counts RouteMirror::counts() const {
    return loop_->counts();
}

}  // namespace weft
