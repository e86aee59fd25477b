// A guest's memory is a file that its front end may shrink under us: who reads behind the end then gets a bus
// error. Here that one page becomes zeros, private to weft, and the guest's rings contradict themselves.
#pragma once

#include "dataplane/port/vhost_memory.hpp"

namespace weft::ports {

/// While this lives, bus errors in the regions are survived. Move only.
class SurvivesFaults {
  public:
    SurvivesFaults() noexcept = default;
    /// Installs the process's handler of SIGBUS at the first use; faults elsewhere end the process as before.
    /// Regions beyond the 8192 that can be known are not guarded.
    explicit SurvivesFaults(const GuestMemory& memory) noexcept;
    SurvivesFaults(SurvivesFaults&& other) noexcept;
    SurvivesFaults& operator=(SurvivesFaults&& other) noexcept;
    ~SurvivesFaults();

  private:
    int slots_[GuestMemory::max_regions] = {};
    unsigned count_ = 0;
};

}  // namespace weft::ports
