// What one worker has the control thread write into the log: packets that LOG rules and traced ones any rules
// have met, and how often the table of connections was full.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "weft/counters.hpp"
#include "weft/hook/types.hpp"
#include "weft/packet.hpp"

namespace weft {

/// What a line tells, as it was when the rule was met.
struct LoggedPacket {
    static constexpr std::size_t most = 256;

    hook::Family family{};
    std::uint8_t level = 0;  ///< of syslog
    std::uint8_t flags = 0;  ///< of hook::LogTarget
    std::uint8_t prefix_length = 0;
    std::array<char, 80> prefix;
    IfIndex iif = no_interface, oif = no_interface;
    IfIndex physical_in = no_interface, physical_out = no_interface;
    EthernetHeader ethernet;  ///< valid with iif
    std::uint32_t mark = 0;
    std::uint32_t length = 0;  ///< of the IP packet
    std::uint16_t held = 0;    ///< bytes of it
    std::array<std::uint8_t, most> bytes;
    std::uint64_t number = 0;  ///< of the lines of its worker that were given, one after the other

    void set_prefix(std::string_view text) noexcept {
        prefix_length = static_cast<std::uint8_t>(std::min(text.size(), prefix.size()));
        std::memcpy(prefix.data(), text.data(), prefix_length);
    }
};

/// Bounded; one giver, one taker. What finds it full is lost and counted.
class LogRing {
  public:
    static constexpr unsigned size = 256;

    /// A place to fill, or null; given by give().
    [[nodiscard]] LoggedPacket* place() noexcept {
        const unsigned at = given_.load(std::memory_order_relaxed);
        if (at - taken_.load(std::memory_order_acquire) == size) {
            lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            return nullptr;
        }
        return &places_[at % size];
    }
    void give() noexcept {
        given_.store(given_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    /// The next, or null; it stays until take().
    [[nodiscard]] const LoggedPacket* next() const noexcept {
        const unsigned at = taken_.load(std::memory_order_relaxed);
        return given_.load(std::memory_order_acquire) == at ? nullptr : &places_[at % size];
    }
    void take() noexcept {
        taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    /// Since the start.
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

  private:
    const std::unique_ptr<LoggedPacket[]> places_{new LoggedPacket[size]};
    std::atomic<std::uint64_t> lost_{0};
    alignas(64) std::atomic<unsigned> given_{0};
    alignas(64) std::atomic<unsigned> taken_{0};
};

/// Rules of nat that had no free port, and how many packets each has dropped for it; with more than `size` at
/// a time the last of them. One writer.
class ExhaustedRules {
  public:
    static constexpr unsigned size = 32;
    static constexpr std::uint64_t of_ipv6 = std::uint64_t{1} << 32;  ///< beside a hook::RuleId

    void count(std::uint32_t rule, bool v6) noexcept {
        const std::uint64_t key = used | (v6 ? of_ipv6 : 0) | rule;
        if (slots_[last_].key.load(std::memory_order_relaxed) != key) [[unlikely]]
            last_ = place_of(key);
        slots_[last_].drops.add(1);
    }

    /// The rule in a place, with of_ipv6, and how many packets that place has counted since the start.
    [[nodiscard]] std::uint64_t rule(unsigned place) const noexcept {
        return slots_[place].key.load(std::memory_order_relaxed) & ~used;
    }
    [[nodiscard]] std::uint64_t drops(unsigned place) const noexcept { return slots_[place].drops.get(); }

  private:
    static constexpr std::uint64_t used = std::uint64_t{1} << 33;
    struct Slot {
        std::atomic<std::uint64_t> key{0};
        Counter drops;
    };
    unsigned place_of(std::uint64_t key) noexcept {
        for (unsigned i = 0; i < size; ++i)
            if (slots_[i].key.load(std::memory_order_relaxed) == key) return i;
        const unsigned place = next_++ % size;
        slots_[place].key.store(key, std::memory_order_relaxed);
        return place;
    }

    std::array<Slot, size> slots_;
    unsigned last_ = 0, next_ = 0;
};

/// Which rules a line is of. Each has a ring of its own: many lines of one take no place from the other.
enum class LogOf : std::uint8_t { log, trace };
inline constexpr std::array<std::string_view, 2> log_of_names = {"LOG", "TRACE"};

struct HookLog {
    std::array<LogRing, log_of_names.size()> rings;  ///< by LogOf
    std::uint64_t given = 0;                         ///< lines of all of them; the worker's
    alignas(64) std::uint64_t taken = 0;             ///< of these; control's
    Counter table_full;  ///< packets dropped because nf_conntrack_max connections were there
    Counter no_port;     ///< packets dropped because a rule of nat had no free port for them
    ExhaustedRules exhausted;
};

}  // namespace weft
