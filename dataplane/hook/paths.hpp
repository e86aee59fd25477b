// What packets of cached flows have in common: the rules that they pass, counted once a packet, and what else
// than its tuple an outcome rests on.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "dataplane/hook/rule_counters.hpp"

namespace weft {

/// A list of rules, which stands as long as the rules do. Written by one worker.
struct FlowPath {
    std::uint64_t packets, bytes;  ///< not yet added to its rules
    std::uint32_t first, count;    ///< of its rules
    std::uint32_t mark;            ///< of packets that have passed them
    bool v6;
    bool rests_on_routes;  ///< some rule asks for the type of an address
    std::uint32_t next;    ///< with the same hash; FlowPaths::none
};

/// Fields besides the tuple, the interface and the connection's state that rules have looked at.
struct FlowCondition {
    std::uint64_t mac = 0;  ///< source, MacAddress::raw(); valid if asks_mac
    std::uint32_t connection_mark = 0;
    std::uint8_t tcp_mask = 0, tcp_flags = 0;
    bool asks_mac = false, asks_connection_mark = false;
    bool asks_routes = false;  ///< for the type of an address: it holds until any route changes
    friend bool operator==(const FlowCondition&, const FlowCondition&) = default;
};

/// Keyed: outsiders choose MAC addresses.
struct FlowConditionHash {
    std::uint64_t secret = 0;
    std::size_t operator()(const FlowCondition& of) const noexcept {
        __extension__ using Wide = unsigned __int128;
        const std::uint64_t rest = std::uint64_t{of.connection_mark} << 16 | std::uint64_t{of.tcp_mask} << 8 |
                                   std::uint64_t{of.tcp_flags} | std::uint64_t{of.asks_routes} << 48;
        const Wide product =
            Wide{of.mac ^ secret} * (rest ^ (secret << 32 | secret >> 32) ^ 0x9e37'79b9'7f4a'7c15);
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
};

/// Paths and conditions that flows name by number. Numbers of earlier rules are known to be old: they are
/// not given out again before 2^32 others have been. Of one worker.
class FlowPaths {
  public:
    static constexpr std::uint32_t none = 0;
    static constexpr std::size_t most = 1 << 16;
    static constexpr std::uint16_t most_conditions = 1 << 14;
    static constexpr std::size_t most_rules = 1 << 22;  ///< of all paths together

    explicit FlowPaths(std::uint64_t secret = 0) : by_condition_(16, FlowConditionHash{secret}) { forget(); }

    /// The number of this path, given out if it has none; none if there are too many.
    [[nodiscard]] std::uint32_t intern(std::span<const hook::RuleId> rules, bool v6, std::uint32_t mark,
                                       bool rests_on_routes);
    /// The same of a condition; 0 is the one that holds always, `most_conditions`: there are too many.
    [[nodiscard]] std::uint16_t intern(const FlowCondition& condition);

    [[nodiscard]] bool stands(std::uint32_t number) const noexcept { return number - base_ < count_; }
    /// Of one that stands.
    [[nodiscard]] FlowPath& operator[](std::uint32_t number) noexcept { return paths_[number - base_]; }
    [[nodiscard]] std::span<const hook::RuleId> rules(const FlowPath& path) const noexcept {
        return {rules_.data() + path.first, path.count};
    }
    [[nodiscard]] const FlowCondition& condition(std::uint16_t number) const noexcept {
        return conditions_[number];
    }

    /// No more fit in: time to forget(), so that those in use get their place again.
    [[nodiscard]] bool full() const noexcept { return full_; }
    /// Adds what paths have counted to their rules' counters, by hook::Family.
    void fold(std::array<RuleCounters, 2>& counters) noexcept;
    /// The rules are others from now on; after fold().
    void forget() noexcept;

  private:
    std::uint32_t base_ = 1, count_ = 0;  ///< of paths_
    bool full_ = false;
    std::vector<FlowPath> paths_;
    std::vector<hook::RuleId> rules_;
    std::unordered_map<std::uint64_t, std::uint32_t> by_hash_;
    std::vector<FlowCondition> conditions_;
    std::unordered_map<FlowCondition, std::uint16_t, FlowConditionHash> by_condition_;
};

}  // namespace weft
