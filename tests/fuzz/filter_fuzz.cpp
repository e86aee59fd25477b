// Any packets, of one talk or of none, into a firewall whose rules use every match and target: TCP options,
// fragments, quoted packets of ICMP errors.
//
// Input: for each packet 1 byte settings (bit 0 IPv6, bit 1 from the other port, bit 2 in two segments, the
// upper bits seconds that have passed), 2 bytes length modulo 2048, the packet from the IP header on.
#include <string>

#include "control/hook/program.hpp"
#include "control/publish/hook/compile.hpp"
#include "tests/fuzz/router.hpp"

namespace weft::fuzz {
namespace {

constexpr const char* rules_of_both = R"(*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp --dport 7 -j NOTRACK
-A PREROUTING -p udp --dport 8 -j CT --zone 3
-A PREROUTING -p tcp --dport 21 -j CT --helper ftp
-A PREROUTING -p udp --dport 69 -j CT --helper tftp
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A PREROUTING -j CONNMARK --restore-mark
-A PREROUTING -m mark --mark 0 -m length --length 60:100 -j MARK --set-xmark 0x3/0xff
-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 900
-A FORWARD -j CONNMARK --save-mark
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:talk - [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A FORWARD -p tcp --tcp-option 5 -j talk
-A FORWARD -m recent --name seen --rcheck --seconds 3 --hitcount 2 --rttl -j RETURN
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstatus SEEN_REPLY --ctdir REPLY -j talk
-A FORWARD -m addrtype --dst-type MULTICAST -j DROP
-A FORWARD -p tcp -m multiport --ports 22,80:90 -g talk
-A FORWARD -p tcp --dport 25 -j REJECT --reject-with tcp-reset
-A FORWARD -p udp --dport 53 -m limit --limit 5/sec -j REJECT
-A FORWARD -p sctp -j REJECT
-A FORWARD -m pkttype --pkt-type unicast -m mac --mac-source 02:00:00:00:00:0b -j ACCEPT
-A talk -m recent --name seen --set
-A talk -j RETURN
COMMIT
)";

/// What the tables of each family translate to.
constexpr const char* translations[2] = {R"(*nat
-A PREROUTING -p udp --dport 9 -j DNAT --to-destination 10.0.2.3:5-6
-A PREROUTING -p tcp --dport 81 -j NETMAP --to 10.0.2.0/28
-A POSTROUTING -o out -p tcp -s 10.0.1.0/28 -j SNAT --to-source 198.51.100.2:5000-5255 --port-block 16
-A POSTROUTING -o out -p tcp -j SNAT --to-source 198.51.100.1-198.51.100.2:1000-1001
-A POSTROUTING -o out -p udp -j SNAT --to-source 198.51.100.1 --endpoint-independent
-A POSTROUTING -o out -j SNAT --to-source 198.51.100.1 --persistent
COMMIT
)",
                                         R"(*nat
-A PREROUTING -p udp --dport 9 -j DNAT --to-destination [2001:db8:2::3]:5-6
-A PREROUTING -p tcp --dport 81 -j NETMAP --to 2001:db8:2::/64
-A POSTROUTING -o out -p tcp -j SNAT --to-source [2001:db8:f::1-2001:db8:f::2]:1000-1001
-A POSTROUTING -o out -p udp -j SNAT --to-source 2001:db8:f::1 --endpoint-independent
-A POSTROUTING -o out -j SNAT --to-source 2001:db8:f::1 --persistent
COMMIT
)"};

/// A router with these rules, made once.
struct FilteringRouter : Router {
    hook::Ruleset rules[2] = {hook::Ruleset(hook::Family::ip), hook::Ruleset(hook::Family::ip6)};
    hook::Compiler compilers[2] = {{hook::Family::ip, 3}, {hook::Family::ip6, 3}};
    std::shared_ptr<FlowTracker> tracker = std::make_shared<FlowTracker>(256, 1, 1, 2);

    FilteringRouter() {
        set(0);
        auto filtering = std::make_unique<Filtering>();
        for (unsigned family = 0; family < 2; ++family) {
            const std::vector<std::string> words{family ? "ip6tables-restore" : "iptables-restore"};
            const auto done = hook::run_restore(rules[family], {}, words,
                                                std::string(rules_of_both) + translations[family]);
            require(done.status == 0, done.errors.c_str());
            filtering->rules[family] = compilers[family].compile(
                rules[family], {{"in", in}, {"out", out}},
                [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); });
            filtering->tracks[family] = filtering->translates[family] = true;
        }
        filtering->tracker = tracker;
        filtering->flows.max = 128;
        filtering->generation = 1;
        shared.filtering.replace(std::move(filtering), shared.quiescence);
    }
};

void run(Input input) {
    static FilteringRouter router;
    for (unsigned n = 0; n < 32 && !input.rest().empty(); ++n) {
        const std::uint8_t settings = input.byte();
        const bool v6 = settings & 1;
        const IfIndex by = settings & 2 ? out : in;
        auto frame = ethernet_to(own[by], v6);
        for (unsigned left = input.take<std::uint16_t>() % 2048; left > 0 && !input.rest().empty(); --left)
            frame.push_back(input.byte());
        router.wires[by].waiting =
            arrived(router, frame,
                    settings & 4 ? std::vector<std::size_t>{frame.size() / 2} : std::vector<std::size_t>{});
        router.worker.round(router.now_us += (settings >> 3) * 1'000'000ULL);
        for (const IfIndex i : {in, out})
            for (const Packet* sent : router.wires[i].sent)
                check_sent(*sent, i, 0);
        router.drain();
    }
    router.tracker->flush();
    router.worker.round(router.now_us += 60'000'000);  // what waits for fragments has waited long enough
    router.drain();
    require(router.pool.live() == 0, "every mbuf went back");
    require(router.tracker->count() == 0, "every connection ended");
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weft::fuzz::run({data, size});
    return 0;
}
