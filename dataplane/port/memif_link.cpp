#include "dataplane/port/memif_link.hpp"

#include <fmt/core.h>

#include <cstdio>

namespace weft::ports {

using memif::MessageType;

namespace {

constexpr auto handshake_time = std::chrono::seconds{2};

Result<> sent(bool done) {
    if (done) return {};
    return refuse("it takes no message");
}

}  // namespace

void MemifLink::enable(bool enabled) {
    enabled_ = enabled;
    if (!enabled) part("");
}

void MemifLink::begin(Fd socket) {
    socket_ = std::move(socket);
    stage_ = Stage::shaking_hands;
    begun_ = Clock::now();
    session_ = {};
}

bool MemifLink::adopt(Fd& socket) {
    if (!enabled_ || socket_) return false;
    begin(std::move(socket));
    if (auto done = acknowledge(); !done) part(done.error().message);
    return true;
}

void MemifLink::connect() {
    if (Fd socket = memif_connect(address_.path, netns_)) begin(std::move(socket));
}

void MemifLink::look() {
    if (connected() && queues_.broken())
        part("its rings name memory that is not there, or more frames than they hold");
    else if (stage_ == Stage::shaking_hands && Clock::now() - begun_ > handshake_time)
        part("it does not finish the handshake");
}

void MemifLink::readable() {
    MemifMessage message;
    switch (read_message(socket_.get(), message)) {
        case MemifRead::nothing:
            return;
        case MemifRead::ended:
            return part("");
        case MemifRead::message:
            if (message.text.type == MessageType::disconnect) return part("");
            if (auto done = answer(message); !done) part(done.error().message);
    }
}

Result<> MemifLink::acknowledge() const {
    memif::Message ack;
    ack.type = MessageType::ack;
    return sent(send_message(socket_.get(), ack));
}

Result<> MemifLink::answer(MemifMessage& message) {
    const bool shaking = stage_ == Stage::shaking_hands;
    switch (message.text.type) {
        case MessageType::ack:
            return {};
        case MessageType::hello:
            if (shaking && !address_.server && session_.rings.empty()) return offer(message.text.hello);
            break;
        case MessageType::connected:
            if (shaking && !address_.server && !session_.rings.empty()) return join();
            break;
        case MessageType::add_region:
            if (shaking && address_.server) return add_region(message);
            break;
        case MessageType::add_ring:
            if (shaking && address_.server) return add_ring(message);
            break;
        case MessageType::connect:
            if (!shaking || !address_.server) break;
            if (auto done = join(); !done) return done;
            return sent(send_message(socket_.get(), named_message(MessageType::connected, name_)));
        default:
            break;
    }
    return refuse(
        fmt::format("its message {} does not belong here", static_cast<unsigned>(message.text.type)));
}

Result<> MemifLink::offer(const memif::Hello& hello) {
    if (hello.min_version > memif::version || hello.max_version < memif::version)
        return refuse("it speaks another version");
    if (hello.max_c2s_ring + 1u < queues_.tx() || hello.max_s2c_ring + 1u < queues_.rx())
        return refuse(fmt::format("it takes {} rings from us and {} to us", hello.max_c2s_ring + 1u,
                                  hello.max_s2c_ring + 1u));
    auto made = MemifSession::make(queues_.tx(), queues_.rx(), std::min(log2_, hello.max_log2_ring_size));
    if (!made) return std::move(made).error();
    session_ = *std::move(made);
    const int socket = socket_.get();
    bool taken = send_message(socket, init_message(address_.id));
    memif::Message region;
    region.type = MessageType::add_region;
    region.add_region.index = 0;
    region.add_region.size = session_.regions[0].size();
    taken = taken && send_message(socket, region, session_.regions[0].descriptor());
    for (const auto& ring : session_.rings) {
        memif::Message add;
        add.type = MessageType::add_ring;
        add.add_ring.flags = ring.c2s ? memif::add_ring_c2s : 0;
        add.add_ring.index = ring.index;
        add.add_ring.region = ring.region;
        add.add_ring.offset = ring.offset;
        add.add_ring.log2_ring_size = ring.log2;
        taken = taken && send_message(socket, add, ring.event.get());
    }
    return sent(taken && send_message(socket, named_message(MessageType::connect, name_)));
}

Result<> MemifLink::add_region(MemifMessage& message) {
    const memif::AddRegion region = message.text.add_region;
    if (region.index != session_.regions.size() || region.index >= memif::max_regions)
        return refuse("its regions are not numbered one after the other");
    auto mapped = MemifRegion::map(std::move(message.descriptor), region.size);
    if (!mapped) return std::move(mapped).error();
    session_.regions.push_back(*std::move(mapped));
    return acknowledge();
}

Result<> MemifLink::add_ring(MemifMessage& message) {
    const memif::AddRing ring = message.text.add_ring;
    if (session_.rings.size() >= 2 * memif::max_rings) return refuse("it adds too many rings");
    if (ring.private_header_size != 0) return refuse("private headers are not supported");
    if (auto event = check_event(message.descriptor); !event) return event;
    session_.rings.push_back({(ring.flags & memif::add_ring_c2s) != 0, ring.index, ring.region, ring.offset,
                              ring.log2_ring_size, std::move(message.descriptor)});
    return acknowledge();
}

Result<> MemifLink::join() {
    auto joined = queues_.attach(std::move(session_), address_.server);
    session_ = {};
    if (!joined) return joined;
    stage_ = Stage::connected;
    last_complaint_.clear();
    ++connections_;
    return {};
}

/// Ends the connection; with a complaint, for the peer's fault.
void MemifLink::part(const std::string& complaint) {
    if (!socket_) return;
    stage_ = Stage::apart;
    queues_.detach();
    session_ = {};
    send_disconnect(socket_.get(), complaint.empty() ? "the port is closed" : complaint);
    socket_ = Fd{};
    if (complaint.empty()) return;
    ++refusals_;
    if (std::exchange(last_complaint_, complaint) != complaint)
        std::fputs(fmt::format("port {}: the memif peer is left: {}\n", name_, complaint).c_str(), stderr);
}

}  // namespace weft::ports
