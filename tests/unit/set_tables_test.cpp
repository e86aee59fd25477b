// The workers' sets follow the model's.
#include <gtest/gtest.h>

#include "control/publish/hook/set_tables.hpp"
#include "control/set/program.hpp"
#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

constexpr std::uint64_t second = 1'000'000;

class SetTables : public ::testing::Test {
  protected:
    void type(std::string_view line) {
        auto words = hook_words(line);
        words.insert(words.begin(), "ipset");
        const auto done = ipset::run(sets, {.now_us = now}, words, "");
        ASSERT_EQ(done.status, 0) << line << ": " << done.errors;
        tables.apply(sets, now);
    }
    bool holds(const char* name, std::uint8_t last) {
        return tables.find(name)->holds({.address = {{10, 0, 0, last}}, .bytes = 100, .now_us = now});
    }
    hook::Counters counters(const char* name, std::uint8_t last) {
        return *tables.counters(sets.find(name)->id, {{{10, 0, 0, last}}, 32});
    }

    ipset::Sets sets;
    hook::SetTables tables{0x1234};
    std::uint64_t now = 1000 * second;
};

TEST_F(SetTables, EntriesComeAndGo) {
    type("create a hash:ip");
    type("add a 10.0.0.1");
    EXPECT_TRUE(holds("a", 1));
    EXPECT_FALSE(holds("a", 2));
    type("del a 10.0.0.1");
    EXPECT_FALSE(holds("a", 1));
    type("destroy a");
    EXPECT_EQ(tables.find("a"), nullptr);
    EXPECT_TRUE(tables.wasteful());
    tables.reclaim();
    EXPECT_FALSE(tables.wasteful());
}

TEST_F(SetTables, SwapChangesWhatANameStandsForAndNotWhatRulesHold) {
    type("create a hash:ip counters");
    type("create b hash:ip counters");
    type("add a 10.0.0.1");
    type("add b 10.0.0.2");
    const auto rule = tables.find("a");
    EXPECT_TRUE(holds("a", 1));
    type("swap a b");
    EXPECT_EQ(tables.find("a"), rule);
    EXPECT_FALSE(rule->holds({.address = {{10, 0, 0, 1}}}));
    EXPECT_TRUE(rule->holds({.address = {{10, 0, 0, 2}}}));
    EXPECT_EQ(counters("b", 1).packets, 1U) << "the content took its counters along";
}

TEST_F(SetTables, WhatStaysCountsOnAndWhatIsAddedAnewBegins) {
    type("create a hash:ip counters");
    type("add a 10.0.0.1 packets 5 bytes 6");
    EXPECT_TRUE(holds("a", 1));
    EXPECT_EQ(counters("a", 1), (hook::Counters{6, 106}));
    type("add a 10.0.0.2");
    type("rename a b");
    EXPECT_EQ(counters("b", 1), (hook::Counters{6, 106}));
    type("-exist add b 10.0.0.1");
    EXPECT_EQ(counters("b", 1), (hook::Counters{0, 0}));
}

TEST_F(SetTables, TimesEndThereToo) {
    type("create a hash:ip timeout 10 maxelem 1");
    type("add a 10.0.0.1");
    now += 10 * second - 1;
    EXPECT_TRUE(holds("a", 1));
    now += 1;
    EXPECT_FALSE(holds("a", 1));
    type("add a 10.0.0.2");
    EXPECT_TRUE(holds("a", 2));
    now += 10 * second;
    tables.expire(now);
    type("add a 10.0.0.2");
    EXPECT_TRUE(holds("a", 2)) << "it had been taken out, and the model's entry was over";
}

TEST_F(SetTables, OtherOptionsAreAnotherTableOfTheSameName) {
    type("create a hash:ip");
    const auto rule = tables.find("a");
    ipset::Sets other;
    const std::vector<std::string> words{"ipset", "restore"};
    ASSERT_EQ(ipset::run(other, {.now_us = now}, words, "create a hash:net\nadd a 10.0.0.0/24\n").status, 0);
    sets.keep_running(other, now);
    sets = other;
    tables.apply(sets, now);
    EXPECT_EQ(tables.find("a"), rule);
    EXPECT_TRUE(holds("a", 77));
}

}  // namespace
}  // namespace weft::test
