// Kernel devices that are ports, when somebody deletes them and makes them again.
#include <fmt/format.h>

#include <utility>

#include "control/publish/switch.hpp"

namespace weft {

namespace {

std::string device_of(const LivePort& live) {
    return captured_device(live.spec);
}

}  // namespace

Result<> Switch::watch_devices() {
    auto monitor =
        KernelMonitor::open(host_, {.link = [this](const KernelLink& l) { on_device(l); },
                                    .link_gone = [this](const KernelLink& l) { on_device_gone(l.index); },
                                    .address = {},
                                    .resync = [this] { look_for_lost_devices(); }});
    if (!monitor) return std::move(monitor).error();
    device_monitor_.emplace(std::move(*monitor));
    return {};
}

void Switch::on_device(const KernelLink& link) {
    for (auto& [name, live] : ports_) {
        if (live.capture && live.capture->index() == link.index && device_of(live) != link.name)
            return on_device_gone(link.index);  // renamed
        if (live.lost && device_of(live) == link.name) return reopen(name);
    }
}

// Also a device that went to another namespace. Its sockets are dead from now on, though it may come back
// with the same index.
void Switch::on_device_gone(int index) {
    for (auto& [name, live] : ports_)
        if (live.capture && live.capture->index() == index) return lose(name, live);
}

void Switch::look_for_lost_devices() {
    std::vector<std::string> lost;
    for (auto& [name, live] : ports_) {
        if (!live.lost && !live.capture) continue;
        auto there = host_netlink_.link(device_of(live));
        if (!there) continue;
        if (live.capture && (!*there || (*there)->index != live.capture->index())) lose(name, live);
        if (live.lost && *there) lost.push_back(name);
    }
    for (const auto& name : lost)
        reopen(name);
}

void Switch::lose(const std::string& name, LivePort& live) {
    live.capture.reset();
    live.lost = true;
    log(fmt::format("port {}: its device {} is gone; waiting for a device of that name", name,
                    device_of(live)));
    live.info = live.port->info();
    live.info.link_up = false;
    publish(model_);
    if (auto r = settle_taps(model_); !r) log(r.error().message);
}

void Switch::reopen(const std::string& name) {
    const auto complain = [&](const Error& error) {
        LivePort& live = ports_.at(name);
        live.lost = true;
        live.capture.reset();
        if (std::exchange(live.complaint, error.message) != error.message)
            log("the device that came back is not taken: " + error.message);
    };
    pause(name);
    if (auto opened = open_one(name, model_.links.at(name)); !opened) return complain(opened.error());
    const Model same = model_;
    if (auto applied = apply(same); !applied) return complain(applied.error());
    log(fmt::format("port {}: its device {} is back", name, device_of(ports_.at(name))));
}

}  // namespace weft
