#include "control/publish/hook/compile.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "control/hook/trace_words.hpp"

namespace weft::hook {

Compiler::Compiler(Family family, std::uint64_t secret) : family_(family), rules_(secret) {}

RuleId Compiler::new_id() {
    if (free_ids_.empty()) return ids_++;
    const auto id = free_ids_.back();
    free_ids_.pop_back();
    return id;
}

std::vector<RuleId> Compiler::recycle_ids() {
    free_ids_.insert(free_ids_.end(), retired_ids_.begin(), retired_ids_.end());
    return std::exchange(retired_ids_, {});
}

void Compiler::abandon(Compiled& chain) {
    for (std::size_t i = 0; i < chain.codes.size(); ++i)
        if (!abandoned_.try_emplace(chain.sources[i].identity.get(), Known{chain.sources[i], chain.codes[i]})
                 .second)
            retired_ids_.push_back(chain.codes[i]->id);
    if (chain.policy != no_rule) retired_ids_.push_back(chain.policy);
}

/// Gives every chain its slot before a rule jumps to it, and takes those of chains that are gone.
void Compiler::place_chains(const Ruleset& ruleset) {
    for (auto& [name, chain] : chains_)
        chain.seen = false;
    for (const auto& table : ruleset.tables) {
        for (const auto& chain : table.chains) {
            auto [known, fresh] = chains_.try_emplace({table.id, chain.name});
            known->second.seen = true;
            if (!fresh) continue;
            if (free_slots_.empty()) free_slots_.push_back(slots_++);
            known->second.slot = free_slots_.back();
            free_slots_.pop_back();
            if (chain.hook) known->second.policy = new_id();
        }
    }
    for (auto known = chains_.begin(); known != chains_.end();) {
        auto& chain = known->second;
        if (chain.seen) {
            ++known;
            continue;
        }
        abandon(chain);
        free_slots_.push_back(chain.slot);
        known = chains_.erase(known);
    }
}

std::vector<SharedBlock> Compiler::blocks_of(const Compiled& old, const std::vector<SharedRule>& codes,
                                             std::size_t prefix, std::size_t suffix) const {
    const auto& blocks = old.code->blocks;
    std::size_t front = 0, back = blocks.size(), begin = 0, end = codes.size(), kept = 0;
    for (; front < back && begin + blocks[front]->size() <= prefix; ++front)
        begin += blocks[front]->size();
    for (; back > front && kept + blocks[back - 1]->size() <= suffix; --back)
        kept += blocks[back - 1]->size();
    end -= kept;
    if (begin != end)
        for (bool more = true; more;) {
            more = false;
            if (front > 0 && blocks[front - 1]->size() <= 2 * (end - begin)) {
                begin -= blocks[--front]->size();
                more = true;
            }
            if (back < blocks.size() && blocks[back]->size() <= 2 * (end - begin)) {
                end += blocks[back++]->size();
                more = true;
            }
        }
    std::vector<SharedBlock> result(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(front));
    if (begin != end)
        result.push_back(std::make_shared<const Block>(
            family_, std::vector<SharedRule>(codes.begin() + static_cast<std::ptrdiff_t>(begin),
                                             codes.begin() + static_cast<std::ptrdiff_t>(end))));
    result.insert(result.end(), blocks.begin() + static_cast<std::ptrdiff_t>(back), blocks.end());
    return result;
}

/// One that jumps to a chain that has another name now is the rule that it was.
SharedRule Compiler::compile_rule(const RuleEntry& entry, KnownRules& moved, const FindChain& find_chain) {
    for (auto* rules : {&moved, &abandoned_})
        if (const auto known = rules->extract(entry.identity().get())) {
            const auto& [source, code] = known.mapped();
            return source.rule == entry.rule ? code : rules_.with_target(*entry.rule, code, find_chain);
        }
    return rules_.compile(*entry.rule, new_id(), find_chain);
}

void Compiler::compile_chain(Compiled& old, const Table& table, const Chain& chain) {
    const auto& rules = chain.rules;
    const auto common = std::min(rules.size(), old.sources.size());
    std::size_t prefix = 0, suffix = 0;
    while (prefix < common && rules[prefix].rule == old.sources[prefix].rule)
        ++prefix;
    while (suffix < common - prefix &&
           rules[rules.size() - 1 - suffix].rule == old.sources[old.sources.size() - 1 - suffix].rule)
        ++suffix;
    if (prefix == rules.size() && prefix == old.sources.size()) return;

    KnownRules moved;
    for (std::size_t i = prefix; i < old.codes.size() - suffix; ++i)
        if (!moved.try_emplace(old.sources[i].identity.get(), Known{old.sources[i], old.codes[i]}).second)
            retired_ids_.push_back(old.codes[i]->id);

    std::vector<Source> sources;
    std::vector<SharedRule> codes;
    const FindChain find_chain = [&](const std::string& name) { return chains_.at({table.id, name}).slot; };
    for (std::size_t i = 0; i < rules.size(); ++i) {
        sources.push_back({rules[i].rule, rules[i].identity()});
        if (i < prefix)
            codes.push_back(old.codes[i]);
        else if (i >= rules.size() - suffix)
            codes.push_back(old.codes[old.codes.size() - (rules.size() - i)]);
        else
            codes.push_back(compile_rule(rules[i], moved, find_chain));
    }
    for (const auto& [identity, known] : moved)
        retired_ids_.push_back(known.code->id);
    auto code = std::make_shared<ChainCode>();
    code->blocks = blocks_of(old, codes, prefix, suffix);
    old.code = std::move(code);
    old.sources = std::move(sources);
    old.codes = std::move(codes);
    old.endpoint_independent = std::any_of(old.sources.begin(), old.sources.end(), [](const Source& of) {
        const auto* const nat = std::get_if<NatTarget>(&of.rule->target);
        return nat && nat->endpoint_independent;
    });
    old.traces = std::any_of(old.sources.begin(), old.sources.end(), [](const Source& of) {
        return std::holds_alternative<TraceTarget>(of.rule->target);
    });
    old.tracks = std::any_of(old.sources.begin(), old.sources.end(),
                             [](const Source& of) { return asks_for_connections(*of.rule); });
}

/// Keeps the ids, and what limit and recent remember: only what names of interfaces stand for has changed.
void Compiler::renew_interfaces(Compiled& chain) {
    std::size_t first = chain.codes.size(), end = 0;
    auto codes = chain.codes;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        codes[i] = rules_.with_interfaces(*chain.sources[i].rule, codes[i]);
        if (codes[i] == chain.codes[i]) continue;
        first = std::min(first, i);
        end = i + 1;
    }
    if (end == 0) return;
    auto code = std::make_shared<ChainCode>();
    code->blocks = blocks_of(chain, codes, first, codes.size() - end);
    chain.code = std::move(code);
    chain.codes = std::move(codes);
}

std::shared_ptr<const HookProgram> Compiler::assemble(const Ruleset& ruleset) const {
    auto program = std::make_shared<HookProgram>();
    program->family = family_;
    program->chains.resize(slots_);
    program->ids = ids_;
    for (const auto& [name, chain] : chains_) {
        program->chains[chain.slot] = chain.code;
        program->tracks |= chain.tracks;
        program->endpoint_independent |= chain.endpoint_independent;
        program->traces |= chain.traces;
    }
    for (const auto id : {TableId::raw, TableId::mangle, TableId::filter, TableId::security}) {
        const auto& table = ruleset.table(id);
        if (!table.used) continue;
        for (const auto& chain : table.chains) {
            if (!chain.hook) continue;
            const auto& compiled = chains_.find(Name{id, chain.name})->second;
            program->hooks[static_cast<std::size_t>(*chain.hook)].push_back(
                {id, compiled.slot, compiled.policy, chain.policy == Verdict::drop});
        }
    }
    program->translates = translates_ && program->tracks;
    for (const auto& chain : ruleset.table(TableId::nat).chains) {
        if (!chain.hook) continue;
        const auto& compiled = chains_.find(Name{TableId::nat, chain.name})->second;
        program->nat[static_cast<std::size_t>(*chain.hook)] = {TableId::nat, compiled.slot, compiled.policy,
                                                               chain.policy == Verdict::drop};
    }
    if (program->traces) word_traces(ruleset, *program);
    return program;
}

/// What a line of TRACE says of each rule, policy and end of a chain: workers put no words together.
void Compiler::word_traces(const Ruleset& ruleset, HookProgram& program) const {
    program.rule_words.resize(ids_);
    program.end_words.resize(slots_);
    for (const auto& table : ruleset.tables)
        for (const auto& chain : table.chains) {
            const auto& compiled = chains_.find(Name{table.id, chain.name})->second;
            for (std::size_t i = 0; i < chain.rules.size(); ++i)
                program.rule_words[compiled.codes[i]->id] = trace_words(table.id, chain, i);
            auto end = trace_words(table.id, chain, chain.rules.size());
            if (compiled.policy != no_rule) program.rule_words[compiled.policy] = end;
            program.end_words[compiled.slot] = std::move(end);
        }
}

std::shared_ptr<const HookProgram> Compiler::compile(const Ruleset& ruleset, const InterfaceNames& names,
                                                     const FindSet& find_set) {
    rules_.set_sets(find_set);
    if (rules_.set_names(names))
        for (auto& [name, chain] : chains_)
            renew_interfaces(chain);
    place_chains(ruleset);
    for (const auto& table : ruleset.tables)
        for (const auto& chain : table.chains)
            compile_chain(chains_.find(Name{table.id, chain.name})->second, table, chain);
    for (const auto& [identity, known] : abandoned_)
        retired_ids_.push_back(known.code->id);
    abandoned_.clear();
    translates_ = translates_ || ruleset.table(TableId::nat).used;
    return assemble(ruleset);
}

std::vector<RuleId> Compiler::ids(TableId table, std::string_view chain) const {
    std::vector<RuleId> ids;
    const auto found = chains_.find(Name{table, std::string(chain)});
    if (found == chains_.end()) return ids;
    for (const auto& code : found->second.codes)
        ids.push_back(code->id);
    return ids;
}

RuleId Compiler::policy_id(TableId table, std::string_view chain) const {
    const auto found = chains_.find(Name{table, std::string(chain)});
    return found == chains_.end() ? no_rule : found->second.policy;
}

std::optional<ChainSlot> Compiler::slot(TableId table, std::string_view chain) const {
    const auto found = chains_.find(Name{table, std::string(chain)});
    if (found == chains_.end()) return std::nullopt;
    return found->second.slot;
}

}  // namespace weft::hook
