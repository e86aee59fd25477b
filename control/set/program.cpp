#include "control/set/program.hpp"

#include <optional>

#include "control/set/execute.hpp"
#include "control/set/refusal.hpp"

namespace weft::ipset {

namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";

/// A file's line as build_argv() takes it apart: quotes join, and may begin and end within a word.
std::vector<std::string> split_line(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false;
    const auto end_word = [&] {
        if (!word.empty()) words.push_back(std::move(word));
        word.clear();
    };
    for (const char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == ' ' || c == '\t' || c == '\r'))
            end_word();
        else
            word += c;
    }
    if (quoted) refuse_usage("Missing close quote!");
    end_word();
    return words;
}

constexpr std::string_view help_text =
    "ipset v7.17\n\nUsage: ipset [options] COMMAND\n\nCommands:\n"
    "create SETNAME hash:ip|hash:net [family inet|inet6] [hashsize N] [maxelem N] [netmask CIDR]\n"
    "       [timeout SECONDS] [counters] [comment] [bucketsize N] [initval N]\n"
    "add SETNAME ENTRY [timeout SECONDS] [nomatch] [packets N] [bytes N] [comment \"STRING\"]\n"
    "del SETNAME ENTRY\ntest SETNAME ENTRY [nomatch]\ndestroy [SETNAME]\nlist [SETNAME]\nsave [SETNAME]\n"
    "restore\nflush [SETNAME]\nrename FROM-SETNAME TO-SETNAME\nswap FROM-SETNAME TO-SETNAME\nversion\n\n"
    "Options:\n-o -output plain|save\n-s -sorted\n-q -quiet\n-! -exist\n-n -name\n-t -terse\n"
    "-f -file FILE\n\n"
    // where firewalld looks what types there are; an empty line at the end would break it
    "Supported set types:\n    hash:net\t\t7\tbucketsize, initval support\n"
    "    hash:ip\t\t5\tbucketsize, initval support\n";

class Run {
  public:
    Run(Sets& sets, const Environment& environment) : sets_(sets), environment_(environment) {}

    Outcome command_line(std::span<const std::string> words, std::string_view input) {
        const Sets before = sets_;
        try {
            auto command = read_command(words.subspan(1), sets_, false, quiet_);
            exist_ = command.exist;
            if (command.action == Action::restore)
                restore(input);
            else if (command.action == Action::help)
                outcome_.output += help_text;
            else
                take(command);
        } catch (const Refusal& refusal) {
            refuse(refusal);
            sets_ = before;
        }
        return std::move(outcome_);
    }

  private:
    /// False if the program ends with it.
    bool take(const Command& command) {
        const bool well = execute(command, sets_, environment_, outcome_.output, outcome_.errors);
        if (!well) outcome_.status = 1;
        return command.action != Action::test && command.action != Action::quit;
    }

    void restore(std::string_view text) {
        const bool exist = exist_, quiet = quiet_;
        while (!text.empty()) {
            const auto end = text.find('\n');
            auto line = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            ++line_;
            line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
            if (line.empty() || line.front() == '#' || line == "COMMIT" || line == "COMMIT\r") continue;
            const auto words = split_line(line);
            auto command = read_command(words, sets_, true, quiet_);
            // options stay in force for the lines that follow
            exist_ = command.exist = command.exist || exist_ || exist;
            command.quiet = quiet_ = quiet_ || quiet;
            if (!take(command)) return;
        }
    }

    void refuse(const Refusal& refusal) {
        const bool usage = refusal.kind == Refusal::Kind::usage;
        outcome_.status = usage ? 2 : 1;
        outcome_.refused = true;
        outcome_.line = line_;
        if (quiet_) return;
        auto& out = outcome_.errors;
        out += "ipset v7.17: ";
        if (refusal.kind == Refusal::Kind::session && line_ != 0)
            out += fmt::format("Error in line {}: ", line_);
        out += refusal.message + "\n";
        if (usage) out += "Try `ipset help' for more information.\n";
    }

    Sets& sets_;
    const Environment& environment_;
    Outcome outcome_;
    unsigned line_ = 0;
    bool quiet_ = false, exist_ = false;
};

}  // namespace

Outcome run(Sets& sets, const Environment& environment, std::span<const std::string> words,
            std::string_view input) {
    return Run(sets, environment).command_line(words, input);
}

}  // namespace weft::ipset
