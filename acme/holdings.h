// Holdings: what one storage holds, in memory and on disk at the same time: certificates, accounts, orders under way,
// ledgers. Memory changes when the storage has the change, except a ledger, which counts in memory whatever happens.
// Changes are stored one after the other, in the order they were asked for. Control thread.
#pragma once

#include "acme/plan.h"
#include "acme/storage.h"
#include "acme/turns.h"
#include "tls/certificate.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::acme {

struct KeptCertificate {
  StoredCertificate stored;
  HeldCertificate held;
  tls::CertificatePtr certificate;
};

class Holdings {
 public:
  explicit Holdings(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}

  // False: what is held may be old, and changes are refused. It never becomes true again.
  bool writable() const { return storage_->writable(); }

  // Returns sentences: what is damaged, and what of it was repaired.
  Awaitable<Result<std::vector<std::string>>> load();

  const std::map<std::string, KeptCertificate>& certificates() const { return certificates_; }
  const std::map<std::string, PendingOrder>& orders() const { return orders_; }
  const std::map<std::string, PendingAnswer>& answers() const { return answers_; }
  // Null: there is none.
  const KeptCertificate* certificate(const std::string& record) const;
  const PendingOrder* order(const std::string& record) const;
  // Without one, an account that has but its `ca`.
  Account account(const std::string& resolver, const std::string& ca) const;
  Ledger& ledger(const std::string& ca);
  // Held, pending and ledgers.
  PlanInput plan_input() const;

  Awaitable<Result<void>> keep(StoredCertificate certificate);
  Awaitable<Result<void>> keep(PendingOrder order);
  Awaitable<Result<void>> keep(std::string resolver, Account account);
  Awaitable<Result<void>> keep(PendingAnswer answer);
  // Without what no limit counts any more.
  Awaitable<Result<void>> keep_ledger(std::string ca, WallTime now);
  Awaitable<Result<void>> drop_certificate(std::string record);
  // With the answers that are still shown for it.
  Awaitable<Result<void>> drop_order(std::string record);
  Awaitable<Result<void>> drop_answer(PendingAnswer answer);

  // In memory only: another has changed the storage.
  Result<void> take(const Record& record);
  void forget(RecordKind kind, const std::string& record);

 private:
  Result<void> take(StoredCertificate certificate);

  std::unique_ptr<Storage> storage_;
  Turns turns_;
  std::map<std::string, KeptCertificate> certificates_;  // by record name, as the next three
  std::map<std::string, PendingOrder> orders_;
  std::map<std::string, PendingAnswer> answers_;
  std::map<std::string, Account> accounts_;
  std::map<std::string, Ledger, std::less<>> ledgers_;  // by CA
};

}  // namespace gatehouse::acme
