#include "acme/holdings.h"

#include "acme/record_coding.h"

namespace gatehouse::acme {
namespace {

constexpr std::size_t most_answers = 10'000;  // an order has a hundred at most

}  // namespace

Awaitable<Result<std::vector<std::string>>> Holdings::load() {
  auto contents = co_await storage_->load();
  if (!contents) co_return contents.error();
  std::vector<std::string> sentences = std::move(contents->damage);
  for (const Record& record : contents->records) {
    auto taken = take(record);
    if (!taken) sentences.push_back("record " + record.name + ": " + taken.error().detail);
  }
  co_return sentences;
}

Result<void> Holdings::take(const Record& record) {
  switch (record.kind) {
    case RecordKind::certificate: {
      auto read = stored_certificate(record);
      return read ? take(std::move(*read)) : Result<void>(read.error());
    }
    case RecordKind::order: {
      auto read = pending_order(record);
      if (!read) return read.error();
      orders_[record.name] = std::move(*read);
      return {};
    }
    case RecordKind::account: {
      auto read = gatehouse::acme::account(record);
      if (!read) return read.error();
      accounts_[record.name] = std::move(*read);
      return {};
    }
    case RecordKind::challenge: {
      auto read = pending_answer(record);
      if (!read) return read.error();
      if (answers_.size() >= most_answers) return Failure(FailureKind::bad_configuration, "too many of its kind");
      answers_.insert_or_assign(record.name, std::move(*read));
      return {};
    }
    case RecordKind::ledger: break;
  }
  auto read = gatehouse::acme::ledger(record);
  if (!read) return read.error();
  const std::string ca = read->ca;
  ledgers_[ca] = std::move(*read);
  return {};
}

Result<void> Holdings::take(StoredCertificate stored) {
  auto seen = held(stored);
  if (!seen) return seen.error();
  auto certificate = tls::Certificate::from_pem(stored.chain_pem, stored.key_pem);
  if (!certificate) return certificate.error();
  const std::string record = seen->record;
  certificates_[record] = {std::move(stored), std::move(*seen), std::move(*certificate)};
  return {};
}

void Holdings::forget(RecordKind kind, const std::string& record) {
  switch (kind) {
    case RecordKind::certificate: certificates_.erase(record); break;
    case RecordKind::order: orders_.erase(record); break;
    case RecordKind::account: accounts_.erase(record); break;
    case RecordKind::challenge: answers_.erase(record); break;
    case RecordKind::ledger:
      std::erase_if(ledgers_, [&](const auto& entry) { return ledger_record_name(entry.first) == record; });
  }
}

const KeptCertificate* Holdings::certificate(const std::string& record) const {
  const auto found = certificates_.find(record);
  return found == certificates_.end() ? nullptr : &found->second;
}

const PendingOrder* Holdings::order(const std::string& record) const {
  const auto found = orders_.find(record);
  return found == orders_.end() ? nullptr : &found->second;
}

Account Holdings::account(const std::string& resolver, const std::string& ca) const {
  const auto found = accounts_.find(account_record_name(resolver, ca));
  if (found != accounts_.end()) return found->second;
  Account fresh;
  fresh.ca = ca;
  return fresh;
}

Ledger& Holdings::ledger(const std::string& ca) {
  Ledger& ledger = ledgers_[ca];
  ledger.ca = ca;
  return ledger;
}

PlanInput Holdings::plan_input() const {
  PlanInput input;
  for (const auto& [record, kept] : certificates_) input.held.push_back(kept.held);
  for (const auto& [record, order] : orders_) input.pending.push_back(order);
  input.ledgers = ledgers_;
  return input;
}

Awaitable<Result<void>> Holdings::keep(StoredCertificate certificate) {
  const auto turn = co_await turns_.take();
  auto saved = co_await storage_->save(to_record(certificate));
  if (!saved) co_return saved;
  auto taken = take(std::move(certificate));
  co_return taken;
}

Awaitable<Result<void>> Holdings::keep(PendingOrder order) {
  const auto turn = co_await turns_.take();
  Record record = to_record(order);
  const std::string name = record.name;
  auto saved = co_await storage_->save(std::move(record));
  if (saved) orders_[name] = std::move(order);
  co_return saved;
}

Awaitable<Result<void>> Holdings::keep(std::string resolver, Account account) {
  const auto turn = co_await turns_.take();
  Record record = to_record(account, resolver);
  const std::string name = record.name;
  auto saved = co_await storage_->save(std::move(record));
  if (saved) accounts_[name] = std::move(account);
  co_return saved;
}

Awaitable<Result<void>> Holdings::keep_ledger(std::string ca, WallTime now) {
  const auto turn = co_await turns_.take();
  // Limits differ between resolvers in their counts, not in their windows.
  forget_old(ledger(ca), longest_window(RateLimits()), now);
  auto saved = co_await storage_->save(to_record(ledger(ca)));
  co_return saved;
}

Awaitable<Result<void>> Holdings::drop_certificate(std::string record) {
  const auto turn = co_await turns_.take();
  auto removed = co_await storage_->remove(RecordKind::certificate, record);
  if (removed) certificates_.erase(record);
  co_return removed;
}

Awaitable<Result<void>> Holdings::drop_order(std::string record) {
  const auto turn = co_await turns_.take();
  const auto answers = answers_;
  for (const auto& [name, answer] : answers) {
    if (answer.order != record) continue;
    auto gone = co_await storage_->remove(RecordKind::challenge, name);
    if (!gone) co_return gone;
    answers_.erase(name);
  }
  auto removed = co_await storage_->remove(RecordKind::order, record);
  if (removed) orders_.erase(record);
  co_return removed;
}

Awaitable<Result<void>> Holdings::keep(PendingAnswer answer) {
  const auto turn = co_await turns_.take();
  Record record = to_record(answer);
  const std::string name = record.name;
  auto saved = co_await storage_->save(std::move(record));
  if (saved) answers_.insert_or_assign(name, std::move(answer));
  co_return saved;
}

Awaitable<Result<void>> Holdings::drop_answer(PendingAnswer answer) {
  const auto turn = co_await turns_.take();
  const std::string name = to_record(answer).name;
  auto removed = co_await storage_->remove(RecordKind::challenge, name);
  if (removed) answers_.erase(name);
  co_return removed;
}

}  // namespace gatehouse::acme
