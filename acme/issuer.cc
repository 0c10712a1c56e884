#include "acme/issuer.h"

#include "acme/kept_answers.h"
#include "acme/record_coding.h"
#include "base/escape.h"

namespace gatehouse::acme {
namespace {

constexpr unsigned tries_before_another_ca = 3;  // of an order the CA has accepted

WallTime whole_seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

class Issuing {
 public:
  Issuing(Clock& clock, Issuance work) : clock_(clock), work_(std::move(work)) {}

  Awaitable<IssueOutcome> run() {
    Solver* solver = work_.resolver->solver_for(names());
    Client* client = work_.resolver->client(ca());
    auto signer = signer_of(work_.account);
    if (client == nullptr || solver == nullptr || !signer) {
      const Failure why(FailureKind::bad_configuration, "the resolver has no challenge or account for these names");
      auto refused = co_await fail(signer ? trouble_of(why) : signer.error());
      co_return refused;
    }
    PendingOrder pending;
    auto begun = co_await begin(pending);
    if (!begun) {
      auto unsaved = co_await fail(trouble_of(begun.error()));
      co_return unsaved;
    }
    KeptAnswers answers(*solver, work_.planned.record, {clock_, work_.holdings, work_.spread});
    OrderPolicy policy = work_.resolver->policy();
    policy.may_go_on = [holdings = work_.holdings] { return holdings->writable(); };
    auto issued = co_await obtain(*client, std::move(*signer), answers, clock_, std::move(pending), keep_order(),
                                  std::move(policy));
    IssueOutcome outcome;
    if (issued)
      outcome = co_await store(std::move(*issued));
    else
      outcome = co_await fail(issued.error());
    co_return outcome;
  }

 private:
  const std::vector<HostName>& names() const { return work_.planned.names; }
  const std::string& ca() const { return work_.planned.ca; }
  Holdings& holdings() { return *work_.holdings; }

  KeepOrder keep_order() {
    return [kept_in = work_.holdings](PendingOrder order) { return kept_in->keep(std::move(order)); };
  }

  // The order under way, or a new one, counted before the CA hears of it.
  Awaitable<Result<void>> begin(PendingOrder& pending) {
    counted_ = true;
    const PendingOrder* known = holdings().order(work_.planned.record);
    const KeptCertificate* own = holdings().certificate(work_.planned.record);
    const bool lost_key = known != nullptr && is_revoked_key(known->key_pem);
    if (known != nullptr && known->ca == ca() && !lost_key) {
      pending = *known;
      co_return Result<void>();
    }
    pending.resolver = work_.resolver->name();
    pending.ca = ca();
    pending.names = names();
    pending.started = whole_seconds(clock_.wall_now());
    const bool reuses_key = work_.resolver->reuses_keys() && own != nullptr && !own->stored.revoked;
    if (reuses_key) pending.key_pem = own->stored.key_pem;
    if (own != nullptr && work_.planned.kind != OrderKind::first) pending.replaces = own->certificate->renewal_id();
    note_order(holdings().ledger(ca()), names(), work_.planned.kind, clock_.wall_now());
    auto saved = co_await holdings().keep_ledger(ca(), clock_.wall_now());
    co_return saved;
  }

  Awaitable<IssueOutcome> store(Issued issued) {
    StoredCertificate stored;
    stored.resolver = work_.resolver->name();
    stored.ca = ca();
    stored.names = names();
    stored.chain_pem = std::move(issued.chain_pem);
    stored.key_pem = std::move(issued.key_pem);
    stored.stored = whole_seconds(clock_.wall_now());
    stored.hurried = is_hurried();
    // Revoked while this was under way.
    stored.revoked = stored.renew_now = is_revoked_key(stored.key_pem);
    auto kept = co_await holdings().keep(std::move(stored));
    if (!kept) {
      // The order stays: the certificate is downloaded again at the next try.
      auto outcome = co_await fail(trouble_of(Failure(kept.error().kind, "cannot be stored: " + kept.error().detail)));
      co_return outcome;
    }
    // What of this is not saved is done again after a restart: the plan sees that the order is older.
    auto dropped = co_await holdings().drop_order(work_.planned.record);
    forgive(holdings().ledger(ca()), names());
    auto saved = co_await holdings().keep_ledger(ca(), clock_.wall_now());
    IssueOutcome outcome;
    outcome.issued = true;
    if (!dropped || !saved) outcome.words = describe(dropped ? saved.error() : dropped.error());
    co_return outcome;
  }

  bool is_revoked_key(const std::string& key_pem) {
    const KeptCertificate* own = holdings().certificate(work_.planned.record);
    return own != nullptr && own->stored.revoked && own->stored.key_pem == key_pem;
  }

  bool is_hurried() {
    const KeptCertificate* own = holdings().certificate(work_.planned.record);
    return own != nullptr && own->stored.ca == ca() && !own->stored.renew_now &&
           hurries(own->held.validity, own->held.window, clock_.wall_now());
  }

  Awaitable<IssueOutcome> fail(Trouble trouble) {
    const WallTime now = clock_.wall_now();
    IssueOutcome outcome;
    outcome.words = printable(describe(trouble.failure));
    outcome.ca_is_ill = is_illness(trouble) || takes_no_orders(trouble);
    if (outcome.ca_is_ill) outcome.ca_asks_until = trouble.not_before;
    outcome.account_is_gone = trouble.remedy == Remedy::new_account;
    outcome.next_try = outcome.ca_is_ill ? note_outage(holdings().ledger(ca()), names(), describe(trouble.failure), now)
                                         : note(trouble, now);
    if (cannot_have_issued(trouble)) note_no_certificate(holdings().ledger(ca()), names());
    if (is_of_no_more_use(trouble)) co_await drop_order();
    if (outcome.account_is_gone) co_await forget_account();
    auto saved = co_await holdings().keep_ledger(ca(), clock_.wall_now());
    if (!saved) outcome.words += "; the ledger cannot be stored: " + printable(saved.error().detail);
    co_return outcome;
  }

  Awaitable<void> drop_order() {
    // One that cannot be removed is gone on with, and fails again.
    auto dropped = co_await holdings().drop_order(work_.planned.record);
    (void)dropped;
  }

  // It is made again with the same key.
  Awaitable<void> forget_account() {
    Account gone = work_.account;
    gone.url.clear();
    auto kept = co_await holdings().keep(work_.resolver->name(), std::move(gone));
    (void)kept;
  }

  WallTime note(const Trouble& trouble, WallTime now) {
    Ledger& ledger = holdings().ledger(ca());
    std::optional<Duration> retry_after;
    if (trouble.not_before && *trouble.not_before > now) retry_after = *trouble.not_before - now;
    if (trouble.failure.kind == FailureKind::validation_failed) note_hosts(ledger, trouble, now);
    return note_failure(ledger, names(), describe(trouble.failure), retry_after, work_.planned.expires, now);
  }

  void note_hosts(Ledger& ledger, const Trouble& trouble, WallTime now) {
    for (const HostName& name : names()) {
      const std::string base = name.is_wildcard() ? name.text().substr(2) : name.text();
      const bool is_named = std::find(trouble.hosts.begin(), trouble.hosts.end(), base) != trouble.hosts.end();
      if (!is_named && names().size() > 1) continue;
      note_failed_validation(ledger, name, now);
      if (work_.resolver->gathers() && names().size() > 1)
        note_failure(ledger, {name}, describe(trouble.failure), {}, work_.planned.expires, now);
    }
  }

  // What it answers to a new order is an error of its own, or nonsense.
  bool takes_no_orders(const Trouble& trouble) {
    const PendingOrder* order = holdings().order(work_.planned.record);
    if (order == nullptr || !order->url.empty() || trouble.order_over) return false;
    const auto kind = trouble.failure.kind;
    return trouble.remedy == Remedy::try_again && (kind == FailureKind::ca_refused || kind == FailureKind::bad_answer);
  }

  // Without its URL it was never finalized.
  bool cannot_have_issued(const Trouble& trouble) {
    if (!counted_) return false;
    if (trouble.order_over) return trouble.failure.kind != FailureKind::bad_answer;
    const PendingOrder* order = holdings().order(work_.planned.record);
    return order == nullptr || (order->url.empty() && is_of_no_more_use(trouble));
  }

  // Also when it keeps the names from being ordered elsewhere.
  bool is_of_no_more_use(const Trouble& trouble) {
    if (trouble.order_over || trouble.remedy == Remedy::new_account) return true;
    const PendingOrder* order = holdings().order(work_.planned.record);
    if (order == nullptr || work_.resolver->rules().cas.size() == 1) return false;
    const Setback* failures = setback(holdings().ledger(ca()), names());
    return order->url.empty() || (failures != nullptr && failures->failures >= tries_before_another_ca);
  }

  Clock& clock_;
  const Issuance work_;
  bool counted_ = false;
};

}  // namespace

bool is_illness(const Trouble& trouble) {
  switch (trouble.failure.kind) {
    case FailureKind::connect_failed:
    case FailureKind::connect_timeout:
    case FailureKind::upstream_tls_failed:
    case FailureKind::upstream_closed:
    case FailureKind::answer_timeout: return true;
    default: return false;
  }
}

Awaitable<IssueOutcome> issue(Clock& clock, Issuance work) {
  Issuing issuing(clock, std::move(work));
  auto outcome = co_await issuing.run();
  co_return outcome;
}

Awaitable<Answer<Account>> open_account(Clock& clock, std::shared_ptr<Resolver> resolver,
                                        std::shared_ptr<Holdings> holdings, std::string ca) {
  Client* client = resolver->client(ca);
  if (client == nullptr) co_return trouble_of(Failure(FailureKind::bad_configuration, ca + " is not one of its CAs"));
  KeepAccount keep = [holdings, name = resolver->name()](Account account) {
    return holdings->keep(name, std::move(account));
  };
  for (bool again = false;; again = true) {
    Account known = holdings->account(resolver->name(), ca);
    if (again) known.url.clear();
    const bool fresh = known.url.empty();
    if (fresh) {
      note_account(holdings->ledger(ca), clock.wall_now());
      auto saved = co_await holdings->keep_ledger(ca, clock.wall_now());
      if (!saved) co_return trouble_of(saved.error());
    }
    auto opened = co_await ensure_account(*client, std::move(known), resolver->account_settings(ca), keep);
    // The CA has forgotten it: it is made again with the same key.
    const bool forgotten = !opened && !fresh && opened.error().remedy == Remedy::new_account;
    if (!forgotten) co_return opened;
  }
}

}  // namespace gatehouse::acme
