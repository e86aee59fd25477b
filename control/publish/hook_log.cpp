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
    if (!runs_ || is_over(now_ms)) {
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

bool LogLimit::is_over(std::uint64_t now_ms) const {
    return now_ms > begun_ms_ + interval_ms;
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

void HookLogWriter::warn_of_exhausted(const Shared& shared, const RuleText& rule_text, std::uint64_t now_ms,
                                      const Write& write) {
    exhausted_.resize(shared.workers.size());
    std::map<std::uint64_t, std::uint64_t> dropped;  // by rule
    for (std::size_t i = 0; i < shared.workers.size(); ++i)
        for (unsigned place = 0; place < ExhaustedRules::size; ++place) {
            const ExhaustedRules& rules = shared.workers[i]->hook_log.exhausted;
            const std::uint64_t now = rules.drops(place), before = std::exchange(exhausted_[i][place], now);
            if (now != before) dropped[rules.rule(place)] += now - before;
        }
    const auto tell = [&](std::uint64_t rule, const std::string& what) {
        const std::string text = rule_text(rule & ExhaustedRules::of_ipv6, static_cast<std::uint32_t>(rule));
        write(warning, fmt::format("nat: no free port, {}: {}", what,
                                   text.empty() ? "no rule, or one that is gone" : text));
    };
    for (const auto& [rule, count] : dropped) {
        LogLimit& limit = exhausted_limits_.try_emplace(rule, 1).first->second;
        if (limit.pass(count, now_ms) == 0) continue;
        const std::uint64_t more = limit.take_suppressed();
        tell(rule, more ? fmt::format("dropping packet ({} more since the last such line)", more)
                        : "dropping packet");
    }
    std::erase_if(exhausted_limits_, [&](const auto& one) {
        const auto& [rule, limit] = one;
        if (dropped.contains(rule) || !limit.is_over(now_ms)) return false;
        if (const std::uint64_t more = limit.missed())
            tell(rule, fmt::format("{} more dropped since the last such line", more));
        return true;
    });
}

void HookLogWriter::write(Shared& shared, const Names& names, const RuleText& rule_text, std::uint64_t now_ms,
                          const Write& write) {
    lost_.resize(shared.workers.size());
    full_.resize(shared.workers.size());
    std::array<std::uint64_t, log_of_names.size()> lost{};
    std::uint64_t full = 0;
    for (std::size_t i = 0; i < shared.workers.size(); ++i) {
        HookLog& log = shared.workers[i]->hook_log;
        write_lines(log, names, write);
        for (std::size_t of = 0; of < lost.size(); ++of) {
            const std::uint64_t lost_now = log.rings[of].lost();
            lost[of] += lost_now - std::exchange(lost_[i][of], lost_now);
        }
        const std::uint64_t full_now = log.table_full.get();
        full += full_now - std::exchange(full_[i], full_now);
    }
    for (std::size_t of = 0; of < lost.size(); ++of)
        if (lost[of])
            write(warning, fmt::format("{} lines of {} are left out: too many", lost[of], log_of_names[of]));
    warn(limit_, full, "nf_conntrack: nf_conntrack: table full, dropping packet", now_ms, write);
    warn_of_exhausted(shared, rule_text, now_ms, write);
}

}  // namespace weft
