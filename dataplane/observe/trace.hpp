// A trace: what each stage decided of the next packets of an interface (`trace add`, `explain`).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/hook/rule_code.hpp"
#include "dataplane/stage.hpp"
#include "weft/hop.hpp"
#include "weft/packet.hpp"

namespace weft {

/// What a stage was about to look up in the FDB, as it was then.
struct TracedStation {
    enum class Found : std::uint8_t { not_asked, unknown, known } found = Found::not_asked;
    std::uint8_t flags = 0;  ///< FdbFlags
    std::uint16_t port = 0;  ///< BridgePortIndex
    std::uint32_t age = 0;   ///< seconds since last heard
};

/// The route by which a stage of IP decided, as it was then.
struct TracedRoute {
    bool found = false;          ///< false: the stage did not get as far as a route
    bool of_group = false;       ///< the table has a group; this is the hop of the packet's flow
    bool v6 = false;             ///< gateway's family
    HopKind kind{};              ///< never group
    NeighbourState neighbour{};  ///< gateway's
    IfIndex interface = no_interface;
    std::uint16_t mtu = 0;  ///< bytes from the IP header on
    IpAddress gateway{};    ///< kind neighbour
    MacAddress mac{};       ///< gateway's, if it is resolved
    // Of ip_input only: what was looked up.
    bool asked = false, asked_v6 = false;
    std::uint8_t tos = 0;  ///< as asked_tos() has it
    IpAddress source{}, destination{};
    std::uint16_t table = 0;  ///< into Routing::tables
    std::uint16_t rule = 0;   ///< one more than the index of the rule that decided; 0: none
};

/// What befell a packet at a hook of netfilter.
struct TracedHook {
    hook::Hook at{};
    bool v6 = false;
    std::uint32_t generation = 0;  ///< Filtering's, whose rules `rule` and `chain` name
    // rule
    hook::RuleId rule = hook::no_rule;  ///< or policy; no_rule: the end of `chain`
    hook::ChainSlot chain = 0;
    // connection
    std::uint8_t state = 0;  ///< a bit of hook::ConntrackState
    bool reply = false;
    // translation
    bool source = false, has_port = false;  ///< source: the packet's source has changed, else its destination
    IpAddress address{};                    ///< it is now
    std::uint16_t port = 0;                 ///< it is now; 0: who draws another time gets another
    hook::PortRange drawn{};                ///< from where the port was drawn just now; 0-0: it was not
};

/// One step of one packet. Interfaces and VLAN as they were when it was taken.
struct TraceStep {
    enum class Kind : std::uint8_t {
        none,
        received,  ///< by iif; or made by the host, to leave by oif
        decides,
        decided,
        rule,
        connection,
        translation,
        sent,
        dropped
    };
    Kind kind = Kind::none;
    StageId stage{};                        ///< decides, decided
    DropReason reason{};                    ///< dropped
    std::uint32_t packet = 0;               ///< from 0
    IfIndex iif = 0, oif = 0;               ///< sent, dropped: oif is the interface it is counted for
    TagPlace tag_place{};                   ///< of the outermost tag
    std::uint16_t vid = 0, tpid = 0;        ///< of that tag
    std::uint16_t bridge_vid = 0;           ///< bridge stages
    std::uint32_t length = 0;               ///< bytes
    Verdict verdict = Verdict::consumed();  ///< decided
    TracedStation source{}, destination{};  ///< decides, bridge stages
    TracedRoute route{};                    ///< decided by ip_input; decides of ip_forward and ip_output
    TracedHook hook{};                      ///< rule, connection, translation
};

/// Filled by workers until it is full; read by control at any time.
class Trace {
  public:
    /// The beginning of a traced frame, for its description.
    struct Head {
        std::uint16_t length = 0;
        std::array<std::byte, 128> bytes;
    };

    /// Follows the next `count` packets that an interface receives; of no_interface, those that are given to
    /// it. `key` tells this trace's packets from what other traces left in metadata.
    Trace(IfIndex of, std::uint32_t count, std::uint32_t key);

    [[nodiscard]] bool follows(IfIndex interface) const noexcept {
        return interface == interface_ && taken_.load(std::memory_order_relaxed) < count_;
    }
    /// Takes a packet up that it does not follow already; a packet that comes too late, or when there is no
    /// room for steps any more, is not followed. Received by iif, or, if that is no_interface, made by the
    /// host to leave by oif.
    void begin(Packet& packet, IfIndex iif, IfIndex oif = no_interface) noexcept;
    /// The packet's number, or -1 if it is not followed.
    [[nodiscard]] std::int64_t number_of(const Packet& packet) const noexcept {
        const std::uint64_t mark = packet.meta.followed;
        const auto number = static_cast<std::uint32_t>(mark);
        return mark >> 32 == key_ && number < count_ ? std::int64_t{number} : -1;
    }
    void add(const TraceStep& step) noexcept;

    [[nodiscard]] IfIndex interface() const noexcept { return interface_; }
    /// Packets taken up so far.
    [[nodiscard]] std::uint32_t packets() const noexcept;
    [[nodiscard]] const Head& head(std::uint32_t packet) const noexcept { return heads_[packet]; }
    /// Steps recorded so far, in the order in which they were taken; those of kind none are being written.
    [[nodiscard]] std::uint32_t steps() const noexcept;
    [[nodiscard]] TraceStep step(std::uint32_t i) const noexcept;

  private:
    struct Slot {
        std::atomic<bool> written{false};
        TraceStep step;
    };
    const IfIndex interface_;
    const std::uint32_t count_, key_, room_;
    std::atomic<std::uint32_t> taken_{0}, next_{0};
    std::unique_ptr<Head[]> heads_;
    std::unique_ptr<Slot[]> slots_;
};

}  // namespace weft
