// What an administrator does to a TAP with the kernel's own tools: admin state, MTU and MAC flow back into
// the model, and a TAP that was deleted is made again.
#include <fmt/format.h>

#include <algorithm>

#include "control/publish/switch.hpp"

namespace weft {

std::vector<int> Switch::kernel_descriptors() const {
    std::vector<int> all{device_monitor_->descriptor()};
    if (monitor_) all.push_back(monitor_->descriptor());
    return all;
}

void Switch::on_kernel_event() {
    device_monitor_->on_readable();
    if (monitor_) monitor_->on_readable();
}

void Switch::on_link_gone(int index) {
    for (const auto& [name, live] : taps_)
        if (live.tap.index() == index) return look_again();
}

// By its index: a TAP that was renamed in the kernel stays the one of its interface.
void Switch::on_link(int index) {
    const auto live =
        std::ranges::find_if(taps_, [index](const auto& entry) { return entry.second.tap.index() == index; });
    if (live == taps_.end() || !model_.find(live->first)) return;
    const std::string name = live->first;
    // The message may be older than what weft told the kernel since: ask what is now.
    auto now = tap_netlink_.link(index);
    if (!now || !*now) return;
    const KernelLink& link = **now;
    TapSettings& told = live->second.told;
    Model next = model_;
    LinkSpec& spec = next.links.at(name);
    std::string what;
    if (link.up() != told.up) {
        spec.up = link.up();
        what += link.up() ? " up" : " down";
    }
    if (link.mtu != told.mtu) {
        spec.mtu = static_cast<std::uint16_t>(link.mtu);
        what += fmt::format(" mtu {}", link.mtu);
    }
    if (told.mac && link.mac != *told.mac) {
        spec.address = link.mac;
        what += " address " + to_string(link.mac);
    }
    if (what.empty()) return;
    if (told.up && !link.up()) on_device_down(index);
    told.up = link.up();
    told.mtu = link.mtu;
    told.mac = link.mac;
    log(fmt::format("{}: set in the kernel:{}", name, what));
    if (auto r = apply(next); !r) log(fmt::format("{}: {}; set back", name, r.error().message));
}

void Switch::on_device_down(int index) {
    std::vector<std::string> addresses;
    if (auto all = tap_netlink_.addresses(index))
        for (const auto& one : *all)
            addresses.push_back(one.address);
    on_addresses_gone(addresses);
}

void Switch::on_address(const KernelAddress& address, bool added) {
    const KnownAddresses::Address known{address.index, address.address};
    if (added) return known_addresses_.add(known);
    known_addresses_.remove(known);
    on_addresses_gone({address.address});
}

void Switch::compare_addresses() {
    auto all = tap_netlink_.addresses();
    compares_again_ = !all;
    if (!all) return log(all.error().message);
    std::set<KnownAddresses::Address> now;
    for (const auto& one : *all)
        now.emplace(one.index, one.address);
    if (const auto gone = known_addresses_.replace(std::move(now)); !gone.empty()) on_addresses_gone(gone);
}

void Switch::on_addresses_gone(const std::vector<std::string>& addresses) {
    gone_addresses_.insert(gone_addresses_.end(), addresses.begin(), addresses.end());
    if (const auto& tracker = shared_.filtering.get().tracker)
        end_masqueraded(*tracker, addresses, flow_time());
}

void Switch::end_masqueraded_again() {
    const auto addresses = std::exchange(gone_addresses_, {});
    if (const auto& tracker = shared_.filtering.get().tracker; tracker && !addresses.empty())
        end_masqueraded(*tracker, addresses, flow_time());
}

void Switch::look_again() {
    compare_addresses();
    std::vector<std::string> gone;
    for (auto& [name, live] : taps_) {
        auto state = live.tap.state();
        if (state && !*state) gone.push_back(name);
    }
    for (const auto& name : gone) {
        log(fmt::format("{}: its TAP was deleted; made again", name));
    }
    for (const auto& name : gone)  // its sockets are dead with the device
        if (taps_.at(name).told.program && ports_.contains(name)) close_port(name);
    remove_taps(gone);
    const Model same = model_;
    if (auto r = apply(same); !r) log(r.error().message);
    std::vector<int> all;
    for (const auto& [name, live] : taps_)
        all.push_back(live.tap.index());
    for (const int index : all)
        on_link(index);
}

}  // namespace weft
