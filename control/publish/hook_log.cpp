#include "control/publish/hook_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/publish/log_text.hpp"

namespace weft {

namespace {
constexpr std::uint64_t interval_ms = 5000;
constexpr unsigned warning = 4;
}  // namespace

std::uint64_t LogLimit::pass(std::uint64_t count, std::uint64_t now_ms) {
    if (count == 0) return 0;
    if (!runs_ || now_ms > begun_ms_ + interval_ms) {
        suppressed_ += std::exchange(missed_, 0);
        passed_ = 0;
        begun_ms_ = now_ms;
        runs_ = true;
    }
    const std::uint64_t now = std::min(count, most_ - passed_);
    passed_ += now;
    missed_ += count - now;
    return now;
}

std::uint64_t LogLimit::take_suppressed() {
    return std::exchange(suppressed_, 0);
}

void HookLogWriter::warn(LogLimit& limit, std::uint64_t count, const std::string& line, std::uint64_t now_ms,
                         const Write& write) {
    std::uint64_t passed = limit.pass(count, now_ms);
    if (const auto suppressed = limit.take_suppressed())
        write(warning, fmt::format("net_ratelimit: {} callbacks suppressed", suppressed));
    for (; passed > 0; --passed)
        write(warning, line);
}

void HookLogWriter::write_lines(HookLog& log, const Names& names, const Write& write) {
    // Others may go on giving: what came before now is taken.
    for (std::size_t left = log.rings.size() * LogRing::size; left > 0; --left) {
        const auto at = std::find_if(log.rings.begin(), log.rings.end(), [&](const LogRing& ring) {
            const LoggedPacket* const next = ring.next();
            return next && next->number == log.taken;
        });
        if (at == log.rings.end()) return;
        const LoggedPacket& packet = *at->next();
        write(packet.level, log_text(packet, names));
        at->take();
        ++log.taken;
    }
}

void HookLogWriter::write(Shared& shared, const Names& names, const RuleText& rule_text, std::uint64_t now_ms,
                          const Write& write) {
    no_port_.resize(shared.workers.size());
    lost_.resize(shared.workers.size());
    full_.resize(shared.workers.size());
    std::array<std::uint64_t, log_of_names.size()> lost{};
    std::uint64_t full = 0, no_port = 0;
    std::uint32_t rule = 0;
    for (std::size_t i = 0; i < shared.workers.size(); ++i) {
        HookLog& log = shared.workers[i]->hook_log;
        write_lines(log, names, write);
        for (std::size_t of = 0; of < lost.size(); ++of) {
            const std::uint64_t lost_now = log.rings[of].lost();
            lost[of] += lost_now - std::exchange(lost_[i][of], lost_now);
        }
        const std::uint64_t full_now = log.table_full.get();
        full += full_now - std::exchange(full_[i], full_now);
        const std::uint64_t no_port_now = log.no_port.get();
        if (no_port_now == no_port_[i]) continue;
        no_port += no_port_now - std::exchange(no_port_[i], no_port_now);
        rule = log.no_port_rule.load(std::memory_order_relaxed);
    }
    for (std::size_t of = 0; of < lost.size(); ++of)
        if (lost[of])
            write(warning, fmt::format("{} lines of {} are left out: too many", lost[of], log_of_names[of]));
    warn(limit_, full, "nf_conntrack: nf_conntrack: table full, dropping packet", now_ms, write);
    if (no_port == 0) return;
    constexpr std::uint32_t of_ipv6 = 1u << 31;
    const std::string text = rule_text(rule & of_ipv6, rule & ~of_ipv6);
    warn(no_port_limit_, no_port,
         fmt::format("nat: no free port, dropping packet: {}",
                     text.empty() ? "no rule, or one that is gone" : text),
         now_ms, write);
}

}  // namespace weft
