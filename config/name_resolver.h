// The DNS names of ExternalName services, resolved again and again: every 30 seconds (the system's resolver tells no
// TTL), and sooner after a failure, which leaves the last good addresses in force. Control thread only.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "config/problem.h"
#include "config/translation.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse {

using Addresses = std::vector<asio::ip::address>;
using ResolveName = std::function<Awaitable<Result<Addresses>>(std::string name)>;

class NameResolver {
 public:
  static constexpr Duration refresh_every = std::chrono::seconds(30);
  static constexpr Duration first_retry = std::chrono::seconds(1);  // doubled at each failure, up to refresh_every

  // `on_change`: addresses() or problems() changed, or the last pending name was answered. The resolver outlives what
  // runs on the executor.
  NameResolver(asio::any_io_executor executor, Clock& clock, ResolveName resolve, std::function<void()> on_change);

  // Exactly these are resolved from now on; the others are forgotten.
  void want(const std::vector<std::string>& names);

  // Names that never had an answer are not in it. Addresses are sorted: their order in an answer means nothing.
  const ResolvedNames& addresses() const { return addresses_; }
  // Whether some name was not asked for to the end even once.
  bool pending() const;
  std::vector<Problem> problems() const;

 private:
  struct Name {
    std::string text;
    bool wanted = true;
    bool asked = false;
    std::string trouble;  // why the last attempt failed
    Duration retry = first_retry;
  };

  Awaitable<void> keep_fresh(std::shared_ptr<Name> name);
  Duration take(Name& name, Result<Addresses> answer);

  asio::any_io_executor executor_;
  Clock& clock_;
  ResolveName resolve_;
  std::function<void()> on_change_;
  std::map<std::string, std::shared_ptr<Name>> names_;
  ResolvedNames addresses_;
};

}  // namespace gatehouse
