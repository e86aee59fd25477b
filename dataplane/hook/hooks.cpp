#include "dataplane/hook/hooks.hpp"

#include "dataplane/hook/actions.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/help.hpp"
#include "dataplane/hook/reject.hpp"
#include "dataplane/hook/remember.hpp"
#include "dataplane/hook/reroute.hpp"
#include "dataplane/hook/routed_addresses.hpp"
#include "dataplane/hook/whole.hpp"
#include "dataplane/nat/translate.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

namespace {

using hook::Family;
using hook::Hook;
using hook::TableMask;

constexpr std::uint8_t type_of(const MacAddress& destination) noexcept {
    constexpr std::uint8_t host = 0, broadcast = 1, multicast = 2;
    return !destination.is_group() ? host : destination.is_broadcast() ? broadcast : multicast;
}

/// A packet that passes one hook.
class Passage {
  public:
    Passage(Packet& packet, Hook at, IfIndex iif, IfIndex oif, Context& context) noexcept
        : packet_(packet), context_(context), at_(at), v6_(is_ipv6(packet)), addresses_(context) {
        view_.iif = iif;
        view_.oif = oif;
        view_.packet_type = iif == no_interface ? 0 : type_of(packet.ethernet().destination);
        view_.family = v6_ ? Family::ip6 : Family::ip;
        view_.mark = view_.arrived_mark = packet.meta.mark;
        view_.addresses = &addresses_;
        view_.of_template = &context.hooks->of_template;
        view_.takes_template = !answers_untracked(packet);
        if (iif != no_interface) hook::set_source_mac(view_, packet.ethernet().source);
    }
    /// The rules of these tables.
    PacketEnd ask(TableMask tables) noexcept;
    /// The table nat, once a connection, and then what it has decided.
    PacketEnd translate() noexcept;
    /// What the rules in between have asked of conntrack.
    [[nodiscard]] const hook::CtTarget* template_of() const noexcept { return view_.template_; }
    [[nodiscard]] Hook at() const noexcept { return at_; }

  private:
    bool read() noexcept;
    PacketEnd decide_translation() noexcept;
    PacketEnd end_as(const hook::WalkResult& result) noexcept;
    bool take_marks(std::uint32_t connection_mark) noexcept;
    void record(const hook::Trail&) noexcept;

    Packet& packet_;
    Context& context_;
    Hook at_;
    bool v6_;
    RoutedAddresses addresses_;
    hook::View view_;
    hook::ConnectionFacts facts_;
};

/// What rules look at, as it is now.
bool Passage::read() noexcept {
    if (!read_view(view_, packet_, context_)) return false;
    view_.length = rule_length(packet_, context_);
    view_.connection = connection_facts(packet_, facts_, view_.state, context_) ? &facts_ : nullptr;
    return true;
}

PacketEnd Passage::ask(TableMask tables) noexcept {
    const auto& program = *context_.filtering->of(v6_);
    if (!program.active(at_)) return {};
    if (!read()) return Verdict::drop(DropReason::hook_unreadable);
    const std::uint32_t connection_mark = facts_.mark;
    auto& trail = context_.hooks->trail;
    trail.path.clear();
    trail.cut = false;
    PacketActions actions(packet_, view_, at_, context_);
    const auto result = walk(program, at_, tables, view_, trail, context_.now_us, &actions);
    actions.count(trail.path);
    record(trail);
    take_marks(connection_mark);
    return end_as(result);
}

/// What was cut cannot be counted for later packets.
void Passage::record(const hook::Trail& trail) noexcept {
    auto& recording = context_.hooks->recording;
    if (trail.cut && recording.slow == SlowWay::kept) recording.slow = SlowWay::too_many;
    recording.path.insert(recording.path.end(), trail.path.begin(), trail.path.end());
}

/// Those that the packet and its connection have after rules, of which the latter had this one before.
bool Passage::take_marks(std::uint32_t connection_mark) noexcept {
    const bool marked = packet_.meta.mark != view_.mark;
    packet_.meta.mark = view_.mark;
    const bool remarked = view_.connection && !view_.has_template() && facts_.mark != connection_mark;
    context_.hooks->recording.marks_connection |= remarked || facts_.written_mark != 0;
    if (remarked) set_connection_mark(packet_, facts_.mark, context_);
    return marked || remarked;
}

/// nf_nat_ipv4_fn, nf_nat_ipv6_fn and nf_nat_inet_fn.
PacketEnd Passage::translate() noexcept {
    if (!context_.filtering->translates[v6_] || !has_connection(packet_)) return {};
    const NatSide side = side_at(at_);
    ToldTranslation told(packet_, at_, context_);
    if (is_error_about(packet_, context_)) {
        const auto end = translate_error(packet_, side, context_);
        if (!end) told.tell();
        return end;
    }
    if (is_undecided(packet_, side, context_)) {
        if (auto end = decide_translation()) return end;
    } else if (has_moved(packet_, {at_, view_.iif, view_.oif}, context_)) {
        return Verdict::drop(DropReason::nat_moved);
    }
    if (const auto end = weft::translate(packet_, side, context_)) return end;
    told.tell();
    return {};
}

/// Later packets of the connection are not asked about: neither what these rules count nor what they have
/// looked at is of the flow's outcome.
PacketEnd Passage::decide_translation() noexcept {
    if (const FollowMaster* const master = follows_master(packet_, context_))
        return bind_as(packet_, *master, context_);
    const auto& program = *context_.filtering->of(v6_);
    const NatPlace place{at_, view_.iif, view_.oif};
    if (!program.translates) return bind(packet_, place, {}, context_);
    PacketActions actions(packet_, view_, at_, context_);
    const hook::BaseChain& chain = program.nat[static_cast<std::size_t>(at_)];
    if (!actions.watches() && !chain.drops && program.chains[chain.chain]->blocks.empty()) {
        actions.count({&chain.policy, 1});
        return bind(packet_, place, {}, context_);
    }
    if (!read()) return Verdict::drop(DropReason::hook_unreadable);
    auto& trail = context_.hooks->trail;
    const hook::Rests rests = trail.rests;
    const std::uint32_t connection_mark = facts_.mark;
    trail.path.clear();
    const auto said = walk_nat(program, at_, view_, trail, context_.now_us, &actions);
    actions.count(trail.path);
    trail.rests = rests;
    // Of this packet alone: the next one of its flow passes rules without them.
    if (take_marks(connection_mark)) context_.hooks->recording.slow = SlowWay::marked_by_nat;
    if (auto end = end_as(said)) return end;
    return bind(packet_, place, said, context_);
}

PacketEnd Passage::end_as(const hook::WalkResult& result) noexcept {
    if (result.ending == hook::Ending::accept) return {};
    note_slow(packet_, SlowWay::dropped, context_);
    if (result.ending == hook::Ending::reject) {
        reject(packet_, *result.reject, context_);
        return Verdict::drop(DropReason::hook_rejected);
    }
    return Verdict::drop(DropReason::hook_dropped);
}

/// Raw, conntrack, and what follows it at the hook by which packets enter.
PacketEnd enter(Passage& passage, HandedFor hook, Packet& packet, Context& context) noexcept {
    // An answer of weft's own about a packet has that packet's connection.
    const bool looks = context.filtering->tracks[is_ipv6(packet)] && !has_connection(packet);
    if (!was_handed_over(packet)) {
        if (looks)
            if (auto end = go_to_owner(packet, hook, context)) return end;
        if (auto end = passage.ask(hook::before_conntrack)) return end;
    }
    if (looks) {
        if (auto end = track(packet, passage.template_of(), hook, context)) return end;
        tell_connection(packet, passage.at(), context);
    }
    record_connection(packet, context);
    if (auto end = passage.ask(hook::mangling)) return end;
    return passage.translate();
}

/// All tables of a hook, then conntrack's confirmation.
PacketEnd leave(Packet& packet, Hook at, IfIndex iif, IfIndex oif, Context& context) noexcept {
    Passage passage(packet, at, iif, oif, context);
    if (auto end = passage.ask(hook::all_tables)) return end;
    if (auto end = passage.translate()) return end;
    if (auto end = help_connection(packet, context)) return end;
    if (auto end = confirm_connection(packet, context)) return end;
    if (at == Hook::input)
        note_slow(packet, SlowWay::to_host, context);
    else if (iif == no_interface)
        note_slow(packet, SlowWay::of_host, context);
    else
        remember(packet, context);
    return {};
}

}  // namespace

PacketEnd pass_prerouting(Packet& packet, Context& context) noexcept {
    begin_recording(packet, context);
    Passage passage(packet, Hook::prerouting, packet.meta.iif, no_interface, context);
    return enter(passage, HandedFor::input, packet, context);
}

PacketEnd pass_input(Packet& packet, Context& context) noexcept {
    return leave(packet, Hook::input, packet.meta.iif, no_interface, context);
}

PacketEnd pass_forward(Packet& packet, Context& context) noexcept {
    Passage passage(packet, Hook::forward, packet.meta.iif, packet.meta.oif, context);
    return passage.ask(hook::all_tables);
}

PacketEnd pass_postrouting(Packet& packet, IfIndex iif, Context& context) noexcept {
    return leave(packet, Hook::postrouting, iif, packet.meta.oif, context);
}

PacketEnd pass_output(Packet& packet, Context& context) noexcept {
    context.hooks->recording.slow = SlowWay::of_host;  // of a packet whose way this one has interrupted
    Passage passage(packet, Hook::output, no_interface, packet.meta.oif, context);
    if (auto end = enter(passage, HandedFor::output, packet, context)) return end;
    return passage.ask(hook::filtering);
}

Verdict pass_host(Packet& packet, Verdict way, Context& context) noexcept {
    const IpAddress to = destination_of(packet);
    if (const auto end = pass_output(packet, context)) return *end;
    const Verdict changed = route_changed(packet, !(destination_of(packet) == to), context);
    if (!(changed == Verdict::to(StageId::egress))) way = changed;
    if (!way.is_stage()) return way;
    return pass_postrouting(packet, no_interface, context).value_or(way);
}

}  // namespace weft
