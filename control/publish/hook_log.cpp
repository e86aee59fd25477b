#include "control/publish/hook_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/publish/log_text.hpp"

namespace weft {

namespace {
constexpr std::uint64_t interval_ms = 5000, burst = 10;
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
    const std::uint64_t now = std::min(count, burst - passed_);
    passed_ += now;
    missed_ += count - now;
    return now;
}

std::uint64_t LogLimit::take_suppressed() {
    return std::exchange(suppressed_, 0);
}

void HookLogWriter::write(Shared& shared, const Names& names, std::uint64_t now_ms, const Write& write) {
    lost_.resize(shared.workers.size());
    full_.resize(shared.workers.size());
    std::uint64_t lost = 0, full = 0;
    for (std::size_t i = 0; i < shared.workers.size(); ++i) {
        HookLog& log = shared.workers[i]->hook_log;
        // Others may go on giving: what came before now is taken.
        unsigned left = LogRing::size;
        for (; const LoggedPacket* packet = left ? log.packets.next() : nullptr; log.packets.take(), --left)
            write(packet->level, log_text(*packet, names));
        const std::uint64_t lost_now = log.packets.lost(), full_now = log.table_full.get();
        lost += lost_now - std::exchange(lost_[i], lost_now);
        full += full_now - std::exchange(full_[i], full_now);
    }
    if (lost) write(warning, fmt::format("{} packets met a LOG rule and are not told of: too many", lost));
    std::uint64_t passed = limit_.pass(full, now_ms);
    if (const auto suppressed = limit_.take_suppressed())
        write(warning, fmt::format("net_ratelimit: {} callbacks suppressed", suppressed));
    for (; passed > 0; --passed)
        write(warning, "nf_conntrack: nf_conntrack: table full, dropping packet");
}

}  // namespace weft
