// The thread that speaks memif's control protocol for all ports, and the sockets they are found by. Ports
// with different ids may share one path.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/port/memif_link.hpp"
#include "dataplane/port/memif_socket.hpp"

namespace weft::ports {

class MemifExchange {
  public:
    /// The one that runs, or a new one, which ends with the last that holds it. Control thread.
    static std::shared_ptr<MemifExchange> get();
    MemifExchange();
    ~MemifExchange();
    MemifExchange(const MemifExchange&) = delete;
    MemifExchange& operator=(const MemifExchange&) = delete;

    /// Written by a worker that has something to tell; ours, never full.
    [[nodiscard]] int wake() const noexcept { return wake_.get(); }
    /// The link stays where it is until remove(). Refused in one sentence without subject.
    Result<> add(MemifLink& link, int netns);
    /// No worker touches its queues when this returns.
    void remove(MemifLink& link);
    /// Runs f(link) while the thread does not touch it.
    template <class F>
    auto with(MemifLink& link, F f) {
        const std::lock_guard guard{lock_};
        return f(link);
    }

  private:
    struct Stranger {
        Fd socket;
        std::string path;
        MemifLink::Clock::time_point since;
    };
    void run();
    void round(const std::vector<int>& ready);
    void welcome(const std::string& path, int listener);
    void introduce(Stranger& stranger);
    [[nodiscard]] MemifLink* server(const std::string& path, std::uint32_t id) const;

    Fd wake_;
    bool stop_ = false;
    std::mutex lock_;
    std::vector<MemifLink*> links_;
    std::map<std::string, MemifListener> listeners_;
    std::list<Stranger> strangers_;  ///< accepted, but nobody knows yet whose they are
    std::thread thread_;
};

}  // namespace weft::ports
