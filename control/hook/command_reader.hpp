// Reads a line of iptables word by word into a Command.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/hook/command.hpp"
#include "control/hook/words.hpp"

namespace weft::hook {

inline constexpr std::string_view version = "1.8.9 (legacy)";
inline constexpr std::size_t name_limit = 29;  ///< XT_EXTENSION_MAXNAMELEN
/// Options that not every action takes; the order is that in which a misuse is reported.
inline constexpr std::string_view option_letters = "nsdpjvxio0cf";

[[nodiscard]] bool has_blank(std::string_view text);

/// A match or target whose options may still come.
template <class Variant>
struct Loading {
    const Kind<Variant>* kind = nullptr;
    Variant data;
    unsigned owner = 0;
    std::size_t word = 0;  ///< its name on the line
    std::uint32_t seen = 0;
    bool completed = false;  ///< another of its kind came later and takes the options
};

/// Of one line. Its parts: letters and flags (command.cpp), actions on chains (command_action.cpp), what
/// makes the rule (command_rule.cpp). Refuses by throwing Refusal; `word` is then the index of the offending
/// word.
class CommandReader {
  public:
    CommandReader(const Reading& reading, const Environment& environment, std::span<const std::string> words,
                  std::size_t first, std::size_t& word, std::string& warnings)
        : reading_(reading),
          environment_(environment),
          all_(words),
          words_(words, first, reading.family),
          word_(word),
          warnings_(warnings) {}

    Command read();

  private:
    // letters and flags
    bool take(const Item& item);
    bool take_plain(std::string_view word);
    bool take_unknown(const Item& item);
    bool take_letter(const Item& item);
    void take_flag(const Item& item);
    void end();
    void help();
    void set_option(char letter, bool invertible);
    void take_table(std::string_view name);
    void take_counters(std::string_view packets);
    void take_wait(const Item& item);
    void take_family(Family family);
    void finish();
    static std::uint32_t option_mask(char letter);
    void check_letters();
    void check_interfaces();

    // actions
    void set_action(std::uint32_t action, std::uint32_t beside = 0);
    void set_chain(std::string_view chain);
    bool take_number();
    void take_optional_chain(const Item& item);
    void take_action(const Item& item);
    void check_chain_name(std::string_view name) const;

    // the rule
    bool load_protocol();
    void add_match(const MatchKind& kind);
    bool take_extension(const Item& item);
    template <class Variant>
    void use(Loading<Variant>& loading, const LongOption& option, const Item& item);
    void take_protocol(std::string_view text);
    void warn_of_extension_header();
    void take_jump(const Item& item);
    void refuse_unknown_target();
    void take_interface(char letter, std::string_view name, Interface& interface);
    void take_match(std::string_view name);
    void finish_extensions();
    template <class Variant>
    void finish_one(const Loading<Variant>& loading);
    void read_addresses();

    const Reading& reading_;
    const Environment& environment_;
    std::span<const std::string> all_;
    Words words_;
    std::size_t& word_;
    std::string& warnings_;
    Command command_;
    std::uint32_t options_ = 0;
    std::array<std::size_t, option_letters.size()> option_words_{};  ///< where each stood
    bool inverted_ = false, over_ = false, protocol_loaded_ = false, waits_ = false, interval_ = false;
    std::string protocol_;
    std::string_view sources_, destinations_;
    std::size_t source_word_ = 0, destination_word_ = 0;
    unsigned owners_ = 0;
    std::vector<Loading<Match>> matches_;
    Loading<Target> target_;
};

}  // namespace weft::hook
