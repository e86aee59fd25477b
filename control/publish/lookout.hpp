// What is looked at: the trace and the open captures, as workers see them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/publish/name_history.hpp"
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
    void forget();
    [[nodiscard]] const Trace* trace() const noexcept { return trace_.get(); }
    /// Of the trace's interfaces.
    [[nodiscard]] const NameHistory& names() const noexcept { return names_; }
    /// The names after links came or went.
    void note(Names names) {
        if (trace_) names_.note(trace_->steps(), std::move(names));
    }

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
    [[nodiscard]] bool is_followed_there() const;

    Shared& shared_;
    Resolve resolve_;
    std::shared_ptr<Trace> trace_;
    bool following_ = false;  ///< until its interface is gone, whose number another one may get
    NameHistory names_;
    std::vector<Open> captures_;
};

}  // namespace weft
