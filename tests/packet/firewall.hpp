// A router (router.hpp) with rules, given as the files of iptables-restore and ip6tables-restore.
#pragma once

#include <algorithm>
#include <map>

#include "control/hook/program.hpp"
#include "control/publish/hook/compile.hpp"
#include "control/publish/rule_book.hpp"
#include "tests/packet/router.hpp"

namespace weft::test {

/// The first segment of a connection from port 1000 to 80, and its answer.
inline const Bytes tcp_syn{3, 232, 0, 80, 0, 0, 0, 77, 0, 0, 0, 0, 0x50, 0x02, 0, 1, 0, 0, 0, 0},
    tcp_syn_ack{0, 80, 3, 232, 0, 0, 0, 1, 0, 0, 0, 78, 0x50, 0x12, 0, 1, 0, 0, 0, 0};

class Firewall {
  public:
    /// `more` than a router's lines of configuration, and the interfaces that they make.
    explicit Firewall(const RigOptions& options = {}, const std::string& more = {},
                      const std::vector<std::string>& made = {})
        : router(options, more) {
        for (const auto& name : made)
            names_.emplace_back(name, rig.index(name));
    }

    /// Both families get the rules, of which each has its own.
    void rules(const std::string& filter4, const std::string& filter6) {
        load(0, filter4);
        load(1, filter6);
        publish();
    }
    /// Packets that the rules of a chain have counted, in their order, then its policy.
    std::vector<std::uint64_t> counts(bool v6, std::string_view chain,
                                      hook::TableId table = hook::TableId::filter) {
        return counted(v6, chain, table, &PacketCounter::packets);
    }
    std::vector<std::uint64_t> byte_counts(bool v6, std::string_view chain,
                                           hook::TableId table = hook::TableId::filter) {
        return counted(v6, chain, table, &PacketCounter::bytes);
    }
    FlowTracker& tracker() { return *tracker_; }
    /// What the numbers of its rules stand for.
    RuleBook book() const {
        RuleBook book;
        for (unsigned family = 0; family < 2; ++family)
            book.add(rulesets_[family], compilers_[family]);
        return book;
    }
    /// Of all connections, in order.
    std::vector<std::uint32_t> marks() {
        std::vector<std::uint32_t> all;
        static_cast<void>(
            tracker_->walk(0, 4096, 1'000'000, [&](const FlowView& flow) { all.push_back(flow.mark); }));
        std::sort(all.begin(), all.end());
        return all;
    }
    /// Only this family has rules.
    void only(bool v6) {
        alone_ = v6 ? 1 : 0;
        publish();
    }
    /// As if no rule asked for connections.
    void without_connections() {
        tracking_ = false;
        publish();
    }
    /// The same rules anew: no flow's outcome stands any more.
    void forget_outcomes() { publish(); }

    Router router;
    Rig& rig = router.rig;
    FlowConfig flows;  ///< of what is published from now on
    bool checks_sums = true;

  private:
    std::vector<std::uint64_t> counted(bool v6, std::string_view chain, hook::TableId table,
                                       Counter PacketCounter::*what) {
        for (auto& worker : rig.shared().workers)
            ++worker->counts_wanted;
        rig.run();
        std::vector<std::uint64_t> all;
        auto ids = compilers_[v6].ids(table, chain);
        ids.push_back(compilers_[v6].policy_id(table, chain));
        for (const auto id : ids) {
            all.push_back(0);
            for (const auto& worker : rig.shared().workers)
                all.back() += (worker->rule_counters[v6][id].*what).get();
        }
        return all;
    }
    void load(unsigned family, const std::string& text) {
        const std::vector<std::string> words = {family ? "ip6tables-restore" : "iptables-restore"};
        const auto outcome = hook::run_restore(rulesets_[family], {}, words, text);
        ASSERT_EQ(outcome.status, 0) << outcome.errors;
    }
    void publish() {
        auto filtering = std::make_unique<Filtering>();
        for (unsigned family = 0; family < 2; ++family) {
            filtering->rules[family] = compilers_[family].compile(
                rulesets_[family], names_,
                [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); });
            const bool has_rules = alone_ > 1 || alone_ == family;
            filtering->tracks[family] = has_rules && tracking_;
            filtering->translates[family] = has_rules && filtering->rules[family]->translates;
            if (!has_rules) filtering->rules[family] = nullptr;
        }
        filtering->tracker = tracker_;
        filtering->flows = flows;
        filtering->checks_sums = checks_sums;
        filtering->generation = ++generation_;
        rig.while_offline(
            [&] { rig.shared().filtering.replace(std::move(filtering), rig.shared().quiescence); });
    }
    std::uint32_t generation_ = 0;
    unsigned alone_ = 2;
    bool tracking_ = true;
    hook::InterfaceNames names_ = {{"a", rig.index("a")}, {"b", rig.index("b")}};
    hook::Ruleset rulesets_[2] = {hook::Ruleset(hook::Family::ip), hook::Ruleset(hook::Family::ip6)};
    hook::Compiler compilers_[2] = {{hook::Family::ip, 0x5eed}, {hook::Family::ip6, 0x5eed}};
    std::shared_ptr<FlowTracker> tracker_ =
        std::make_shared<FlowTracker>(1024, static_cast<unsigned>(rig.shared().workers.size()), 1, 2);
};

}  // namespace weft::test
