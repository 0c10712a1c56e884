// The system's resolver (hosts file, DNS, whatever nsswitch.conf says), on a few threads of its own because it blocks:
// seconds, or minutes when the name servers do not answer. Nobody waits for a look-up that is under way: who asked may
// go, and so may this. Its thread then ends by itself when the look-up does, or with the process.
#pragma once

#include "config/name_resolver.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace gatehouse {

class SystemResolver {
 public:
  static constexpr std::size_t threads = 4;  // further questions wait for one of them

  // Blocks until it knows. Called on other threads, by several at once, and still when this is gone. Throws nothing.
  using LookUp = std::function<Result<Addresses>(const std::string& name)>;

  SystemResolver();
  explicit SystemResolver(LookUp look_up);
  // Waits for nothing. What still waits in resolve() is never answered: it ends with its io_context.
  ~SystemResolver();
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;

  // The caller's io_context outlives this object. May be cancelled.
  Awaitable<Result<Addresses>> resolve(std::string name);

 private:
  class Desk;

  const std::shared_ptr<Desk> desk_;
};

}  // namespace gatehouse
