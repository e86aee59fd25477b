// Data connections of FTP where their master has a port block or an endpoint independent source: RFC 6888
// REQ-4 and REQ-14, RFC 7422 section 2, RFC 4787 REQ-1 and REQ-3.
#include <map>
#include <set>

#include "control/hook/port_blocks.hpp"
#include "control/publish/flow/masquerade.hpp"
#include "control/publish/flow/port_blocks.hpp"
#include "tests/packet/ftp.hpp"
#include "tests/packet/nat_rfc.hpp"

namespace weft::test {
namespace {

const std::string helped =
    "*raw\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp\n"
    "-A PREROUTING -p tcp --dport 2121 -j CT --helper ftp\nCOMMIT\n"
    "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
    "-A FORWARD -i a -j ACCEPT\nCOMMIT\n";

class NatHelperTest : public NatRfc {
  protected:
    NatHelperTest() { lab.add_subscribers(); }
    /// Subscriber 5 of 10.1.0.0/28 has 10.0.2.101's ports 4104-4111, eight for each of four.
    static constexpr const char *subscriber = "10.1.0.5", *outside = "10.0.2.101";
    static constexpr unsigned first = 4104, last = 4111;
    void blocks(const std::string& more = {}) {
        lab.nat4(
            "-A POSTROUTING -s 10.1.0.0/28 -o b -p tcp -j SNAT --to-source 10.0.2.100-10.0.2.103:4096-4127 "
            "--port-block 8 " +
                more + "\n",
            helped);
    }
    /// A SYN of a host inside; the port by which it leaves, 0 if it does not.
    unsigned syn(const Side& from, const Side& to) { return leaves_by(segment(from, to, {SYN, 77})); }

    /// A control connection up to the server's greeting, and by which port it left.
    Ftp open(const char* host, unsigned port, const char* seen, unsigned server_port = 21) {
        const Side client{host, port}, server{"10.0.2.2", server_port};
        Ftp ftp{lab, "a", "b", client, server, {seen, syn(client, server)}, server};
        EXPECT_NE(ftp.client_seen.port, 0u);
        EXPECT_EQ(ftp.to_client({SYN | ACK, 5000, 78}).size(), 1u);
        EXPECT_EQ(ftp.to_server({ACK, 78, 5001}).size(), 1u);
        EXPECT_EQ(ftp.to_client({PSH | ACK, 5001, 78, "220 hi\r\n"}).size(), 1u);
        EXPECT_EQ(ftp.to_server({PSH | ACK, 78, 5009, "USER a\r\n"}).size(), 1u);
        return ftp;
    }
    void passive(Ftp& ftp, const std::string& said) {
        EXPECT_EQ(ftp.to_client({PSH | ACK, 5009, 86, said + "\r\n"}),
                  ftp.at_client({PSH | ACK, 5009, 86, said + "\r\n"}));
    }
    /// PORT of the client's 10.x.y.z and 50000; the port that the server hears, 0 if it hears nothing.
    unsigned active(Ftp& ftp, bool extended = false) {
        std::string address = ftp.client.address;
        const std::string said =
            extended
                ? "EPRT |1|" + address + "|50000|\r\n"
                : "PORT " + (std::replace(address.begin(), address.end(), '.', ','), address) + ",195,80\r\n";
        const Packets out = ftp.to_server({PSH | ACK, 86, 5009, said});
        if (out.empty()) return 0;
        const std::string heard(out[0].begin() + 40, out[0].end());
        unsigned a = 0, b = 0, c = 0, d = 0, high = 0, low = 0;
        const char* const form = extended ? "EPRT |1|%u.%u.%u.%u|%u|" : "PORT %u,%u,%u,%u,%u,%u";
        EXPECT_EQ(std::sscanf(heard.c_str(), form, &a, &b, &c, &d, &high, &low), extended ? 5 : 6);
        EXPECT_EQ(ftp.client_seen.address, std::to_string(a) + "." + std::to_string(b) + "." +
                                               std::to_string(c) + "." + std::to_string(d));
        return extended ? high : high << 8 | low;
    }
    /// The server's data connection comes in by that port.
    void comes_in(const Ftp& ftp, unsigned port, unsigned from = 20) {
        EXPECT_EQ(lab.outside(segment({"10.0.2.2", from}, {ftp.client_seen.address, port}, {SYN, 99})),
                  Packets{forwarded(segment({"10.0.2.2", from}, {ftp.client.address, 50000}, {SYN, 99}))});
    }
    std::uint64_t told() {
        std::uint64_t all = 0;
        for (const auto& worker : rig.shared().workers)
            all += worker->hook_log.no_port.get();
        return all;
    }
    /// Of the first rule of POSTROUTING, which gave the block.
    bool is_named() {
        bool named = false;
        for (const auto& worker : rig.shared().workers)
            for (unsigned i = 0; i < ExhaustedRules::size; ++i)
                named |= worker->hook_log.exhausted.drops(i) && worker->hook_log.exhausted.rule(i);
        return named;
    }
    void expect_in_block(unsigned port) {
        EXPECT_GE(port, first);
        EXPECT_LE(port, last);
    }
};
INSTANTIATE_NAT(NatHelperTest);

TEST_P(NatHelperTest, RFC6888_REQ4_REQ14_DataConnectionsAreOfTheBlock) {
    blocks();
    Ftp ftp = open(subscriber, 4000, outside);
    expect_in_block(ftp.client_seen.port);
    passive(ftp, "227 Entering Passive Mode (10,0,2,2,19,137).");
    expect_in_block(syn({subscriber, 55555}, {"10.0.2.2", 5001}));
    ftp = open(subscriber, 4001, outside);
    passive(ftp, "229 Entering Extended Passive Mode (|||5002|)");
    expect_in_block(syn({subscriber, 55555}, {"10.0.2.2", 5002}));
    for (const bool extended : {false, true}) {
        ftp = open(subscriber, 4002 + extended, outside);
        const unsigned port = active(ftp, extended);
        expect_in_block(port);
        comes_in(ftp, port, extended ? 1020 : 20);
    }
}

// RFC 6888 REQ-11: dropped by name, and the rule is told.
TEST_P(NatHelperTest, RFC6888_REQ4_REQ11_AFullBlockHasNoPortForPassiveData) {
    blocks();
    Ftp ftp = open(subscriber, 4000, outside);
    passive(ftp, "227 Entering Passive Mode (10,0,2,2,19,137).");
    for (unsigned n = 0; n < 8; ++n)
        ASSERT_NE(syn({subscriber, 60000 + n}, {"10.0.2.3", 443}), 0u);
    // The same eight towards the server: by the expected connection first, as it is taken by the first SYN.
    ASSERT_NE(syn({subscriber, 60000}, {"10.0.2.2", 5001}), 0u);
    for (unsigned n = 1; n < 8; ++n)
        ASSERT_NE(syn({subscriber, 60000 + n}, {"10.0.2.2", 5001}), 0u);
    ftp = open(subscriber, 4001, outside);
    passive(ftp, "227 Entering Passive Mode (10,0,2,2,19,137).");
    EXPECT_EQ(syn({subscriber, 55555}, {"10.0.2.2", 5001}), 0u);
    EXPECT_EQ(rig.drops(DropReason::nat_no_port), 1u);
    EXPECT_EQ(told(), 1u);
    EXPECT_TRUE(is_named());
}

TEST_P(NatHelperTest, RFC6888_REQ4_REQ11_AFullBlockHasNoPortForActiveData) {
    blocks();
    std::set<unsigned> ports;
    for (unsigned n = 0; n < 8; ++n) {
        Ftp ftp = open(subscriber, 4000 + n, outside);
        const unsigned port = active(ftp);
        expect_in_block(port);
        ports.insert(port);
    }
    EXPECT_EQ(ports.size(), 8u);
    Ftp ftp = open(subscriber, 4100, outside, 2121);
    EXPECT_EQ(active(ftp), 0u);
    EXPECT_EQ(rig.drops(DropReason::nat_no_port), 1u);
    EXPECT_EQ(told(), 1u);
    EXPECT_TRUE(is_named());
    // Another subscriber has its own.
    ftp = open("10.1.0.6", 4000, outside);
    const unsigned port = active(ftp);
    EXPECT_GE(port, last + 1);
    EXPECT_LE(port, last + 8);
}

TEST_P(NatHelperTest, RFC4787_REQ1_REQ3_DataConnectionsHaveTheirSourcesMapping) {
    for (const bool in_blocks : {true, false}) {
        SCOPED_TRACE(in_blocks);
        lab.firewall.tracker().flush();
        const char *host = subscriber, *other = "10.1.0.6", *seen = outside;
        if (in_blocks) {
            blocks("--endpoint-independent");
        } else {
            lab.nat4("-A POSTROUTING -o b -p tcp -j SNAT --to-source 10.0.2.1 --endpoint-independent\n",
                     helped);
            seen = "10.0.2.1";
            // 50000 is another's.
            ASSERT_EQ(syn({other, 50000}, {"10.0.2.3", 80}), 50000u);
        }
        Ftp ftp = open(host, 4000, seen);
        passive(ftp, "227 Entering Passive Mode (10,0,2,2,19,137).");
        const unsigned data = syn({host, 55555}, {"10.0.2.2", 5001});
        EXPECT_NE(data, 0u);
        EXPECT_NE(data, ftp.client_seen.port) << "another source of the same host";
        EXPECT_EQ(syn({host, 55555}, {"10.0.2.3", 80}), data) << "one for all destinations";
        if (in_blocks) expect_in_block(data);
        // Nobody else may have it.
        std::set<unsigned> others;
        for (unsigned n = 0; n < 4; ++n)
            others.insert(syn({host, 56000 + n}, {"10.0.2.3", 81}));
        EXPECT_FALSE(others.contains(data));
        EXPECT_FALSE(others.contains(0));

        ftp = open(host, 4001, seen);
        const unsigned opened = active(ftp);
        EXPECT_NE(opened, 0u);
        EXPECT_FALSE(others.contains(opened));
        EXPECT_NE(opened, data);
        if (in_blocks)
            expect_in_block(opened);
        else
            EXPECT_NE(opened, 50000u);
        comes_in(ftp, opened);
        EXPECT_EQ(syn({host, 50000}, {"10.0.2.3", 80}), opened) << "that mapping is the client's now";
    }
}

// The client has talked from that port before: the server is told the port that this became.
TEST_P(NatHelperTest, RFC4787_REQ1_AMappingThatIsThereIsTold) {
    lab.nat4("-A POSTROUTING -o b -p tcp -j SNAT --to-source 10.0.2.1 --endpoint-independent\n", helped);
    ASSERT_EQ(syn({hosts4.a3, 50000}, {"10.0.2.3", 80}), 50000u);
    const unsigned mapped = syn({hosts4.a, 50000}, {"10.0.2.3", 80});
    EXPECT_NE(mapped, 0u);
    EXPECT_NE(mapped, 50000u);
    Ftp ftp = open(hosts4.a, 4000, "10.0.2.1");
    EXPECT_EQ(active(ftp), mapped);
    comes_in(ftp, mapped);
}

TEST_P(NatHelperTest, RFC6888_REQ14_ControlConnectionsEndWithTheirBlock) {
    const auto rules_of = [](const char* size) {
        hook::Rulesets all;
        const std::vector<std::string> words{"iptables-restore"};
        const std::string rule =
            std::string("-A POSTROUTING -s 10.1.0.0/28 -o b -p tcp -j SNAT --to-source ") +
            "10.0.2.100-10.0.2.103:4096-4127 --port-block " + size;
        EXPECT_EQ(
            hook::run_restore(all.edit(hook::Family::ip), {}, words, "*nat\n" + rule + "\nCOMMIT\n").status,
            0);
        return all;
    };
    blocks();
    std::size_t ended = 4;
    for (unsigned n = 0; n < 4; ++n) {
        open(subscriber, 4000 + n, outside);
        // Of seven ports for each the subscriber's are 4103-4109: what has one of those stays.
        ended += syn({subscriber, 6000 + n}, {"10.0.2.3", 80}) > 4109;
    }
    FlowTracker& tracker = lab.firewall.tracker();
    EXPECT_EQ(tracker.count(), 8u);
    const auto same = hook::changed_port_blocks(rules_of("8"), rules_of("8"));
    EXPECT_EQ(end_outside_blocks(tracker, same, lab.now()), 0u);
    const auto change = hook::changed_port_blocks(rules_of("8"), rules_of("7"));
    EXPECT_EQ(end_outside_blocks(tracker, change, lab.now()), ended);
    EXPECT_EQ(tracker.count(), 8 - ended);
}

// net/netfilter/nf_nat_masquerade.c: with the address goes all that leads to the source by it.
TEST_P(NatHelperTest, RFC4787_REQ1_DataConnectionsEndWithMasqueradesAddress) {
    lab.nat4("-A POSTROUTING -o b -p tcp -j MASQUERADE --endpoint-independent\n", helped);
    Ftp ftp = open(hosts4.a, 4000, "10.0.2.1");
    passive(ftp, "227 Entering Passive Mode (10,0,2,2,19,137).");
    ASSERT_NE(syn({hosts4.a, 55555}, {"10.0.2.2", 5001}), 0u);
    ftp = open(hosts4.a, 4001, "10.0.2.1");
    const unsigned opened = active(ftp);
    comes_in(ftp, opened);
    EXPECT_EQ(lab.outside(segment({"10.0.2.3", 999}, {"10.0.2.1", opened}, {SYN, 5})),
              Packets{forwarded(segment({"10.0.2.3", 999}, {hosts4.a, 50000}, {SYN, 5}))});
    FlowTracker& tracker = lab.firewall.tracker();
    EXPECT_EQ(tracker.count(), 5u);
    EXPECT_EQ(end_masqueraded(tracker, {"10.0.2.1/24"}, lab.now()), 5u);
    EXPECT_EQ(tracker.count(), 0u);
}

}  // namespace
}  // namespace weft::test
