// Gives accounts a new key (RFC 8555 §7.3.5) because an operator wishes it: `gatehouse certs roll-key`.
#pragma once

#include "acme/holdings.h"
#include "acme/resolver.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::acme {

// Where an account is used.
struct AccountPlace {
  std::string resolver;
  std::string ca;  // the directory's URL

  auto operator<=>(const AccountPlace&) const = default;
};

// Whose account the record is; nothing: no resolver's here.
std::optional<AccountPlace> place_of_account(const std::map<std::string, std::shared_ptr<Resolver>>& resolvers,
                                             const std::string& record);

// No order of the account is under way meanwhile: what it has shown bears the old key. Broken off at any step, it is
// brought to its end when the account is next opened. Returns a sentence.
Awaitable<Result<std::string>> roll_over(std::map<std::string, std::shared_ptr<Resolver>> resolvers,
                                         std::shared_ptr<Holdings> holdings, std::string record);

}  // namespace gatehouse::acme
