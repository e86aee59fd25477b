#include "control/publish/hook/compile_rule.hpp"

#include <algorithm>
#include <variant>

namespace weft::hook {

namespace {

struct StepOf {
    RuleCode& code;
    const FindChain& find_chain;

    void operator()(const NoTarget&) const {}
    void operator()(const Verdict& verdict) const {
        constexpr Step steps[] = {Step::accept, Step::drop, Step::return_};
        code.step = steps[static_cast<std::size_t>(verdict)];
    }
    void operator()(const Jump& jump) const {
        code.step = jump.go ? Step::go : Step::jump;
        code.chain = find_chain(jump.chain);
    }
    void operator()(const RejectTarget&) const { code.step = Step::reject; }
    void operator()(const LogTarget&) const { code.step = Step::log; }
    void operator()(const MarkTarget&) const { code.step = Step::mark; }
    void operator()(const ConnmarkTarget&) const { code.step = Step::connmark; }
    void operator()(const CtTarget&) const { code.step = Step::ct; }
    void operator()(const TcpmssTarget&) const { code.step = Step::tcpmss; }
    void operator()(const TraceTarget&) const { code.step = Step::trace; }
    void operator()(const NatTarget&) const { code.step = Step::nat; }
};

/// A check for each match but comments, in their order.
void renew_physdev(RuleCompiler& rules, const Rule& rule, RuleCode& code) {
    std::size_t at = 0;
    for (const auto& match : rule.matches) {
        if (std::holds_alternative<CommentMatch>(match)) continue;
        auto& check = code.checks[at++];
        if (!std::holds_alternative<PhysdevMatch>(match)) continue;
        RuleCode made;
        bool may_absorb = false;
        compile_match(rules, match, made, may_absorb);
        std::replace(code.rest.begin(), code.rest.end(), check.get(), made.checks.front().get());
        check = made.checks.front();
    }
}

}  // namespace

bool RuleCompiler::set_names(const InterfaceNames& names) {
    if (names == names_) return false;
    names_ = names;
    patterns_.clear();
    return true;
}

InterfaceTest RuleCompiler::interface(const Interface& wanted) {
    const auto text = wanted.text();
    if (wanted.any() || text == "+") return {};
    if (!wanted.wildcard()) {
        const auto found = std::find_if(names_.begin(), names_.end(),
                                        [&](const auto& known) { return known.first == text; });
        return {false, found == names_.end() ? InterfaceTest::nowhere : found->second, nullptr};
    }
    auto& set = patterns_[std::string(text)];
    if (!set) {
        InterfaceSet all;
        for (const auto& [name, index] : names_)
            if (name.starts_with(text.substr(0, text.size() - 1))) all.add(index);
        set = std::make_shared<const InterfaceSet>(std::move(all));
    }
    return {false, InterfaceTest::nowhere, set};
}

std::shared_ptr<RecentTable> RuleCompiler::recent(const RecentMatch& match) {
    auto& known = recents_[match.name];
    auto table = known.lock();
    if (!table) {
        table = std::make_shared<RecentTable>(secret_, match.mask);
        known = table;
    }
    table->need(match.hit_count);
    return table;
}

SharedRule RuleCompiler::compile(const Rule& rule, RuleId id, const FindChain& find_chain) {
    RuleCode code;
    code.id = id;
    auto& simple = code.simple;
    simple.source = rule.source;
    simple.destination = rule.destination;
    simple.source_inverted = rule.source_inverted;
    simple.destination_inverted = rule.destination_inverted;
    simple.in = interface(rule.in);
    simple.out = interface(rule.out);
    simple.in_inverted = rule.in_inverted;
    simple.out_inverted = rule.out_inverted;
    simple.protocol = rule.protocol;
    simple.protocol_inverted = rule.protocol_inverted;
    simple.fragment = rule.fragment;
    simple.fragment_inverted = rule.fragment_inverted;
    bool may_absorb = true;
    for (const auto& match : rule.matches)
        compile_match(*this, match, code, may_absorb);
    code.target = rule.target;
    std::visit(StepOf{code, find_chain}, rule.target);
    return std::make_shared<const RuleCode>(std::move(code));
}

SharedRule RuleCompiler::with_interfaces(const Rule& rule, const SharedRule& code) {
    const auto in = interface(rule.in), out = interface(rule.out);
    const bool physical = std::any_of(rule.matches.begin(), rule.matches.end(), [](const auto& match) {
        return std::holds_alternative<PhysdevMatch>(match);
    });
    if (!physical && in == code->simple.in && out == code->simple.out) return code;
    auto renewed = std::make_shared<RuleCode>(*code);
    renewed->simple.in = in;
    renewed->simple.out = out;
    if (physical) renew_physdev(*this, rule, *renewed);
    return renewed;
}

SharedRule RuleCompiler::with_target(const Rule& rule, const SharedRule& code,
                                     const FindChain& find_chain) const {
    auto changed = std::make_shared<RuleCode>(*code);
    changed->target = rule.target;
    std::visit(StepOf{*changed, find_chain}, rule.target);
    return changed;
}

bool asks_for_connections(const Rule& rule) {
    if (std::holds_alternative<ConnmarkTarget>(rule.target) || std::holds_alternative<NatTarget>(rule.target))
        return true;
    if (const auto* ct = std::get_if<CtTarget>(&rule.target); ct && !ct->notrack) return true;
    return std::any_of(rule.matches.begin(), rule.matches.end(), [](const auto& match) {
        return std::holds_alternative<ConntrackMatch>(match) || std::holds_alternative<StateMatch>(match) ||
               std::holds_alternative<ConnmarkMatch>(match);
    });
}

}  // namespace weft::hook
