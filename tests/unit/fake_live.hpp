// A running switch that is not there: answers what a test put in, and notes what it was told to do.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/model/live.hpp"
#include "control/model/model.hpp"

namespace weft {

struct FakeLive : Live {
    std::map<std::string, LinkState> links;
    std::vector<FdbEntryState> entries;
    std::vector<DropState> dropped;
    std::vector<WorkerState> working;
    std::vector<StageState> staged;
    std::map<std::string, PortLive> ports;
    std::vector<MemoryState> tables;
    std::vector<AddressState> assigned;
    std::vector<unsigned> cpus{1, 2};
    std::vector<std::string> done;

    void add(const std::string& name, unsigned index, const char* mac, bool carrier = true) {
        LinkState state;
        state.name = name;
        state.kernel_index = index;
        state.mac = *parse_mac(mac);
        state.carrier = carrier;
        links[name] = state;
    }

    std::optional<LinkState> link(const std::string& name) override {
        const auto it = links.find(name);
        return it == links.end() ? std::nullopt : std::optional{it->second};
    }
    void visit_fdb(const std::function<void(const FdbEntryState&)>& visit) override {
        for (const auto& entry : entries)
            visit(entry);
    }
    std::size_t fdb_size() override { return entries.size(); }
    std::vector<DropState> drops() override { return dropped; }
    std::vector<WorkerState> workers() override { return working; }
    std::vector<StageState> stages() override { return staged; }
    std::optional<PortLive> port(const std::string& name) override {
        const auto it = ports.find(name);
        return it == ports.end() ? std::nullopt : std::optional{it->second};
    }
    std::vector<MemoryState> memory() override { return tables; }
    std::vector<AddressState> addresses() override { return assigned; }
    bool loses_addresses = false;
    bool is_lost(const AddressSpec&) override { return loses_addresses; }
    Result<> put_back(const AddressSpec& address) override {
        done.push_back("put back " + address.address);
        return {};
    }
    std::vector<unsigned> worker_cpus() override { return cpus; }
    std::vector<KernelRoute> routes;
    std::vector<KernelNexthop> objects;
    std::vector<KernelNeighbour> known;
    std::vector<KernelRule> rules;
    std::map<int, std::string> devices;
    RouteFound found;
    std::vector<AdjacencyState> hops;
    Result<> visit_routes(bool v6, const std::function<void(const KernelRoute&)>& visit) override {
        for (const auto& route : routes)
            if (route.v6 == v6) visit(route);
        return {};
    }
    Result<std::vector<KernelNexthop>> nexthops() override { return objects; }
    Result<std::vector<KernelNeighbour>> neighbours() override { return known; }
    Result<std::vector<KernelRule>> policy_rules(bool v6) override {
        std::vector<KernelRule> all;
        for (const auto& rule : rules)
            if (rule.v6 == v6) all.push_back(rule);
        return all;
    }
    std::string device_name(int index) override { return devices[index]; }
    Result<> delete_neighbour(const KernelNeighbour& neighbour) override {
        done.push_back("forget " + std::to_string(neighbour.address.bytes[3]));
        return {};
    }
    Result<RouteFound> find_route(const RouteQuestion&) override { return found; }
    std::vector<AdjacencyState> adjacencies() override { return hops; }
    std::vector<TracedPacket> followed;
    Result<> start_trace(const std::string& port, std::uint32_t count) override {
        done.push_back("trace " + port + " " + std::to_string(count));
        return {};
    }
    void clear_trace() override { done.push_back("trace clear"); }
    std::vector<TracedPacket> traced() override { return followed; }
    Result<TracedPacket> explain(const std::string& port, std::span<const std::byte> frame) override {
        return TracedPacket{.ifname = port,
                            .head = {frame.begin(), frame.end()},
                            .length = static_cast<std::uint32_t>(frame.size()),
                            .steps = {}};
    }
    std::map<std::string, MacAddress> neighbours_known;  ///< by "br0 10.0.0.1"
    std::optional<MacAddress> neighbour_mac(const std::string& interface,
                                            const command::IpPrefix& address) override {
        const auto it = neighbours_known.find(interface + " " + command::to_string(address, true));
        return it == neighbours_known.end() ? std::nullopt : std::optional{it->second};
    }
    std::size_t flush_fdb(const std::string& bridge, const std::string& device,
                          std::optional<std::uint16_t> vid) override {
        done.push_back("flush " + bridge + " " + device + " " + (vid ? std::to_string(*vid) : "all"));
        return 0;
    }
    Result<> delete_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid) override {
        for (const auto& entry : entries)
            if (entry.device == device && entry.mac == mac && entry.vid == vid) {
                done.push_back("forget " + to_string(mac) + " " + std::to_string(vid));
                return {};
            }
        return refuse("no such entry");
    }
    bool knows_fdb(const std::string& bridge, const MacAddress& mac, std::uint16_t vid) override {
        for (const auto& entry : entries)
            if (entry.bridge == bridge && entry.mac == mac && entry.vid == vid) return true;
        return false;
    }
    Result<> learn_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid,
                       bool sticky) override {
        done.push_back("learn " + device + " " + to_string(mac) + " " + std::to_string(vid) +
                       (sticky ? " sticky" : ""));
        return {};
    }
    std::optional<std::string> sysctl(const std::string& name) override {
        if (name.ends_with("locktime")) return "100";
        return std::nullopt;
    }
    struct FakeConnections : conntrack::Connections {
        std::vector<conntrack::Entry> entries;
        conntrack::Totals totals() override { return {entries.size(), 1024}; }
        std::vector<conntrack::Statistics> statistics() override { return counted; }
        std::vector<conntrack::Expectation> expected;
        std::vector<conntrack::Expectation> expectations() override { return expected; }
        void forget_expectations() override { expected.clear(); }
        bool forget(const conntrack::Expectation& seen) override {
            return std::erase_if(expected, [&](const auto& one) { return one.key == seen.key; }) != 0;
        }
        void want_expectation_events(bool) override {}
        std::uint64_t take_expectation_events(
            const std::function<void(conntrack::Event, const conntrack::Expectation&)>&) override {
            return 0;
        }
        std::uint32_t walk(std::uint32_t cursor, std::uint32_t places,
                           const std::function<void(const conntrack::Entry&)>& visit) override {
            const auto all = entries;  // visit may end one
            for (; cursor < all.size() && places > 0; ++cursor, --places)
                visit(all[cursor]);
            return cursor < all.size() ? cursor : 0;
        }
        bool end(const conntrack::Entry& seen) override {
            return std::erase_if(entries, [&](const auto& one) { return one.key == seen.key; }) != 0;
        }
        std::optional<conntrack::Entry> find(const conntrack::Entry& like) override {
            for (const auto& one : entries)
                if (one.protocol == like.protocol && one.original.source == like.original.source &&
                    one.original.destination == like.original.destination &&
                    one.original.source_port == like.original.source_port &&
                    one.original.destination_port == like.original.destination_port)
                    return one;
            return std::nullopt;
        }
        void want_events(bool wanted) override { listens = wanted; }
        std::uint64_t take_events(const std::function<void(const conntrack::Happened&)>& tell) override {
            for (const auto& one : std::exchange(happened, {}))
                tell(one);
            return std::exchange(lost, 0);
        }
        std::vector<conntrack::Statistics> counted;
        std::vector<conntrack::Happened> happened;
        std::uint64_t lost = 0;
        bool listens = false;
    } tracked;
    conntrack::Connections& connections() override { return tracked; }
    struct FakeFlows : conntrack::Flows {
        std::vector<conntrack::Flow> all;
        std::uint32_t walk(std::uint32_t cursor, std::uint32_t places,
                           const std::function<bool(const conntrack::Entry&)>& wanted,
                           const std::function<void(const conntrack::Flow&)>& visit) override {
            for (; cursor < all.size() && places > 0; ++cursor, --places)
                if (wanted(all[cursor].entry)) visit(all[cursor]);
            return cursor < all.size() ? cursor : 0;
        }
    } outcomes;
    conntrack::Flows& flows() override { return outcomes; }
    bool promotes = false;
    bool promotes_secondaries(const std::string&) override { return promotes; }
    void stop(bool keep) override { done.push_back(keep ? "stop keep" : "stop"); }
};

}  // namespace weft
