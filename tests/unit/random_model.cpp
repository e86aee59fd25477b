#include "tests/unit/random_model.hpp"

#include "control/bridge/edit.hpp"
#include "control/hook/program.hpp"
#include "control/link/edit.hpp"

namespace weft {
namespace {

class Maker {
  public:
    explicit Maker(unsigned seed) : random_(seed) {}

    Model make() {
        for (unsigned i = 0, n = upto(12); i < n; ++i)
            add_one(i);
        for (const auto& name : std::vector<std::string>{model_.order})
            join(name);
        for (const auto& name : model_.order)
            if (chance() && vlans_of(model_, name)) fdb(name);
        for (const auto& name : model_.order)
            if (chance()) address(name);
        if (!model_.order.empty() && chance())
            model_.sysctls["net.ipv4.neigh." + model_.order.front() + ".gc_stale_time"] =
                std::to_string(upto(100));
        for (const auto family : hook::families)
            if (chance()) rules(family);
        return std::move(model_);
    }

  private:
    unsigned upto(unsigned n) { return std::uniform_int_distribution<unsigned>{0, n}(random_); }
    bool chance() { return upto(2) == 0; }
    MacAddress mac() {
        MacAddress made{{0x02, 0, 0, 0, 0, 0}};
        for (int i = 3; i < 6; ++i)
            made.bytes[i] = static_cast<std::uint8_t>(upto(255));
        return made;
    }
    const std::string& any_link() {
        return model_.order[upto(static_cast<unsigned>(model_.order.size()) - 1)];
    }

    void add_one(unsigned number) {
        LinkSpec link;
        const std::string name = "x" + std::to_string(number);
        const auto kind = upto(4);
        if (kind == 0 || model_.order.empty()) {
            link.kind = port(number);
        } else if (kind == 1) {
            link.kind = bridge();
        } else if (kind == 2) {
            link.kind = DummySpec{};
        } else if (kind == 3) {
            LinkSpec other{.kind = VethSpec{name}, .up = chance()};
            if (chance()) other.address = mac();
            link.kind = VethSpec{name + "p"};
            link.mtu = other.mtu = static_cast<std::uint16_t>(9000 - 100 * number);
            add_link(model_, name, std::move(link));
            add_link(model_, name + "p", std::move(other));
            return;
        } else {
            link.kind = VlanSpec{any_link(), chance() ? ether_type::service_vlan : ether_type::vlan,
                                 static_cast<std::uint16_t>(100 + number)};
        }
        link.up = chance();
        if (chance()) link.address = mac();
        // never above what stands below: each is smaller than those before
        if (chance() || is_dummy(link)) link.mtu = static_cast<std::uint16_t>(9000 - 100 * number);
        add_link(model_, name, std::move(link));
    }

    PortSpec port(unsigned number) {
        const auto text = std::to_string(number);
        PortSpec port;
        switch (upto(9)) {
            case 0:
                port.kind = DevargsPort{"net_null" + text + ",size=64"};
                break;
            case 1:
                port.kind = AfPacketPort{"eth" + text};
                break;
            case 2:
                port.kind = TapPort{chance() ? "far" + text : "", chance() ? "/run/netns/host " + text : ""};
                break;
            case 3:
                port.kind = PcapPort{"/tmp/it's #" + text, chance() ? "out\"" + text : "", chance()};
                break;
            case 4:
                port.kind = NullPort{};
                break;
            case 5:
                port.kind =
                    TuntapPort{.pi = chance(), .vnet_hdr = chance(), .multi_queue = chance(), .group = 7};
                return port;  // its command has no queues
            case 6:
                port.kind = VhostPort{"/run/vm" + text, chance()};
                break;
            case 7:
                port.kind = MemifPort{"/run/it's m" + text, chance(), upto(2)};
                break;
            case 8:
                port.kind = AfXdpPort{"xdp" + text};
                break;
            default:
                port.kind = GenPort{.size = 128,
                                    .flows = 1 + upto(9),
                                    .rate = upto(3),
                                    .count = upto(3),
                                    .source = mac(),
                                    .vid = static_cast<std::uint16_t>(upto(2))};
        }
        port.rx_queues = static_cast<std::uint16_t>(1 + upto(3));
        if (chance()) port.tx_queues = static_cast<std::uint16_t>(1 + upto(3));
        if (chance() && !std::holds_alternative<VhostPort>(port.kind)) port.descriptors = 512;
        if (chance()) port.placement[static_cast<std::uint16_t>(port.rx_queues - 1)] = upto(7);
        return port;
    }

    VlanMemberships vlans() {
        VlanMemberships made;
        for (unsigned i = 0, n = upto(6); i < n; ++i)
            add_vlans(made, one_vlan(), {chance(), chance()});
        return made;
    }
    command::VidRange one_vlan() {
        const auto vid = static_cast<std::uint16_t>(1 + upto(8));
        return {vid, vid};
    }

    BridgeSpec bridge() {
        BridgeSpec bridge = new_bridge();
        bridge.vlan_filtering = chance();
        if (chance()) bridge.vlan_protocol = ether_type::service_vlan;
        bridge.vlan_default_pvid = static_cast<std::uint16_t>(upto(3));
        if (chance()) bridge.ageing_centiseconds = upto(100000);
        if (chance()) bridge.fdb_max_learned = upto(1000);
        if (chance()) bridge.group_fwd_mask = 0x4008;
        bridge.stp = chance();
        bridge.vlans = vlans();
        return bridge;
    }

    void join(const std::string& name) {
        if (bridge_of(*model_.find(name)) || !chance()) return;
        // a bridge made before it, so that it cannot stand on it
        std::string master;
        for (const auto& other : model_.order) {
            if (other == name) break;
            if (bridge_of(*model_.find(other))) master = other;
        }
        if (master.empty() || vlan_of(*model_.find(name))) return;
        auto& member = model_.links.at(name).member.emplace();
        member.bridge = master;
        member.state = static_cast<PortState>(upto(4));
        member.learning = chance();
        member.flood = chance();
        member.isolated = chance();
        member.locked = chance();
        if (chance()) member.fdb_max_learned = upto(10);
        member.vlans = vlans();
    }

    void fdb(const std::string& device) {
        const bool self = bridge_of(*model_.find(device)) != nullptr;
        std::vector<std::uint16_t> vids{0};
        for (const auto& [vid, membership] : *vlans_of(model_, device))
            vids.push_back(vid);
        for (unsigned i = 0; i < 3; ++i) {
            const auto one = mac();
            for (const auto vid : vids)
                if (!chance()) {
                    FdbSpec spec{self || chance() ? FdbSpec::Kind::permanent : FdbSpec::Kind::stationary};
                    spec.sticky = spec.kind == FdbSpec::Kind::stationary && chance();
                    model_.fdb[{device, one, vid}] = spec;
                }
        }
    }

    void address(const std::string& device) {
        AddressSpec address;
        address.device = device;
        const auto number = std::to_string(upto(250));
        if (chance()) {
            address.address = "fd00::1:" + std::to_string(1 + upto(99)) + "/64";
            address.nodad = chance();
        } else if (chance()) {
            address.address = "10.9.0." + number + "/32";
            address.peer = "10.8.0.1/32";
        } else {
            address.address = "10.0.0." + number + "/24";
            if (chance()) address.broadcast = "10.0.0.255";
            if (chance()) address.scope = "link";
            if (chance()) address.label = "x:0";
        }
        model_.addresses.push_back(std::move(address));
    }

    void rules(hook::Family family) {
        auto& to = model_.rules.edit(family);
        const std::string program = family == hook::Family::ip ? "iptables" : "ip6tables";
        const auto run = [&](std::vector<std::string> words) {
            words.insert(words.begin(), program);
            static_cast<void>(hook::run_iptables(to, {}, words));
        };
        for (const std::string table : {"filter", "mangle", "raw"}) {
            if (!chance()) continue;
            run({"-t", table, "-N", "user"});
            run({"-t", table, "-P", "OUTPUT", chance() ? "DROP" : "ACCEPT"});
            for (unsigned i = 0, n = upto(6); i < n; ++i)
                run({"-t", table, "-A", chance() ? "user" : "OUTPUT", "-m", "mark", "--mark",
                     std::to_string(upto(3)), "-j", chance() ? "ACCEPT" : "user"});
        }
    }

    std::mt19937 random_;
    Model model_;
};

}  // namespace

Model random_model(unsigned seed) {
    return Maker{seed}.make();
}

}  // namespace weft
