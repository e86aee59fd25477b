// Rules as text, compiled, and raw packets walked through them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/publish/hook/compile.hpp"
#include "dataplane/hook/walk.hpp"
#include "tests/unit/hook_shell.hpp"

namespace weft::test {

using Bytes = std::vector<std::uint8_t>;

/// An IPv4 packet without checksums, which rules do not look at.
struct Packet4 {
    const char* source = "10.0.0.1";
    const char* destination = "10.0.0.2";
    std::uint8_t protocol = 17;
    std::uint16_t fragment = 0;  ///< flags and offset as on the wire, host order
    std::uint8_t ttl = 64;
    Bytes payload = {};  ///< of IP
    [[nodiscard]] Bytes bytes() const;
};
struct Packet6 {
    const char* source = "2001:db8::1";
    const char* destination = "2001:db8::2";
    std::uint8_t next = 17;
    Bytes payload = {};  ///< extension headers too
    [[nodiscard]] Bytes bytes() const;
};

/// Headers of layer 4 with four bytes of payload.
[[nodiscard]] Bytes udp(std::uint16_t source, std::uint16_t destination);
[[nodiscard]] Bytes tcp(std::uint16_t source, std::uint16_t destination, std::uint8_t flags = 0x10,
                        const Bytes& options = {});
[[nodiscard]] Bytes icmp(std::uint8_t type, std::uint8_t code);
[[nodiscard]] Bytes operator+(Bytes front, const Bytes& back);

/// eth0 is 1, eth1 2, br0 3, wlan0 4.
[[nodiscard]] hook::InterfaceNames four_interfaces();

/// Keeps what it is to perform.
struct RecordedActions final : hook::Actions {
    struct Action {
        const hook::RuleCode* rule;
        std::size_t at;  ///< rules of the path up to and with this one
    };
    bool perform(const hook::RuleCode& rule, hook::View&, std::size_t counted) noexcept override {
        all.push_back({&rule, counted});
        return true;
    }
    void count(std::span<const hook::RuleId> path) noexcept override {
        for (const auto id : path)
            ++cut[id];
    }
    std::vector<Action> all;
    std::map<hook::RuleId, std::size_t> cut;  ///< rules of the path's beginning, how often
};

struct HookRig : HookShell {
    explicit HookRig(hook::Family family = hook::Family::ip) : HookShell(family), compiler(family, 0x5eed) {}

    /// Lines of iptables; throws if one is refused.
    void rule(std::string_view line);
    void rule_set(std::initializer_list<std::string_view> lines) {
        for (const auto line : lines)
            rule(line);
    }
    /// Compiles what is not compiled yet and walks; `packet` is filled from the bytes first.
    hook::WalkResult walk(hook::Hook, const Bytes&, hook::TableMask = hook::all_tables);
    /// Ids of a chain, 1-based as -L numbers them, counted in the last walk's path.
    [[nodiscard]] std::size_t counted(std::string_view chain, std::size_t number,
                                      std::string_view table = "filter") const;
    /// Rule numbers of the path that are in the chain.
    [[nodiscard]] std::vector<std::size_t> path(std::string_view chain,
                                                std::string_view table = "filter") const;
    /// True if a rule with this text in INPUT matches.
    bool matches(std::string_view text, const Bytes&);

    hook::Compiler compiler;
    hook::FindSet find_set = [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); };
    std::shared_ptr<const hook::HookProgram> program;
    hook::View packet;
    hook::Trail trail;
    RecordedActions actions;
    hook::InterfaceNames names = four_interfaces();
    std::uint64_t now_us = 1'000'000'000;
};

}  // namespace weft::test
