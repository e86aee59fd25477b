// The running switch: makes the world equal to a model, and tells what it sees.
//
// One thread (control) calls everything here. Workers, the TAP thread and the kernel are reached through
// published tables, rings and netlink only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/kernel/monitor.hpp"
#include "control/kernel/netlink.hpp"
#include "control/kernel/netns.hpp"
#include "control/kernel/tap.hpp"
#include "control/kernel/tap_io.hpp"
#include "control/model/live.hpp"
#include "control/model/model.hpp"
#include "control/publish/assemble.hpp"
#include "control/publish/busy.hpp"
#include "control/publish/flow/connections.hpp"
#include "control/publish/flow/masquerade.hpp"
#include "control/publish/flow_outcomes.hpp"
#include "control/publish/hook/set_tables.hpp"
#include "control/publish/hook_log.hpp"
#include "control/publish/lookout.hpp"
#include "control/publish/ports.hpp"
#include "control/publish/published_rules.hpp"
#include "control/publish/tally.hpp"
#include "control/route/mirror.hpp"
#include "dataplane/dpdk/pool.hpp"
#include "dataplane/worker/worker.hpp"

namespace weft {

struct SwitchOptions {
    std::string socket;
    std::string netns;  ///< of the TAPs; empty: the current one
    std::vector<unsigned> worker_cpus;
    std::vector<unsigned> control_cpus;                              ///< where the TAP thread may run
    bool poll = false;                                               ///< --poll
    bool kernel = true;                                              ///< false: --no-kernel
    bool huge = false;                                               ///< EAL got hugepages
    std::function<void(const std::string&)> log;                     ///< one line for stderr
    std::function<void(unsigned level, const std::string&)> log_of;  ///< the same with syslog's level
};

class Switch final : public Live {
  public:
    /// EAL must run. Gives back what a dead daemon on the socket had taken, starts workers and TAP thread.
    static Result<std::unique_ptr<Switch>> start(const SwitchOptions& options);
    /// Takes everything down, but for what keep() keeps.
    ~Switch() override;
    Switch(const Switch&) = delete;
    Switch& operator=(const Switch&) = delete;

    [[nodiscard]] const Model& model() const noexcept { return model_; }
    /// Makes the world equal to a valid model. If something refuses, what was done is taken back and the
    /// error says what. What the change does not concern loses no packet.
    Result<> apply(const Model& next);
    /// Whether a device that could not be opened is what the last apply() was refused for.
    [[nodiscard]] bool lacks_device() const noexcept { return lacks_device_; }
    /// Takes into the model what somebody else wrote to kernel variables that the model sets. To be called
    /// before a command reads the model.
    void read_back_sysctls();
    /// Takes into the model where frames moved static FDB entries to (net/bridge/br_fdb.c, br_fdb_update):
    /// such an entry stays static, on its new port. To be called before a command reads the model.
    void read_back_fdb();
    /// After the first configuration: removes TAPs and gives back devices that a dead daemon left and the
    /// model does not name.
    Result<> remove_unclaimed();

    /// To be called every tick_ms: link state, ageing, busy shares.
    static constexpr unsigned tick_ms = 100;
    void tick();

    /// Kernel notifications: wait for any of the descriptors, then call on_kernel_event().
    [[nodiscard]] std::vector<int> kernel_descriptors() const;
    void on_kernel_event();

    /// TAPs stay at the end, and devices stay taken.
    void keep() noexcept { keep_ = true; }
    /// What stop() (`weft stop`) does, set by the daemon.
    std::function<void(bool keep)> on_stop;
    /// Takes into the model what rules have counted. To be called before a command reads or changes rules.
    void read_back_rules() { rules_.count(model_.rules); }
    /// Of an equal model, whose rules may have counted otherwise (`iptables -Z`), and the entries of whose
    /// sets may have other times.
    void take_counters(const Model& equal);

    // Live
    std::optional<LinkState> link(const std::string& name) override;
    void visit_fdb(const std::function<void(const FdbEntryState&)>& visit) override;
    std::size_t fdb_size() override { return shared_.fdb.size(); }
    std::vector<DropState> drops() override;
    std::vector<WorkerState> workers() override;
    std::vector<StageState> stages() override;
    std::optional<PortLive> port(const std::string& name) override;
    std::vector<MemoryState> memory() override;
    std::vector<AddressState> addresses() override;
    bool is_lost(const AddressSpec& address) override;
    Result<> put_back(const AddressSpec& address) override;
    std::vector<unsigned> worker_cpus() override { return options_.worker_cpus; }
    std::size_t flush_fdb(const std::string& bridge, const std::string& device,
                          std::optional<std::uint16_t> vid) override;
    Result<> delete_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid) override;
    bool knows_fdb(const std::string& bridge, const MacAddress& mac, std::uint16_t vid) override;
    Result<> learn_fdb(const std::string& device, const MacAddress& mac, std::uint16_t vid,
                       bool sticky) override;
    std::optional<std::string> sysctl(const std::string& name) override;
    std::optional<MacAddress> neighbour_mac(const std::string& interface,
                                            const command::IpPrefix& address) override;
    bool promotes_secondaries(const std::string& device) override;
    Result<> visit_routes(bool v6, const std::function<void(const KernelRoute&)>& visit) override;
    Result<std::vector<KernelNexthop>> nexthops() override;
    Result<std::vector<KernelNeighbour>> neighbours() override;
    Result<std::vector<KernelRule>> policy_rules(bool v6) override;
    std::string device_name(int kernel_index) override;
    Result<> delete_neighbour(const KernelNeighbour& neighbour) override;
    Result<RouteFound> find_route(const RouteQuestion& question) override;
    Result<RouteFound> ask_kernel(const RouteQuestion& question);
    std::vector<AdjacencyState> adjacencies() override;
    Result<> start_trace(const std::string& port, std::uint32_t count) override;
    void clear_trace() override;
    std::vector<TracedPacket> traced() override;
    Result<TracedPacket> explain(const std::string& port, std::span<const std::byte> frame) override;
    conntrack::Connections& connections() override { return connections_; }
    conntrack::Flows& flows() override { return flows_; }
    std::optional<hook::Counters> set_counters(std::uint64_t id, const ipset::Key& key) override {
        return sets_.counters(id, key);
    }
    void stop(bool keep) override { on_stop(keep); }

    /// Calls this after links changed, until it returns false.
    void on_change(std::function<bool()> look) { watchers_.push_back(std::move(look)); }
    /// Captures, for who streams them; a stream may outlive the switch, which this tells it.
    [[nodiscard]] std::weak_ptr<Lookout> lookout() const noexcept { return lookout_; }
    [[nodiscard]] Names names() const { return Names(indexes_); }

  private:
    /// A link's TAP with what it was last told.
    struct LiveTap {
        KernelTap tap;
        TapSettings told;
        IfIndex interface = no_interface;  ///< TapIo's number of it; 0 before publication
        Descriptor for_thread{};           ///< the TAP thread's own, until publication
    };

    /// A variable of the kernel that the model sets.
    struct WrittenSysctl {
        std::string before;  ///< what the kernel had
        std::string asked;   ///< as the model has it
        std::string shown;   ///< as the kernel shows it since: in its own units, rounded
    };

    /// What the kernel has of weft's own (protocol 119).
    struct WrittenRouting {
        std::vector<KernelRoute> routes;
        std::vector<KernelNexthop> nexthops;
        std::vector<KernelNeighbour> neighbours;
        std::vector<KernelRule> rules;
    };

    Switch(SwitchOptions options, Netns host, Netns taps, Netlink host_netlink, Netlink tap_netlink,
           PacketPool pool);
    Result<> begin();
    void launch_workers();
    void end_workers();
    void close_ports();

    // converge.cpp: the steps of apply, each comparing the model with what is live
    Result<> converge(const Model& target);
    Result<> check_placement(const Model& target) const;
    Result<> check_routes(const Model& target) const;
    Result<> check_buffers(const Model& target) const;
    void close_in_the_way(const Model& target);
    void remove_in_the_way(const Model& target);
    Result<> open_taps(const Model& target);
    Result<> open_ports(const Model& target);
    Result<> open_one(const std::string& name, const LinkSpec& link);
    Result<> set_ports(const Model& target);
    Result<> set_port(const std::string& name, const LinkSpec& link);
    Result<> settle_taps(const Model& target);
    Result<> write_addresses(const Model& target);
    void remove_gone(const Model& target);
    void close_port(const std::string& name);
    void remove_taps(const std::vector<std::string>& names);
    void pause(const std::string& name);

    // publication.cpp
    void publish(const Model& model);
    void publish_plans(const Model& model);
    void forget_gone(const Model& model);
    void fix_fdb(const AssembleInput& input);
    unsigned worker_for(const std::string& port, std::uint16_t queue, const PortSpec& spec,
                        const std::vector<unsigned>& load) const;
    [[nodiscard]] std::map<std::string, Effective> effective_now(const Model& model);

    // live.cpp
    [[nodiscard]] std::optional<FdbDomain> domain_of(const std::string& bridge, std::uint16_t vid) const;

    // observation.cpp
    void tell_watchers();
    [[nodiscard]] std::vector<std::uint8_t> looked_at(const std::string& name) const;

    // sysctls.cpp
    Result<> write_sysctls(const Model& target);
    void publish_filtering(const Model& model);
    void forget_sysctls(const std::string& device);

    // routing.cpp
    void make_hold();
    Result<> start_routes();
    void publish_routing(const Model& model);
    /// work(routes), while nobody else touches them.
    template <class F>
    auto with_routes(F&& work) {
        return routes_ ? routes_->with(work) : work(*own_routes_);
    }

    // write_routing.cpp
    Result<> write_routing(const Model& target);
    void write_waiting();
    Result<bool> alone_in_namespace();
    [[nodiscard]] bool is_own_device(int index) const;
    Result<WrittenRouting> read_written();
    [[nodiscard]] bool wrote(const KernelRoute& route) const;
    [[nodiscard]] bool wrote(const KernelRule& rule) const;
    Result<> settle_refused(Result<> done, bool may_wait, const std::string& what);
    [[nodiscard]] std::set<std::string> dark_links(const Model& target);
    Result<> write_nexthops(const Model& target, const WrittenRouting& written);
    Result<> delete_nexthops(const Model& target, const WrittenRouting& written);
    Result<> write_routes(const Model& target, const WrittenRouting& written);
    Result<> write_rules(const Model& target, const WrittenRouting& written);
    Result<> write_neighbours(const Model& target, const WrittenRouting& written);
    [[nodiscard]] static bool is_gone(const Error& error);

    // ask_routing.cpp
    void feed_own_routes(const Model& model);

    // kernel_events.cpp
    void on_link(int index);
    void on_link_gone(int index);
    void on_device_down(int index);
    void on_address(const KernelAddress& address, bool added);
    /// Asks the kernel for all, as what it told may have been lost.
    void compare_addresses();
    void on_addresses_gone(const std::vector<std::string>& addresses);
    /// Of the addresses that went lately: a worker may have used one a moment longer.
    void end_masqueraded_again();
    void look_again();

    // devices.cpp
    Result<> watch_devices();
    void on_device(const KernelLink& link);
    void on_device_gone(int index);
    void look_for_lost_devices();
    void lose(const std::string& name, LivePort& live);
    void reopen(const std::string& name);

    void age();
    void tidy_sets();
    void count_missed();
    void log(const std::string& line) const { options_.log(line); }

    SwitchOptions options_;
    Netns host_, taps_netns_;
    Netlink host_netlink_, tap_netlink_;
    PacketPool pool_;
    Shared shared_;
    TrackedConnections connections_{[this] { return shared_.filtering.get().tracker.get(); },
                                    options_.worker_cpus};
    std::vector<std::unique_ptr<Worker>> workers_;
    bool workers_run_ = false;
    std::unique_ptr<CounterTable> tap_counters_ = std::make_unique<CounterTable>();
    CounterTable control_counters_;  ///< of what control learns of: frames missed
    std::unique_ptr<TapIo> tap_io_;
    std::optional<KernelMonitor> monitor_;
    std::unique_ptr<CounterTable> hold_counters_ = std::make_unique<CounterTable>();
    std::unique_ptr<Hold> hold_;           ///< packets that wait for a next hop's address
    std::unique_ptr<RouteMirror> routes_;  ///< null with --no-kernel
    std::optional<Routes> own_routes_;     ///< with --no-kernel, in its place
    bool routing_adopted_ = false;         ///< what a dead daemon left in the kernel is ours or gone
    bool routing_disturbed_ = false;       ///< the kernel may have forgotten some of it
    RoutingSpec told_routing_;             ///< what the kernel was last told, also if it refused it
    /// What the kernel does not take again, by device and address, and why. That was said.
    std::map<std::pair<std::string, std::string>, std::string> refused_addresses_;
    std::set<std::string> waiting_, waited_;  ///< what the kernel did not take yet; before the last try
    static constexpr unsigned routes_start_ms = 30000, in_step_ms = 1000;
    std::optional<KernelMonitor> device_monitor_;  ///< of the namespace weftd was started in
    std::set<std::string> leftover_;               ///< devices that a dead daemon took
    unsigned ticks_ = 0;
    bool keep_ = false;
    bool lacks_device_ = false;

    Model model_;
    hook::SetTables sets_{shared_.secret_high};
    PublishedRules rules_{shared_, [this](std::string_view name) { return sets_.find(name); }};
    HookLogWriter hook_log_;
    KnownAddresses known_addresses_;           ///< of the TAPs' namespace; with --no-kernel of the model
    bool compares_again_ = false;              ///< the kernel did not answer
    std::vector<std::string> gone_addresses_;  ///< since the last tick
    Indexes indexes_;
    FlowOutcomes flows_{shared_, rules_, [this] { return Names(indexes_); }};
    std::map<std::string, LivePort> ports_;
    std::map<std::string, LiveTap> taps_;
    std::map<std::string, MacAddress> random_macs_;
    std::map<std::string, WrittenSysctl> written_sysctls_;
    std::map<std::pair<std::string, std::uint16_t>, unsigned> queue_worker_;
    std::map<std::uint64_t, FixedEntry> fixed_;
    std::vector<std::uint32_t> ageing_of_domain_ = std::vector<std::uint32_t>(65536, 0);
    std::size_t next_region_ = 0;
    std::shared_ptr<Lookout> lookout_ =
        std::make_shared<Lookout>(shared_, [this](const std::string& name) { return looked_at(name); });
    std::vector<std::function<bool()>> watchers_;
    Tally tally_;
    BusyShares busy_;
};

}  // namespace weft
