// The command table as a library: one line of syntax per command gives parser, help, completion and man page.
// Linked into daemon and client; knows no model and does nothing.
//
// Syntax of a command, words separated by blanks:
//     word            a keyword, typed whole or, where the program allows it, by a unique-in-order prefix:
//                     of several alternatives an exact match wins, then the first listed that it is a prefix
//                     of
//     word|other      alternative spellings of one keyword; Match sees the first ("link", for link|l|lin)
//     word!           a keyword that is never abbreviated ("dev!", "up!": iproute2 compares these whole)
//     <NAME:type>     an argument; Match holds it under NAME. Types: types.hpp. `ifname:KIND` says for
//     completion which
//                     names may stand there: of a port, bridge, member (of a bridge that the line names),
//                     tuntap; new and foreign are none of weft's
//     [ ... ]         may be left out
//     { a | b | c }   one of
//     { a | b | c }*  any number of them, in any order, each at most once
//     { a | b | c }+  at least one, each at most once
//     ...             after an argument: one or more of it, to the end of the line; one Item each
// The keywords that open a line choose among all commands of the table, in table order; several commands may
// share them ("ip link add ... type bridge", "ip link add ... type vlan") and are tried in table order. So
// the table's order is the program's order of abbreviations. A keyword is preferred to an argument, a group's
// alternative to leaving the group. `ip link [ show|list|lst [ [ dev! ] <NAME:ifname> ] ]` takes `ip l`, and
// refuses `ip l foo`. A program's leading options (program.hpp) are not part of the syntax lines. Two
// programs differ in manners: iproute2 words may be abbreviated, iptables' and weft's own may not.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/result.hpp"

namespace weft::command {

/// What a command does to the world; decides about rights and where it may stand.
enum class Effect {
    configure,  ///< changes the model: allowed in files and transactions; needs write rights
    act,        ///< changes running state only (flush, trace, stop): not in files; needs write rights
    show,       ///< reads
    stream,     ///< answers events until the client closes
    client,     ///< done by the client itself (check, apply, -f send files as stdin); never sent as it stands
};

/// One command of the table. All views must outlive the table (string literals).
struct Spec {
    /// Unique: "ip link set"; what handlers are registered under. "unsupported …" takes what is to be refused
    /// by name: such a command is left out of help and completion, and is never what an error expects.
    std::string_view name;
    std::string_view
        syntax;  ///< starts with the program's word: "ip link set [ dev ] <NAME:ifname> { up | down ... }+"
    std::string_view help;  ///< one sentence
    Effect effect = Effect::show;
    /// What a syntax line cannot say: the words (the program's first, options taken off) are this command
    /// only if it agrees. Null: agrees always.
    bool (*agrees)(std::span<const std::string> words) = nullptr;
};

/// One matched word, in the order typed.
struct Item {
    std::string_view name;  ///< the keyword's first spelling, or the argument's NAME
    std::string value;      ///< as typed (unquoted); for a keyword the keyword
    int column = 0;         ///< 1-based position of the word in the line, words joined by single blanks
    bool argument = false;  ///< false: a keyword
};

/// A line that fits a command. Items are in the order typed; an argument belongs to the keyword before it.
struct Match {
    const Spec* spec = nullptr;
    std::vector<Item> items;
    bool json = false;                 ///< -j / -json, in weft's or the program's place
    std::vector<std::string> options;  ///< the program's other leading options in canonical form: "-s", "-d",
                                       ///< "-o", "-br", "-4", "-6"

    /// The value of argument NAME (the last one typed), or null.
    [[nodiscard]] const Item* argument(std::string_view name) const noexcept;
    /// Whether keyword was typed.
    [[nodiscard]] bool has(std::string_view keyword) const noexcept;
    [[nodiscard]] bool option(std::string_view name) const noexcept;
};

/// A compiled table. Immutable after build; thread safe.
class Grammar {
  public:
    /// Compiles the specs. A syntax line that is wrong is a programming error: refused with the line and
    /// place.
    static Result<Grammar> build(std::span<const Spec> specs);
    Grammar(Grammar&&) noexcept;
    Grammar& operator=(Grammar&&) noexcept;
    ~Grammar();

    /// Finds the command that the words fit. Errors: code usage, column of the first word that fits nothing,
    /// and what was expected there, by name ("ip link set: \"foo\" is not known; expected up, down, mtu,
    /// ...").
    [[nodiscard]] Result<Match> parse(std::span<const std::string> words) const;

    /// Completions for the last (possibly empty) word: keywords, or "<NAME:type>" for an argument.
    [[nodiscard]] std::vector<std::string> complete(std::span<const std::string> words) const;

    struct Choice {
        std::string word;     ///< as complete() has it
        std::string meaning;  ///< what an argument is: "a number from 1 to 9"; empty for a keyword
    };
    /// What may come behind these words; empty if nothing may, or they fit no command.
    [[nodiscard]] std::vector<Choice> next(std::span<const std::string> words) const;

    /// Lines "syntax  - help" of the commands that begin with these words (all if empty), or that these words
    /// fit so far.
    [[nodiscard]] std::string help(std::span<const std::string> words) const;
    [[nodiscard]] std::span<const Spec> specs() const noexcept;

  private:
    struct Compiled;
    struct Outlook;
    [[nodiscard]] Outlook outlook(std::span<const std::string> words) const;
    explicit Grammar(std::unique_ptr<Compiled>);
    std::unique_ptr<Compiled> compiled_;
};

/// All of weft's commands (tables.cpp concatenates the features' tables).
[[nodiscard]] const Grammar& grammar();

}  // namespace weft::command
