// The account at a CA: found or made, told of changed contacts, given a new key. Each step is kept before the CA is
// asked for it, so that a crash in between loses neither the account nor its key.
#pragma once

#include "acme/client.h"
#include "acme/records.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::acme {

struct AccountSettings {
  std::vector<std::string> contact = {};  // mailto: URLs
  std::optional<ExternalAccount> external = {};
  tls::KeyType key_type = tls::KeyType::p256;
};

// Returns when the account survives a power failure; a failure ends the step before the CA is asked.
using KeepAccount = std::function<Awaitable<Result<void>>(Account)>;

// The account ready for use: made (§7.3), its contact as set, a key change that was broken off brought to its end.
// `known`: as kept, or just its `ca`. When the CA says accountDoesNotExist of an account that was there, empty its
// `url` and come back: it is made again with the same key.
Awaitable<Answer<Account>> ensure_account(Client& client, Account known, AccountSettings settings, KeepAccount keep);

// Gives the account a new key (§7.3.5). When the CA refuses that for good, the old one stays.
Awaitable<Answer<Account>> roll_key(Client& client, Account account, AccountSettings settings, KeepAccount keep);

// Who signs for this account.
Answer<Signer> signer_of(const Account& account);

}  // namespace gatehouse::acme
