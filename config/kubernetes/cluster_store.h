// The objects of a cluster as its API server told of them: the last good version of each, what status and Event
// writers must know of it, and what is wrong with it. ◦
//
// One bad object costs only itself: its last good version stays, and a problem says why. Of Secrets only those are
// kept that somebody wants, once that has been said.
#pragma once

#include "config/kubernetes/object_reader.h"
#include "config/kubernetes/objects.h"
#include "config/kubernetes/tree.h"
#include "config/problem.h"

#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

namespace gatehouse::kubernetes {

// What routing does not read of an object.
struct ObjectDetails {
  std::string uid;
  std::string resource_version;
  bool deleting = false;  // metadata.deletionTimestamp is set: it goes when its finalizers let it
  std::string status;  // status.loadBalancer of an Ingress or Service, canonical (load_balancer.h); empty: none
};

class ClusterStore {
 public:
  // False when that changed nothing: neither objects nor problems.
  bool put(const Value& object, Kind kind, ObjectType type);
  bool put(Object object);
  // It is there and cannot be read.
  bool refuse(const ObjectKey& key, std::string words);
  bool erase(const ObjectKey& key);

  // From now on only these are kept.
  void want_secrets(std::set<ObjectName> names);
  bool wants_secret(const ObjectName& name) const { return !wanted_ || wanted_->contains(name); }

  const ClusterObjects& objects() const { return objects_; }
  // Which of them are others than at the last call.
  TouchedObjects take_touched() { return std::exchange(touched_, {}); }
  // The same of what the status of Ingresses depends on: they, what they show, Services; `beyond` for classes.
  TouchedObjects take_status_touched() { return std::exchange(status_touched_, {}); }
  bool has(const ObjectKey& key) const;
  // Those known, be they good or bad.
  std::vector<ObjectKey> keys(Kind kind) const;
  // Not of EndpointSlices, of which there are many.
  const ObjectDetails* details(const ObjectKey& key) const;
  std::vector<Problem> problems() const;

 private:
  bool put_object(Object object);
  bool erase_object(const ObjectKey& key);
  void touch(const ObjectKey& key, const std::string& service_before);
  bool note(const ObjectKey& key, std::vector<Problem> problems);
  // Whether a Service has other addresses outside now: Ingresses may show them. What an Ingress shows concerns routes
  // not at all: nobody is woken for it.
  bool note_details(const ObjectKey& key, const Value& object);

  ClusterObjects objects_;
  TouchedObjects touched_;
  TouchedObjects status_touched_;
  std::map<ObjectKey, ObjectDetails> details_;
  std::map<ObjectKey, std::vector<Problem>> problems_;
  std::optional<std::set<ObjectName>> wanted_;  // nothing: all
};

// Which of a kind: all, a namespace's, or one.
struct Scope {
  Kind kind = Kind::ingress;
  ObjectType type;  // outlives the scope: literals
  std::string ns = {};
  std::string name = {};

  bool covers(const ObjectName& object) const {
    return (ns.empty() || object.ns == ns) && (name.empty() || object.name == name);
  }
};

// What one watch tells, brought into the store. Functions say whether something changed.
class Collection {
 public:
  Collection(ClusterStore& store, Scope scope) : store_(store), scope_(std::move(scope)) {}

  void list_began();
  bool seen(const Value& object);
  bool gone(const Value& object);
  bool unreadable(const Value& beginning, const std::string& words);
  // Erases what was not seen since the list began; nothing when it had something in it that could not be told.
  bool list_complete();
  bool absent();
  // It was learnt from elsewhere that the object is there.
  void exists(const ObjectName& name);

  bool listing() const { return listing_; }
  const Scope& scope() const { return scope_; }

 private:
  std::optional<ObjectName> name_of(const Value& object) const;

  ClusterStore& store_;
  const Scope scope_;
  bool listing_ = false;
  bool unknown_seen_ = false;  // there was something whose name could not be read
  std::unordered_set<ObjectName, NameHash> seen_;
};

}  // namespace gatehouse::kubernetes
