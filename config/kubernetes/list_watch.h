// What to ask the API server next to know all objects of one kind and every change of them, and what its answers mean:
// list, then watch from there on, again and again. ◦ Time and chance are passed in.
//
// How it lists. Where the server can (1.34 and later by default), list and watch are one stream (`sendInitialEvents`):
// a current state out of the server's cache. Else first with resourceVersion=0, unpaged: out of the cache too, so that
// a hundred replicas that start at once cost etcd nothing; the answer's length costs us no memory, since its objects
// are read one by one (json_pieces). That state may be some seconds old; the watch makes up for it. After a relist for
// reasons of its own it asks for nothing older than it knows. When the server has forgotten (410) or is behind itself
// ("too large resource version"), it asks for the latest state in pages of 500, and when the pages' token has expired
// for the latest in one answer.
//
// What it never does: conclude from an answer that is cut, is no list, or of another kind, that objects are gone.
#pragma once

#include "config/kubernetes/api.h"
#include "config/kubernetes/json_pieces.h"

#include <memory>

namespace gatehouse::kubernetes {

// What has been found out about an API server, for all its watches.
struct ServerAbilities {
  bool watch_list = true;  // until it turns out that it is not
};

class ListWatch {
 public:
  struct Options {
    std::string path;       // of the collection: /apis/networking.k8s.io/v1/ingresses
    std::string selectors;  // as in a query: labelSelector=owner%21%3Dhelm; empty: all objects
    std::string kind;       // Ingress
    // The kind need not be there (a CRD): 404 is an answer, and is asked about again within a minute.
    bool optional = false;
  };

  enum class Step : std::uint8_t { list, watch, watch_list };

  struct Request {
    Step step = Step::list;
    TimePoint at{};      // not before
    std::string path;    // with its query
    Duration silence{};  // ApiRequest::silence
    bool fresh = false;  // what comes is a new list, not one more page
  };

  // What an answer means for those who keep the objects. `complete`: what was not seen since the list began is gone.
  // `absent`: the kind is not there any more, nor are its objects.
  enum class Effect : std::uint8_t { none, complete, absent };

  enum class Verdict : std::uint8_t { ignore, seen, gone, complete, over };

  struct Event {
    std::string_view type;
    std::string_view resource_version;
    bool initial_end = false;  // the annotation k8s.io/initial-events-end
    // Of an ERROR its Status.
    std::uint16_t code = 0;
    std::string_view message = {};
  };

  enum class Health : std::uint8_t { good, away, refused, forbidden, absent };

  // `random`: from 0 to below 1.
  ListWatch(Options options, std::shared_ptr<ServerAbilities> abilities, std::function<double()> random);

  Request next(TimePoint now);
  // It is asked now, which may be later than wanted.
  void asked(TimePoint now) { asked_ = last_event_ = now; }

  // The list's answer, with what it said when it was whole.
  Effect list_ended(const Result<ApiAnswer>& answer, const ListFacts* whole, TimePoint now);

  // An event of either watch; after `over` nothing of this answer counts any more.
  Verdict event(const Event& event, TimePoint now);
  // `garbage`: what came was no stream of events.
  Effect watch_ended(const Result<ApiAnswer>& answer, bool garbage, TimePoint now);
  // The watch is looked at no longer when this has come: the initial events do not come to their end.
  TimePoint patience() const;
  void lost_patience(TimePoint now);

  // Bytes came, or the connection holds without any.
  void heard(TimePoint now) { last_heard_ = now; }
  void holds() { well(); }

  // Listed once, or an optional kind that is absent or forbidden.
  bool synced() const { return synced_; }
  bool listed() const { return listed_; }
  Health health() const { return health_; }
  // Why it is not good, without times, so that it stays the same as long as the reason does.
  const std::string& trouble() const { return trouble_; }
  std::optional<TimePoint> last_heard() const { return last_heard_; }
  const Options& options() const { return options_; }

 private:
  enum class Listing : std::uint8_t { from_cache, not_older, latest_pages, latest_whole };

  std::string list_query() const;
  std::string watch_query(Step step);
  void relist(Listing how);
  Effect refused(const ApiAnswer& answer, TimePoint now);
  Effect not_found(const ApiAnswer& answer, TimePoint now);
  void lacks_watch_list();
  void back_off(TimePoint now, std::optional<Duration> at_least = std::nullopt);
  void ill(Health health, std::string words);
  void well();
  Effect complete(const std::string& resource_version);

  const Options options_;
  const std::shared_ptr<ServerAbilities> abilities_;
  const std::function<double()> random_;

  Step step_ = Step::list;
  Listing listing_ = Listing::from_cache;
  bool has_list_ = false;  // and can watch from version_ on
  std::string version_;
  std::string continue_token_;
  TimePoint at_{};

  TimePoint asked_{};
  TimePoint last_event_{};
  std::size_t events_ = 0;  // of this watch
  bool over_ = false;
  int broken_starts_ = 0;  // of watch_list, one after the other
  int not_found_ = 0;      // one after the other
  TimePoint first_not_found_{};

  Duration delay_{};
  std::optional<TimePoint> backed_off_;

  bool synced_ = false;
  bool listed_ = false;
  Health health_ = Health::good;
  std::string trouble_;
  std::optional<TimePoint> last_heard_;
};

}  // namespace gatehouse::kubernetes
