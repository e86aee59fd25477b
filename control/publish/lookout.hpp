// What is looked at: traces and the open captures, as workers see them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/publish/name_history.hpp"
#include "control/publish/rule_book.hpp"
#include "dataplane/worker/shared.hpp"
#include "weft/result.hpp"

namespace weft {

/// What a capture is asked for (tcpdump).
struct CaptureWish {
    std::string interface;  ///< a link, or "any"
    bool drops = false;
    std::uint32_t snap = 262144;
    std::uint64_t count = 0;  ///< frames; 0: no end
    std::string filter;       ///< pcap-filter(7); empty: every frame
};

/// Control thread only. Every change is one publication: workers hold nothing of what is closed when it
/// returns.
class Lookout {
  public:
    /// The interfaces a capture of this name looks at, by IfIndex; empty if there is none of the name.
    using Resolve = std::function<std::vector<std::uint8_t>(const std::string& name)>;

    Lookout(Shared& shared, Resolve resolve) : shared_(shared), resolve_(std::move(resolve)) {}
    ~Lookout();

    void follow(IfIndex port, std::uint32_t count, Names names);
    /// There are TRACE rules, whose packets are followed, or there are none any more.
    void follow_rules(bool wanted, Names names);
    [[nodiscard]] bool follows_rules() const noexcept { return ruled_.following; }
    /// Traces are empty: the interface's has ended, that of TRACE rules begins anew.
    void forget(Names names);
    /// What was followed: by an interface, then by TRACE rules.
    template <class Visit>
    void visit_traces(Visit&& visit) const {
        for (const Followed* of : {&interface_, &ruled_})
            if (of->trace) visit(*of->trace, of->names);
    }
    /// The names after links came or went.
    void note(const Names& names) {
        for (Followed* of : {&interface_, &ruled_})
            if (of->trace) of->names.note(of->trace->steps(), names);
    }
    /// Whether anybody will ask for the rules that were published.
    [[nodiscard]] bool wants_rules() const noexcept { return interface_.trace || ruled_.trace; }
    /// The rules that are published now. No worker takes steps under earlier ones any more.
    void note_rules(std::uint32_t generation, std::shared_ptr<const RuleBook> rules);
    /// Null: not known any more. Known are those that steps name, of the newest a million rules at least.
    [[nodiscard]] const RuleBook* rules(std::uint32_t generation) const;

    /// Errors: a filter that does not compile, in libpcap's words.
    Result<std::shared_ptr<Capture>> open(const CaptureWish& wish);
    void close(const std::shared_ptr<Capture>& capture);
    /// Whether a capture's interface is no more.
    [[nodiscard]] bool is_gone(const std::shared_ptr<Capture>& capture) const;
    /// Links came or went.
    void look_again();

  private:
    struct Open {
        std::shared_ptr<Capture> capture;
        std::string interface;
        bool gone = false;
    };
    void publish();
    void forget_rules();
    [[nodiscard]] bool is_followed_there() const;

    Shared& shared_;
    Resolve resolve_;
    struct Followed {
        std::shared_ptr<Trace> trace;
        bool following = false;  ///< until its interface is gone, whose number another one may get
        NameHistory names;       ///< of the interfaces in it
    };
    Followed interface_, ruled_;
    /// By generation, the newest last: those that steps may name.
    std::vector<std::pair<std::uint32_t, std::shared_ptr<const RuleBook>>> rules_;
    std::vector<Open> captures_;
};

}  // namespace weft
