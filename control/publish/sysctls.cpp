// Kernel variables of weft's TAPs: written as the model says, read back before somebody asks.
#include <fmt/format.h>

#include "control/kernel/sysctl.hpp"
#include "control/publish/switch.hpp"
#include "control/sysctl/names.hpp"

namespace weft {

namespace {

/// sysctl(8)'s words; the kernel's are what follows the last colon.
Error not_set(const std::string& name, const Error& error) {
    return refuse(
        fmt::format("sysctl: setting key \"{}\"{}", name,
                    error.message.substr(std::min(error.message.rfind(": "), error.message.size()))));
}

}  // namespace

Result<> Switch::write_sysctls(const Model& target) {
    if (!options_.kernel) return {};
    for (auto it = written_sysctls_.begin(); it != written_sysctls_.end();) {
        const auto& name = it->first;
        if (target.sysctls.contains(name)) {
            ++it;
            continue;
        }
        if (sysctl(name))  // its device may be gone
            if (auto r = write_sysctl(taps_netns_, sysctl_path(name), it->second.before); !r)
                log(r.error().message);
        it = written_sysctls_.erase(it);
    }
    for (const auto& [name, value] : target.sysctls) {
        if (sysctl_kind(name) != SysctlKind::of_link) continue;
        if (const auto it = written_sysctls_.find(name);
            it != written_sysctls_.end() && it->second.asked == value)
            continue;
        const auto before = sysctl(name);
        if (auto r = write_sysctl(taps_netns_, sysctl_path(name), value); !r) return not_set(name, r.error());
        const auto [it, fresh] = written_sysctls_.try_emplace(name);
        if (fresh) it->second.before = before.value_or(value);
        it->second.asked = value;
        it->second.shown = sysctl(name).value_or(value);
    }
    return {};
}

void Switch::forget_sysctls(const std::string& device) {
    std::erase_if(written_sysctls_, [&](const auto& entry) { return sysctl_device(entry.first) == device; });
}

void Switch::read_back_sysctls() {
    for (auto& [name, written] : written_sysctls_) {
        const auto now = sysctl(name);
        if (!now || *now == written.shown) continue;
        log(fmt::format("{} = {}: set in the kernel", name, *now));
        written.asked = written.shown = *now;
        model_.sysctls[name] = *now;
    }
}

}  // namespace weft
