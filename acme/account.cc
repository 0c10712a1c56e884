#include "acme/account.h"

namespace gatehouse::acme {
namespace {

using KeyPtr = std::shared_ptr<const tls::PrivateKey>;

Answer<KeyPtr> read_key(const std::string& pem) {
  auto key = tls::PrivateKey::from_pem(pem);
  if (!key) return trouble_of(Failure(key.error().kind, "the account's key: " + key.error().detail));
  return std::make_shared<const tls::PrivateKey>(std::move(*key));
}

Result<std::string> new_key_pem(tls::KeyType type) {
  auto key = tls::PrivateKey::make(type);
  if (!key) return key.error();
  return key->pem();
}

// A key change that the CA will not make however often it is asked.
bool is_final(const Trouble& trouble) {
  return trouble.failure.kind == FailureKind::ca_refused && trouble.remedy != Remedy::try_again &&
         trouble.remedy != Remedy::wait;
}

// One account, step by step.
class Steps {
 public:
  Steps(Client& client, Account account, AccountSettings settings, KeepAccount keep)
      : client_(client), account_(std::move(account)), settings_(std::move(settings)), keep_(std::move(keep)) {}

  Awaitable<Answer<Account>> ensure() {
    auto keyed = co_await have_key();
    if (!keyed) co_return keyed.error();
    if (!account_.next_key_pem.empty()) {
      auto changed = co_await finish_change();
      if (!changed && !account_.next_key_pem.empty()) co_return changed.error();
    }
    Answer<void> done;
    if (account_.url.empty())
      done = co_await make();
    else
      done = co_await tell_contact();
    if (!done) co_return done.error();
    co_return account_;
  }

  Awaitable<Answer<Account>> roll() {
    if (account_.next_key_pem.empty()) {
      auto pem = new_key_pem(settings_.key_type);
      if (!pem) co_return trouble_of(pem.error());
      account_.next_key_pem = std::move(*pem);
      auto kept = co_await keep_it();
      if (!kept) co_return kept.error();
    }
    auto changed = co_await finish_change();
    if (!changed) co_return changed.error();
    co_return account_;
  }

 private:
  Awaitable<Answer<void>> keep_it() {
    auto kept = co_await keep_(account_);
    if (!kept) co_return trouble_of(kept.error());
    co_return Answer<void>();
  }

  Awaitable<Answer<void>> have_key() {
    if (!account_.key_pem.empty()) co_return Answer<void>();
    auto pem = new_key_pem(settings_.key_type);
    if (!pem) co_return trouble_of(pem.error());
    account_.key_pem = std::move(*pem);
    account_.url.clear();
    auto kept = co_await keep_it();
    co_return kept;
  }

  Awaitable<Answer<void>> make() {
    auto key = read_key(account_.key_pem);
    if (!key) co_return key.error();
    Signer signer{*key, {}};
    NewAccount wanted{settings_.contact, settings_.external};
    auto made = co_await client_.new_account(std::move(signer), std::move(wanted));
    if (!made) co_return made.error();
    account_.url = made->url;
    account_.contact = settings_.contact;
    auto kept = co_await keep_it();
    co_return kept;
  }

  Awaitable<Answer<void>> tell_contact() {
    if (account_.contact == settings_.contact) co_return Answer<void>();
    auto signer = signer_of(account_);
    if (!signer) co_return signer.error();
    auto updated = co_await client_.update_contact(*signer, settings_.contact);
    if (!updated) co_return updated.error();
    account_.contact = settings_.contact;
    auto kept = co_await keep_it();
    co_return kept;
  }

  // Whether the CA knows the account by this key already: the answer to a change that came before was not seen.
  Awaitable<Answer<bool>> knows(KeyPtr key) {
    Signer signer{std::move(key), {}};
    NewAccount wanted;
    wanted.only_existing = true;
    auto found = co_await client_.new_account(std::move(signer), std::move(wanted));
    if (found) co_return found->url == account_.url;
    if (found.error().remedy == Remedy::new_account) co_return false;
    co_return found.error();
  }

  Awaitable<Answer<void>> finish_change() {
    auto next = read_key(account_.next_key_pem);
    if (!next) co_return next.error();
    if (!account_.url.empty()) {
      auto changed = co_await change_to(*next);
      if (!changed && is_final(changed.error())) co_await give_up_change();
      if (!changed) co_return changed.error();
    }
    account_.key_pem = std::exchange(account_.next_key_pem, {});
    auto kept = co_await keep_it();
    co_return kept;
  }

  // The old key stays in force. What cannot be kept is asked for again, and refused again.
  Awaitable<void> give_up_change() {
    account_.next_key_pem.clear();
    auto kept = co_await keep_it();
    (void)kept;
  }

  Awaitable<Answer<void>> change_to(KeyPtr next) {
    auto known = co_await knows(next);
    if (!known) co_return known.error();
    if (*known) co_return Answer<void>();
    auto signer = signer_of(account_);
    if (!signer) co_return signer.error();
    auto changed = co_await client_.change_key(*signer, next);
    co_return changed;
  }

  Client& client_;
  Account account_;
  AccountSettings settings_;
  KeepAccount keep_;
};

}  // namespace

Answer<Signer> signer_of(const Account& account) {
  auto key = read_key(account.key_pem);
  if (!key) return key.error();
  return Signer{*key, account.url};
}

Awaitable<Answer<Account>> ensure_account(Client& client, Account known, AccountSettings settings, KeepAccount keep) {
  Steps steps(client, std::move(known), std::move(settings), std::move(keep));
  auto account = co_await steps.ensure();
  co_return account;
}

Awaitable<Answer<Account>> roll_key(Client& client, Account account, AccountSettings settings, KeepAccount keep) {
  Steps steps(client, std::move(account), std::move(settings), std::move(keep));
  auto rolled = co_await steps.roll();
  co_return rolled;
}

}  // namespace gatehouse::acme
