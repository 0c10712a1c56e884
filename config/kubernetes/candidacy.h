// One candidate's view of a Lease (coordination.k8s.io/v1): what to send next, and whether it leads. The rules are
// client-go's (tools/leaderelection/leaderelection.go). ◦
//
// Clocks of different machines are never compared: renewTime is written for people and read by nobody. A candidate
// notes by its own clock when it last saw the record change; when that is longer ago than the record's own duration,
// the holder is taken for gone. A leader counts its deadline from the moment it *sent* the last renewal that was
// accepted, which is before anybody can have seen it; and the deadline is shorter than the lease. So two lead at one
// time only when a clock runs half as fast again as another, when somebody deletes the Lease just as a new candidate
// comes, or when a write was already under way: what a leader does must bear being done twice.
#pragma once

#include "base/names.h"
#include "config/kubernetes/api.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace gatehouse::kubernetes {

struct LeaseTerms {
  ObjectName lease;
  std::string identity;  // another one for each start of the program, see lease_identity
  Duration lasts = std::chrono::seconds(15);
  Duration renew_within = std::chrono::seconds(10);  // less than `lasts`, more than 1.2 times `retry`
  Duration retry = std::chrono::seconds(2);
  Duration refused_retry = std::chrono::seconds(15);  // no permission, no such namespace
};

class Candidacy {
 public:
  explicit Candidacy(LeaseTerms terms) : terms_(std::move(terms)) {}

  // To be sent at next() or later. `wall` is for people.
  ApiRequest request(WallTime wall) const;
  TimePoint next() const { return next_; }
  // The answer to request(). `chance` is one of [0, 1), so that candidates do not ask in step.
  void take(const Result<ApiAnswer>& answer, TimePoint sent, TimePoint now, double chance);

  bool leads(TimePoint now) const { return now < leads_until_; }
  TimePoint leads_until() const { return leads_until_; }
  // Hands the Lease back, so that another need not wait for its end. Nothing when it is not held.
  std::optional<ApiRequest> resign(TimePoint now, WallTime wall);

  const LeaseTerms& terms() const { return terms_; }
  const std::string& holder() const { return holder_; }  // as last seen; empty: nobody, or not known yet
  const std::string& trouble() const { return trouble_; }  // why the last request failed; empty: it did not

 private:
  enum class Step { look, create, write };

  void looked(const ApiAnswer& answer, TimePoint now, double chance);
  void wrote(const ApiAnswer& answer, TimePoint sent, TimePoint now, double chance);
  bool see(std::string_view body, TimePoint now);
  void lead_since(TimePoint sent);
  void look_again(Duration wait, TimePoint now);
  void fail(const Result<ApiAnswer>& answer, TimePoint now, double chance);
  Duration patience(double chance) const;
  bool is_free(TimePoint now) const;
  bool is_mine() const { return holder_ == terms_.identity; }
  ApiRequest put(boost::json::object spec) const;
  boost::json::object claim(WallTime wall) const;

  const LeaseTerms terms_;
  Step step_ = Step::look;
  TimePoint next_{};
  TimePoint leads_until_{};
  bool conflicted_ = false;  // the last write met a newer version
  boost::json::object seen_;  // the whole object: fields we do not know stay when it is written
  std::string seen_spec_;
  TimePoint changed_at_{};  // when seen_spec_ was first seen
  std::string holder_;
  Duration held_for_ = Duration::zero();
  std::string trouble_;
};

// The pod's name and 16 random hex digits: a container that starts again in the same pod is another candidate.
std::string lease_identity(std::string_view pod);

}  // namespace gatehouse::kubernetes
