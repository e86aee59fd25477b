#include "dataplane/port/memif_exchange.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace weft::ports {

namespace {

constexpr int look_ms = 100;  ///< how often a client tries to connect, and handshakes are looked at
constexpr std::size_t max_strangers = 64;
constexpr auto stranger_time = std::chrono::seconds{2};

}  // namespace

std::shared_ptr<MemifExchange> MemifExchange::get() {
    static std::weak_ptr<MemifExchange> running;
    auto exchange = running.lock();
    if (!exchange) running = exchange = std::make_shared<MemifExchange>();
    return exchange;
}

MemifExchange::MemifExchange() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    // Signals are for the main thread.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

MemifExchange::~MemifExchange() {
    {
        const std::lock_guard guard{lock_};
        stop_ = true;
    }
    eventfd_write(wake_.get(), 1);
    thread_.join();
}

Result<> MemifExchange::add(MemifLink& link, int netns) {
    const auto& address = link.address();
    {
        const std::lock_guard guard{lock_};
        for (const auto* other : links_)
            if (other->address().path == address.path && other->address().id == address.id)
                return refuse(
                    fmt::format("{} id {} is port {} already", address.path, address.id, other->name()));
        if (auto ok = check_memif_path(address.path); !ok) return ok;
        if (address.server && !listeners_.contains(address.path)) {
            auto listener = MemifListener::open(address.path, netns);
            if (!listener) return std::move(listener).error();
            listeners_.emplace(address.path, *std::move(listener));
        }
        links_.push_back(&link);
    }
    eventfd_write(wake_.get(), 1);
    return {};
}

void MemifExchange::remove(MemifLink& link) {
    const std::lock_guard guard{lock_};
    link.enable(false);
    if (std::erase(links_, &link) == 0) return;
    const auto& path = link.address().path;
    if (std::none_of(links_.begin(), links_.end(), [&](const auto* other) {
            return other->address().server && other->address().path == path;
        })) {
        listeners_.erase(path);
        std::erase_if(strangers_, [&](const Stranger& s) { return s.path == path; });
    }
}

void MemifExchange::run() {
    pthread_setname_np(pthread_self(), "memif");
    std::unique_lock lock{lock_};
    while (!stop_) {
        std::vector<pollfd> waited{{wake_.get(), POLLIN, 0}};
        const auto wait_for = [&](int fd) { waited.push_back({fd, POLLIN, 0}); };
        bool looks = !strangers_.empty();
        for (const auto& [path, listener] : listeners_)
            wait_for(listener.descriptor());
        for (const auto& stranger : strangers_)
            wait_for(stranger.socket.get());
        for (const auto* link : links_) {
            if (link->descriptor() >= 0) wait_for(link->descriptor());
            looks |= link->wants_to_connect() || link->shaking_hands();
        }
        lock.unlock();
        poll(waited.data(), waited.size(), looks ? look_ms : -1);
        eventfd_t dummy;
        eventfd_read(wake_.get(), &dummy);
        lock.lock();
        std::vector<int> ready;
        for (const auto& one : waited)
            if (one.revents) ready.push_back(one.fd);
        round(ready);
    }
}

// What was waited for may have gone meanwhile, and its number be another's: reading that finds nothing.
void MemifExchange::round(const std::vector<int>& ready) {
    const auto is_ready = [&](int fd) { return std::find(ready.begin(), ready.end(), fd) != ready.end(); };
    for (auto* link : links_) {
        if (link->descriptor() >= 0 && is_ready(link->descriptor())) link->readable();
        link->look();
        if (link->wants_to_connect()) link->connect();
        link->interrupt();
    }
    for (auto& stranger : strangers_)
        if (is_ready(stranger.socket.get())) introduce(stranger);
    const auto now = MemifLink::Clock::now();
    std::erase_if(strangers_, [&](const Stranger& s) { return !s.socket || now - s.since > stranger_time; });
    for (const auto& [path, listener] : listeners_)
        if (is_ready(listener.descriptor())) welcome(path, listener.descriptor());
}

void MemifExchange::welcome(const std::string& path, int listener) {
    Fd socket{accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!socket || !send_message(socket.get(), hello_message())) return;
    if (strangers_.size() >= max_strangers) strangers_.pop_front();
    strangers_.push_back({std::move(socket), path, MemifLink::Clock::now()});
}

/// Its first message says whose it is. Leaves the stranger without a socket unless nothing was there.
void MemifExchange::introduce(Stranger& stranger) {
    MemifMessage message;
    const auto what = read_message(stranger.socket.get(), message);
    if (what == MemifRead::nothing) return;
    const memif::Init init = message.text.init;
    const char* reason = nullptr;
    if (what == MemifRead::message && message.text.type == memif::MessageType::init) {
        auto* link = server(stranger.path, init.id);
        if (init.version != memif::version)
            reason = "Incompatible memif version";
        else if (init.mode != 0)
            reason = "Only ethernet mode supported";
        else if (!link)
            reason = "ID not found";
        else if (!link->adopt(stranger.socket))
            reason = link->enabled() ? "Already connected" : "The interface is down";
    } else if (what == MemifRead::message) {
        reason = "Unexpected message";
    }
    if (reason) send_disconnect(stranger.socket.get(), reason);
    stranger.socket = Fd{};
}

MemifLink* MemifExchange::server(const std::string& path, std::uint32_t id) const {
    for (auto* link : links_)
        if (link->address().server && link->address().path == path && link->address().id == id) return link;
    return nullptr;
}

}  // namespace weft::ports
