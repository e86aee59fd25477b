// What differs between two configurations' rules, as commands: '-' what was, '+' what comes. Who undoes the
// first (-D for -A, -X for -N) and types the others in their order has the second; but where a chain has a
// rule twice, -D may take the wrong one of the two.
#include <fmt/format.h>

#include <iterator>
#include <set>
#include <unordered_map>

#include "control/config/file.hpp"
#include "control/hook/print.hpp"
#include "control/model/lines.hpp"

namespace weft {

namespace {

using hook::Chain;
using hook::Table;

class TableDiff {
  public:
    TableDiff(hook::Family family, const Table& from, const Table& to, std::string& text)
        : family_(family), from_(from), to_(to), text_(text) {
        command_ = family == hook::Family::ip ? "iptables " : "ip6tables ";
        if (from.id != hook::TableId::filter) command_ += fmt::format("-t {} ", to_string(from.id));
    }

    void run() {
        const Chain none;
        for (const auto& chain : from_.chains) {
            const auto* after = to_.find(chain.name);
            rules(chain, after ? *after : none, true);
            if (!after) say('-', "-N " + config::quote(chain.name));
        }
        for (const auto& chain : to_.chains)
            if (!from_.find(chain.name)) say('+', "-N " + config::quote(chain.name));
        for (const auto& chain : to_.chains) {
            const auto* before = from_.find(chain.name);
            if (before && before->policy != chain.policy) {
                say('-', fmt::format("-P {} {}", chain.name, to_string(before->policy)));
                say('+', fmt::format("-P {} {}", chain.name, to_string(chain.policy)));
            }
        }
        for (const auto& chain : to_.chains) {
            const auto* before = from_.find(chain.name);
            rules(before ? *before : none, chain, false);
        }
    }

  private:
    void say(char sign, std::string_view what) {
        fmt::format_to(std::back_inserter(text_), "{}{}{}\n", sign, command_, what);
    }

    /// Each a line of its own: one that stands there before is followed by its number.
    std::vector<std::string> lines_of(const Chain& chain, std::string_view name) const {
        std::vector<std::string> lines;
        std::unordered_map<std::string, unsigned> seen;
        for (const auto& entry : chain.rules) {
            auto line = config::quote(hook::rule_words(family_, name, entry));
            const auto number = seen[line]++;
            line += '\n';
            if (number != 0) line += std::to_string(number);
            lines.push_back(std::move(line));
        }
        return lines;
    }

    void rules(const Chain& from, const Chain& to, bool going) {
        const auto& name = from.name.empty() ? to.name : from.name;
        const auto before = lines_of(from, name), after = lines_of(to, name);
        const std::vector<std::string_view> old_lines(before.begin(), before.end()),
            new_lines(after.begin(), after.end());
        const auto pairs = common_lines(old_lines, new_lines);
        std::set<std::size_t> kept;
        for (const auto& [was, is] : pairs)
            kept.insert(going ? was : is);
        const auto& lines = going ? old_lines : new_lines;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (kept.contains(i)) continue;
            const auto line = lines[i].substr(0, lines[i].find('\n'));
            const bool last = kept.empty() || *kept.rbegin() < i;
            if (going || last)
                say(going ? '-' : '+', line);
            else
                say('+', fmt::format("-I {} {}{}", config::quote(name), i + 1,
                                     line.substr(3 + config::quote(name).size())));
        }
    }

    hook::Family family_;
    const Table &from_, &to_;
    std::string& text_;
    std::string command_;
};

}  // namespace

void diff_hook_rules(std::string& text, const Model& from, const Model& to) {
    for (const auto family : hook::families)
        for (const auto& table : from.rules.of(family).tables)
            if (const auto& other = to.rules.of(family).table(table.id); !hook::same_rules(table, other))
                TableDiff(family, table, other, text).run();
}

}  // namespace weft
