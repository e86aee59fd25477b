// Random rulesets as save files, and random packets that meet their rules now and then.
#pragma once

#include <random>
#include <string>

#include "tests/unit/hook_naive.hpp"

namespace weft::test {

class RandomRules {
  public:
    RandomRules(hook::Family family, std::uint32_t seed) : six_(family == hook::Family::ip6), random_(seed) {}

    /// mangle and filter, with user chains; about `rules` rules.
    std::string save_file(unsigned rules);
    std::string rule();
    NaivePacket packet();

  private:
    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
    bool one_in(unsigned n) { return below(n) == 0; }
    std::string bang(unsigned one) { return one_in(one) ? "! " : ""; }
    std::string address(bool short_prefixes);
    std::string port();
    std::string ports();
    std::string mac();
    std::string layer4();
    std::string match();
    std::string target(bool mangle, unsigned chain, unsigned chains);
    std::string table(const char* name, unsigned rules);
    std::vector<std::uint8_t> payload(unsigned& protocol);

    bool six_;
    std::mt19937 random_;
};

}  // namespace weft::test
