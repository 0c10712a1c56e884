// Gets single Secrets by name, one after the other: those that were not kept when a watch told of them, and those for
// which there is no watch to be had, again and again.
//
// A consistent read is never older than what a watch has told before it was asked; but what a watch tells while it is
// asked may be newer, so then the answer is dropped (overtaken). What the watch tells later is right in the end.
#pragma once

#include "base/names.h"
#include "config/kubernetes/api.h"
#include "config/kubernetes/tree.h"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <string>
#include <vector>

namespace gatehouse::kubernetes {

class SecretFetch {
 public:
  static constexpr Duration gap = std::chrono::milliseconds(50);  // between two
  static constexpr Duration poll_again = std::chrono::seconds(60);
  static constexpr Duration longest_delay = std::chrono::seconds(30);

  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    ApiStream stream;
    // The Secret as it is now; absent value: there is none. Not called for what failed.
    std::function<void(const ObjectName&, const Value&)> found;
    // One was tried, and what troubles() tells may be something else now.
    std::function<void(bool other_troubles)> tried;
  };

  explicit SecretFetch(Ports ports);

  void once(const ObjectName& name);
  void poll(const ObjectName& name);
  // Whether troubles() may tell something else now.
  bool forget(const ObjectName& name);
  bool polls(const ObjectName& name) const;
  // Some have not been answered for the first time. Those that are refused count as answered.
  bool pending() const;
  bool awaits(const ObjectName& name) const;
  void overtaken(const ObjectName& name) { overtaken_ = overtaken_ || name == asked_; }

  // Why Secrets cannot be got, each in the same words while it lasts; `most_troubles` at most, and of those without an
  // answer one, for it will be the same for all.
  std::vector<std::string> troubles() const;
  static constexpr std::size_t most_troubles = 20;

  // Until stop(). This outlives it.
  Awaitable<void> run();
  void stop();

 private:
  struct Due {
    TimePoint at{};
    bool again = false;
    bool answered = false;
  };

  struct Trouble {
    std::uint16_t status = 0;  // 0: no answer, or one that makes no sense
    std::string words;
  };

  Awaitable<void> follow();
  Awaitable<void> wait_for_work();
  Awaitable<void> until(std::shared_ptr<asio::steady_timer> timer);
  Awaitable<void> fetch(ObjectName name);
  void take(const ObjectName& name, const Result<ApiAnswer>& answer, const std::string& body);
  bool note_trouble(const ObjectName& name, std::uint16_t status, const std::string& words);
  void later(const ObjectName& name, Duration by, bool answered);
  void done(const ObjectName& name);
  const std::pair<const ObjectName, Due>* next() const;

  const Ports ports_;
  std::map<ObjectName, Due> due_;
  std::map<ObjectName, Trouble> troubles_;
  ObjectName asked_;
  bool overtaken_ = false;
  Duration delay_{};
  bool stopped_ = false;
  const std::shared_ptr<asio::steady_timer> woken_;
  const std::shared_ptr<asio::steady_timer> stopping_;
};

}  // namespace gatehouse::kubernetes
