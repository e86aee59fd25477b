#include "control/hook/execute.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/hook/port_blocks.hpp"
#include "control/hook/print.hpp"

namespace weft::hook {

namespace {

using MaybeFailure = std::optional<Failure>;

Failure no_such_chain() {
    return {ENOENT, "No chain/target/match by that name"};
}
Failure bad_rule() {
    return {ENOENT, "Bad rule (does a matching rule exist in that chain?)"};
}
Failure too_big(std::string_view what) {
    return {E2BIG, fmt::format("Index of {} too big", what)};
}

/// The rules of a command: one for each pair of its addresses, as the program makes them.
class Execution {
  public:
    Execution(Family family, const Command& command, Table& table, Said said)
        : family_(family),
          command_(command),
          table_(table),
          out_(said.output),
          warnings_(said.warnings),
          chain_(table.find(command.chain)) {}

    MaybeFailure run() {
        if (command_.action & actions_with_rule) return run_with_rule();
        switch (command_.action) {
            case action_delete_number:
                return delete_number();
            case action_flush:
                return each_chain("Flushing", false, [](Chain& chain) { chain.rules.clear(); });
            case action_zero:
                return zero_all();
            case action_zero_number:
                return zero_number();
            case action_new_chain:
                return new_chain();
            case action_delete_chain:
                return delete_chain();
            case action_rename_chain:
                return rename_chain();
            case action_set_policy:
                return set_policy();
            default:
                return list();
        }
    }

  private:
    MaybeFailure run_with_rule() {
        Rule rule = command_.rule;
        if (auto failed = resolve_target(rule)) return failed;
        for (const auto& source : command_.sources)
            for (const auto& destination : command_.destinations) {
                rule.source = source;
                rule.destination = destination;
                complete_port_blocks(rule, command_.sources.size());
                if (command_.verbose) echo_rule(out_, family_, rule);
                if (auto failed = apply(rule)) return failed;
            }
        return std::nullopt;
    }

    /// The word after -j is a verdict, a target, or a chain of this table.
    MaybeFailure resolve_target(Rule& rule) const {
        const auto& name = command_.jump;
        if (command_.extension || name.empty()) return std::nullopt;
        if (!command_.go)
            for (const auto verdict : {Verdict::accept, Verdict::drop, Verdict::return_})
                if (name == to_string(verdict)) {
                    rule.target = verdict;
                    return std::nullopt;
                }
        const auto* chain = table_.find(name);
        if (!chain && command_.go) refuse_parameter("goto '{}' is not a chain", name);
        if (!chain) refuse_parameter("Couldn't load target `{}':No such file or directory\n", name);
        if (chain->hook) return failure(EINVAL);
        rule.target = Jump{name, command_.go};
        return std::nullopt;
    }

    MaybeFailure apply(const Rule& rule) {
        const bool searches = command_.action & (action_delete | action_check);
        if (!chain_) return searches ? bad_rule() : no_such_chain();
        auto& rules = chain_->rules;
        if (searches) {
            // libiptc looks the target's name up, and forgets over it that a rule was sought
            const bool plain =
                std::holds_alternative<Verdict>(rule.target) || std::holds_alternative<NoTarget>(rule.target);
            const auto found = std::find_if(rules.begin(), rules.end(),
                                            [&](const RuleEntry& entry) { return *entry.rule == rule; });
            if (found == rules.end()) return plain ? bad_rule() : no_such_chain();
            if (command_.action == action_delete) rules.erase(found);
            return std::nullopt;
        }
        if (family_ == Family::ip) compare_port_blocks(rule, table_, replaced_entry(), warnings_);
        RuleEntry entry{std::make_shared<const Rule>(rule), command_.counters};
        const std::size_t place = command_.number - std::size_t{1};
        if (command_.action == action_append) {
            rules.push_back(std::move(entry));
        } else if (command_.action == action_insert) {
            if (place > rules.size()) return too_big("insertion");
            rules.insert(rules.begin() + static_cast<std::ptrdiff_t>(place), std::move(entry));
        } else {
            if (place >= rules.size()) return too_big("replacement");
            rules[place] = std::move(entry);
        }
        return std::nullopt;
    }

    const RuleEntry* replaced_entry() const {
        const std::size_t place = command_.number - std::size_t{1};
        return command_.action == action_replace && place < chain_->rules.size() ? &chain_->rules[place]
                                                                                 : nullptr;
    }

    MaybeFailure delete_number() {
        if (!chain_) return no_such_chain();
        if (command_.number > chain_->rules.size()) return too_big("deletion");
        chain_->rules.erase(chain_->rules.begin() + static_cast<std::ptrdiff_t>(command_.number) - 1);
        return std::nullopt;
    }

    template <class Change>
    MaybeFailure each_chain(std::string_view doing, bool users_only, Change change) {
        if (command_.chain_given && !chain_) {
            echo_chain(doing, command_.chain);
            return no_such_chain();
        }
        for (auto& chain : table_.chains) {
            if (command_.chain_given ? &chain != chain_ : users_only && chain.hook) continue;
            echo_chain(doing, chain.name);
            change(chain);
        }
        return std::nullopt;
    }

    void echo_chain(std::string_view doing, std::string_view name) {
        if (command_.verbose) append(out_, "{} chain `{}'\n", doing, name);
    }

    MaybeFailure zero_all() {
        return each_chain("Zeroing", false, [](Chain& chain) {
            chain.counters = {};
            for (auto& entry : chain.rules)
                entry.counters = {};
        });
    }

    MaybeFailure zero_number() {
        if (!chain_) return no_such_chain();
        if (command_.number > chain_->rules.size()) return too_big("counter");
        chain_->rules[command_.number - 1].counters = {};
        return std::nullopt;
    }

    MaybeFailure new_chain() {
        if (chain_) return Failure{EEXIST, "Chain already exists"};
        table_.add_chain(command_.chain);
        return std::nullopt;
    }

    MaybeFailure delete_chain() {
        if (!command_.chain_given) return delete_all_chains();
        echo_chain("Deleting", command_.chain);
        if (!chain_) return no_such_chain();
        if (const int error = undeletable(*chain_)) return failure(error);
        table_.chains.erase(table_.chains.begin() + (chain_ - table_.chains.data()));
        return std::nullopt;
    }

    int undeletable(const Chain& chain) const {
        if (chain.hook) return EINVAL;
        if (table_.references(chain.name) != 0) return EMLINK;
        return chain.rules.empty() ? 0 : ENOTEMPTY;
    }

    MaybeFailure delete_all_chains() {
        std::vector<std::string> names;
        int error = 0;
        for (const auto& chain : table_.chains)
            if (!chain.hook) {
                echo_chain("Deleting", chain.name);
                if (const int here = undeletable(chain)) error = here;
            }
        if (error != 0) return failure(error);
        delete_user_chains(table_);
        return std::nullopt;
    }

    MaybeFailure rename_chain() {
        if (table_.find(command_.new_name) || is_verdict(command_.new_name)) return failure(EEXIST);
        if (!chain_ || chain_->hook) return no_such_chain();
        if (command_.new_name.size() >= chain_label_size) return failure(EINVAL);
        auto renamed = std::move(*chain_);
        table_.chains.erase(table_.chains.begin() + (chain_ - table_.chains.data()));
        table_.add_chain(command_.new_name);
        table_.find(command_.new_name)->rules = std::move(renamed.rules);
        for (auto& chain : table_.chains)
            for (auto& entry : chain.rules)
                if (const auto* jump = std::get_if<Jump>(&entry.rule->target);
                    jump && jump->chain == command_.chain) {
                    if (!entry.origin) entry.origin = entry.rule;
                    auto rule = *entry.rule;
                    std::get<Jump>(rule.target).chain = command_.new_name;
                    entry.rule = std::make_shared<const Rule>(std::move(rule));
                }
        return std::nullopt;
    }

    MaybeFailure set_policy() {
        if (!chain_ || !chain_->hook) return Failure{ENOENT, "Bad built-in chain name"};
        if (command_.policy != "ACCEPT" && command_.policy != "DROP")
            return Failure{EINVAL, "Bad policy name"};
        chain_->policy = command_.policy == "DROP" ? Verdict::drop : Verdict::accept;
        chain_->counters = command_.counters;
        return std::nullopt;
    }

    MaybeFailure list() {
        if (command_.chain_given && !chain_) return no_such_chain();
        if (command_.action & action_list)
            list_tables();
        else
            list_rules();
        if (command_.action & action_zero) return zero_all();
        return std::nullopt;
    }

    [[nodiscard]] bool wanted(const Chain& chain) const { return !command_.chain_given || &chain == chain_; }
    [[nodiscard]] bool wanted(std::size_t number) const {
        return command_.number == 0 || command_.number == number;
    }

    void list_tables() {
        const ListStyle style{command_.verbose, command_.numeric, command_.exact, command_.line_numbers};
        bool first = true;
        for (const auto& chain : table_.chains) {
            if (!wanted(chain)) continue;
            if (!first) out_ += '\n';
            first = false;
            if (command_.number == 0) list_header(out_, table_, chain, style);
            for (std::size_t i = 0; i < chain.rules.size(); ++i)
                if (wanted(i + 1)) list_rule(out_, family_, i + 1, chain.rules[i], style);
        }
    }

    void list_rules() {
        if (command_.number == 0)
            for (const auto& chain : table_.chains) {
                if (!wanted(chain)) continue;
                if (!chain.hook) {
                    append(out_, "-N {}\n", chain.name);
                    continue;
                }
                append(out_, "-P {} {}", chain.name, to_string(chain.policy));
                if (command_.verbose) append(out_, " -c {} {}", chain.counters.packets, chain.counters.bytes);
                out_ += '\n';
            }
        const auto style = command_.verbose ? CounterStyle::option : CounterStyle::none;
        for (const auto& chain : table_.chains)
            for (std::size_t i = 0; i < chain.rules.size(); ++i)
                if (wanted(chain) && wanted(i + 1))
                    save_rule(out_, family_, chain.name, chain.rules[i], style);
    }

    Family family_;
    const Command& command_;
    Table& table_;
    std::string& out_;
    std::string& warnings_;
    Chain* chain_;
};

}  // namespace

Failure failure(int error) {
    if (error == ENOENT) return no_such_chain();
    return {error, std::strerror(error)};
}

std::optional<Failure> execute(Family family, const Command& command, Table& table, Said said) {
    return Execution(family, command, table, said).run();
}

bool changes(const Command& command) noexcept {
    return command.action & ~static_cast<std::uint32_t>(action_list | action_list_rules | action_check);
}

void flush_all(Table& table) {
    for (auto& chain : table.chains)
        chain.rules.clear();
}

void delete_user_chains(Table& table) {
    std::erase_if(table.chains, [](const Chain& chain) { return !chain.hook; });
}

}  // namespace weft::hook
