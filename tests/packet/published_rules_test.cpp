// Rules as a configuration has them, made into what workers obey; what workers count, taken back.
#include <gtest/gtest.h>

#include "control/hook/program.hpp"
#include "control/publish/published_rules.hpp"
#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

class PublishedRulesTest : public testing::Test {
  protected:
    Router router;
    Rig& rig = router.rig;
    PublishedRules published{rig.shared(),
                             [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); }};
    FilteringInput input{
        .rules = {}, .interfaces = {{"a", rig.index("a")}, {"b", rig.index("b")}}, .flows = {}};

    void load(const std::string& text) {
        const std::vector<std::string> words = {"iptables-restore"};
        const auto outcome = hook::run_restore(input.rules.edit(hook::Family::ip), {}, words, text);
        ASSERT_EQ(outcome.status, 0) << outcome.errors;
    }
    void publish() {
        rig.while_offline([&] { published.publish(input); });
    }
    const Filtering& now() { return rig.shared().filtering.get(); }
};

TEST_F(PublishedRulesTest, AFamilyWhoseChainsAreEmptyIsNotLookedAt) {
    load("*filter\n:FORWARD ACCEPT [0:0]\n:user - [0:0]\n-A user -j DROP\nCOMMIT\n");
    publish();
    EXPECT_EQ(now().of(false), nullptr);
    load("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n");
    publish();
    EXPECT_NE(now().of(false), nullptr);
    EXPECT_EQ(now().of(true), nullptr);
    EXPECT_FALSE(now().tracks[0]);
    EXPECT_EQ(now().tracker, nullptr) << "nobody asks for connections";
    // nf_ct_netns_get: a rule that no packet comes to asks for them, too.
    load("*filter\n:FORWARD ACCEPT [0:0]\n:user - [0:0]\n-A user -m state --state NEW\nCOMMIT\n");
    publish();
    EXPECT_NE(now().of(false), nullptr);
    EXPECT_TRUE(now().tracks[0]);
}

// nf_conntrack_max 0 is no limit; where the table ends something has to make room.
TEST_F(PublishedRulesTest, TheLimitOfConnectionsIsNoMoreThanThereIsRoomFor) {
    load("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m state --state NEW\nCOMMIT\n");
    publish();
    ASSERT_TRUE(now().tracks[0]);
    const std::uint32_t room = now().tracker->capacity();
    EXPECT_EQ(now().flows.max, FlowConfig{}.max);
    const auto* const tracker = now().tracker.get();
    for (const std::uint32_t wanted : {0U, room + 1}) {
        input.flows.max = wanted;
        publish();
        EXPECT_EQ(now().flows.max, room);
    }
    input.flows.max = 7;
    load("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n");
    publish();
    EXPECT_EQ(now().flows.max, 7u);
    EXPECT_FALSE(now().tracks[0]);
    EXPECT_EQ(now().tracker.get(), tracker) << "what there is ends in its time";
}

TEST_F(PublishedRulesTest, CountsAreTakenOnceAndGoOnOverChanges) {
    load("*filter\n:FORWARD ACCEPT [5:50]\n-A FORWARD -p udp -m udp --dport 53\n-A FORWARD -p tcp\nCOMMIT\n");
    publish();
    const auto send = [&] {
        rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(12).udp(1000, 53)));
        static_cast<void>(rig.sent("b"));
    };
    const auto chain = [&]() -> const hook::Chain& {
        return *input.rules.of(hook::Family::ip).table(hook::TableId::filter).find("FORWARD");
    };
    send();
    published.count(input.rules);
    published.count(input.rules);
    EXPECT_EQ(chain().rules[0].counters, (hook::Counters{1, 40}));
    EXPECT_EQ(chain().rules[1].counters, (hook::Counters{0, 0}));
    EXPECT_EQ(chain().counters.packets, 1u) << "a restore without -c begins at 0";

    const auto before = input.rules;
    auto& rules = input.rules.edit(hook::Family::ip).table(hook::TableId::filter).find("FORWARD")->rules;
    rules.erase(rules.begin() + 1);
    send();
    publish();
    send();
    published.count(input.rules);
    EXPECT_EQ(chain().rules[0].counters, (hook::Counters{3, 120}));

    // The id of the rule that went counts for another one now, from nothing.
    input.rules = before;
    input.rules.edit(hook::Family::ip).table(hook::TableId::filter).find("FORWARD")->rules.clear();
    publish();
    load("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 10.0.1.2\nCOMMIT\n");
    publish();
    published.count(input.rules);
    EXPECT_EQ(chain().rules[0].counters, (hook::Counters{0, 0}));
    send();
    published.count(input.rules);
    EXPECT_EQ(chain().rules[0].counters, (hook::Counters{1, 40}));
}

// The count is read before a command is carried out; until its rules are published the packets still pass
// the earlier ones.
TEST_F(PublishedRulesTest, OfARenamedChainTheRuleThatJumpsLosesNoCount) {
    load("*filter\n:FORWARD ACCEPT [0:0]\n:old - [0:0]\n-A FORWARD -j old\n-A old -p udp\nCOMMIT\n");
    publish();
    const auto send = [&] {
        rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(12).udp(1000, 53)));
        static_cast<void>(rig.sent("b"));
    };
    std::string from = "old";
    for (const std::string to : {"new", "newer", "old"}) {
        send();
        published.count(input.rules);
        const std::vector<std::string> words = {"iptables", "-E", from, to};
        ASSERT_EQ(hook::run_iptables(input.rules.edit(hook::Family::ip), {}, words).status, 0);
        send();
        publish();
        from = to;
    }
    published.count(input.rules);
    const auto& table = input.rules.of(hook::Family::ip).table(hook::TableId::filter);
    EXPECT_EQ(table.find("FORWARD")->rules[0].counters, (hook::Counters{6, 240}));
    EXPECT_EQ(table.find("old")->rules[0].counters, (hook::Counters{6, 240}));
}

}  // namespace
}  // namespace weft::test
