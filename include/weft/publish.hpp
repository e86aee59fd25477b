// Publish and quiesce: control replaces a table as one pointer and frees the old one after every worker
// passed a quiescent point (rte_rcu_qsbr).
#pragma once

#include <rte_rcu_qsbr.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>

namespace weft {

/// Quiescent-state tracking of up to `workers` reader threads, numbered from 0.
/// Readers call online() once, quiescent() each loop, offline() before they sleep or end.
/// synchronize() is called by one writer thread; it returns when every online reader passed quiescent().
class Quiescence {
  public:
    explicit Quiescence(unsigned workers)
        : state_(static_cast<rte_rcu_qsbr*>(std::aligned_alloc(64, rte_rcu_qsbr_get_memsize(workers)))) {
        if (!state_) throw_no_memory();
        rte_rcu_qsbr_init(state_.get(), workers);
        for (unsigned w = 0; w < workers; ++w)
            rte_rcu_qsbr_thread_register(state_.get(), w);
    }
    void online(unsigned worker) noexcept { rte_rcu_qsbr_thread_online(state_.get(), worker); }
    void offline(unsigned worker) noexcept { rte_rcu_qsbr_thread_offline(state_.get(), worker); }
    void quiescent(unsigned worker) noexcept { rte_rcu_qsbr_quiescent(state_.get(), worker); }
    void synchronize() {
        const auto token = rte_rcu_qsbr_start(state_.get());
        while (rte_rcu_qsbr_check(state_.get(), token, false) == 0)
            std::this_thread::sleep_for(std::chrono::microseconds(20));
    }

  private:
    struct Free {
        void operator()(rte_rcu_qsbr* p) const noexcept { std::free(p); }
    };
    [[noreturn]] static void throw_no_memory() { std::abort(); }
    std::unique_ptr<rte_rcu_qsbr, Free> state_;
};

/// One published table. get() by any reader between two quiescent points; replace() by the one writer thread.
template <class T>
class Published {
  public:
    explicit Published(std::unique_ptr<const T> first = std::make_unique<const T>())
        : owner_(std::move(first)), current_(owner_.get()) {}
    Published(const Published&) = delete;
    Published& operator=(const Published&) = delete;

    [[nodiscard]] const T& get() const noexcept { return *current_.load(std::memory_order_acquire); }

    /// Makes `next` what readers see, waits until none holds the old table, then frees it.
    void replace(std::unique_ptr<const T> next, Quiescence& readers) {
        current_.store(next.get(), std::memory_order_release);
        std::swap(owner_, next);
        readers.synchronize();
    }

  private:
    std::unique_ptr<const T> owner_;
    std::atomic<const T*> current_;
};

}  // namespace weft
