// ★ The loop that keeps certificates: one for each storage. It makes the plan again whenever something has changed,
// carries out what is due, several orders at once, asks the CAs for renewal windows, obeys what operators ask for, and
// sleeps until the next of these. It decides nothing that the plan could decide. Whatever fails, the certificates there
// are go on being served; log, status() and metrics say why, and the ledger when it is tried again.
//
// A storage that several processes share is written by one of them at a time. The others only look: what that one
// obtains is served here too, and its answers to challenges are shown (answers()). Who comes to write loads everything
// afresh and goes on with the orders it finds; who no longer may ends its own at their next step, without asking the CA
// for anything more.
//
// Control thread. Its coroutines hold it and all they work with, so it may be let go at any time: stop() ends the loop
// at once, orders under way end by themselves or with the io_context, and are taken up after a restart.
#pragma once

#include "acme/holdings.h"
#include "acme/issuer.h"
#include "acme/key_rollover.h"
#include "acme/operator_request.h"
#include "acme/place.h"
#include "acme/resolver.h"
#include "acme/status.h"
#include "base/log.h"
#include "config/translation.h"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::acme {

struct RenewalOptions {
  std::size_t most_orders = 8;  // at once, of each CA
  Duration look_for_requests = std::chrono::seconds(2);
  Duration open_again = std::chrono::minutes(1);  // a storage that is locked or cannot be used
  Duration load_again = std::chrono::seconds(5);  // a storage on the network that could not be loaded
  Duration follow = std::chrono::milliseconds(10);  // what changes elsewhere is gathered so long
  Duration plan_again = std::chrono::hours(1);  // at the latest: the wall clock may have jumped
  Duration rest = std::chrono::milliseconds(50);  // between two plans
};

// How an order has ended, for those who asked for the certificate.
struct IssueReport {
  std::vector<std::string> asked_by;  // `Ingress gitlab/web`
  bool issued = false;
  std::string words;
};

class Renewal : public std::enable_shared_from_this<Renewal> {
 public:
  struct Ports {
    Clock& clock;  // outlives the coroutines
    Logger log;
    std::function<void()> changed;  // certificates() are others now
    std::function<void()> answers_changed;  // answers() may be
    std::function<void(const RenewalStatus&)> status_changed;
    RenewalOptions options = {};
    std::function<void(const IssueReport&)> reported = {};  // of each order that has ended
  };

  Renewal(asio::any_io_executor executor, std::shared_ptr<Place> place, Ports ports);

  // What there is in a place that is at hand (on disk), before it returns: certificates() can be served. A storage that
  // another process holds is read all the same; run() takes it over when it can. Other places are read by run().
  void load();
  // What there is could be read once; empty means empty then.
  bool loaded() const { return holdings_ != nullptr; }
  // From now on these. Those that are not of this storage are not looked at.
  void use(std::map<std::string, std::shared_ptr<Resolver>> resolvers);
  void want(std::vector<CertificateRequest> requests);
  // Until stop(). The caller holds it meanwhile.
  Awaitable<void> run();
  void stop();

  std::vector<ObtainedCertificate> certificates() const;
  // Of the storage: what is shown to CAs for orders under way here or elsewhere.
  std::vector<PendingAnswer> answers() const;
  const RenewalStatus& status() const { return status_; }

 private:
  struct UnderWay {
    std::string resolver, ca;
    std::vector<HostName> names;
  };

  Awaitable<bool> open(Place::Mode mode);
  Awaitable<void> settle_storage();
  void follow_changes();
  Awaitable<void> drop_lost_answers();
  void end_term();
  bool is_of_term(const std::shared_ptr<Holdings>& holdings) const { return writing_ && holdings == holdings_; }
  void trouble(const std::string& words);  // with the storage; empty: none any more
  Awaitable<void> work();
  void make_plan();
  Awaitable<bool> change_records();
  Awaitable<void> mark(std::string record, std::optional<WallTime> unwanted_since);

  void start_due();
  bool may_start(const PlannedCertificate& planned) const;
  void start_order(const PlannedCertificate& planned);
  static Awaitable<void> open_account(std::shared_ptr<Renewal> self, AccountPlace key);
  static Awaitable<void> carry_out(std::shared_ptr<Renewal> self, Issuance work);
  void report(const PlannedCertificate& planned, const IssueOutcome& outcome);
  void tell_askers(const PlannedCertificate& planned, bool issued, const std::string& words) const;
  Awaitable<void> leave_account_alone(AccountPlace key, std::string account, Trouble trouble);
  Awaitable<void> leave_alone(std::string ca, std::string words, std::optional<WallTime> until);

  std::optional<WallTime> question_at(const std::string& record, const KeptCertificate& kept) const;
  std::optional<WallTime> next_question() const;
  void start_asking();
  static Awaitable<void> ask_for_windows(std::shared_ptr<Renewal> self);
  Awaitable<void> ask_for_window(std::string record);
  Awaitable<void> keep_window(std::string record, std::string fingerprint, RenewalWindow window);

  Awaitable<void> obey_requests();
  bool may_obey(const OperatorRequest& request);
  Awaitable<void> obey(OperatorRequest request);
  Awaitable<Result<std::string>> renew(std::string record);
  void tell();
  Duration longest_sleep() const;
  Awaitable<void> sleep();
  Awaitable<void> wait_until_woken();
  void wake();

  asio::any_io_executor executor_;
  const std::shared_ptr<Place> place_;
  const Ports ports_;
  Clock& clock_;
  std::shared_ptr<Holdings> holdings_;
  bool writing_ = false;  // the storage is ours
  bool following_ = false;  // it is not, and holdings_ is what the place tells changes of
  TimePoint read_at_{};
  std::string trouble_;
  std::map<std::string, std::shared_ptr<Resolver>> resolvers_;
  std::vector<CertificateRequest> requests_;
  bool wanted_ = false;  // requests_ were told
  Plan plan_;
  std::map<std::string, UnderWay> under_way_;  // by record
  std::map<AccountPlace, Account> accounts_;  // ready for use
  std::set<AccountPlace> opening_;
  std::set<AccountPlace> resting_;  // no new orders: their key is changed when those under way have ended
  std::map<std::string, unsigned> illness_;  // failures in a row, by CA
  std::map<std::string, WallTime> ask_again_;  // for renewal windows, by record
  bool asking_ = false;
  RenewalStatus status_;
  StatusLog status_log_;
  bool stopped_ = false, woken_ = false;
  asio::steady_timer wake_;  // never expires
};

}  // namespace gatehouse::acme
