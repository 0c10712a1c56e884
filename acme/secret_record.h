// A record as a Kubernetes Secret, and back. One Secret holds one record, its fields as they are; a certificate's are
// those of type kubernetes.io/tls, so that anything in the namespace can use it as it is. ◦
//
//   labels       app.kubernetes.io/managed-by: gatehouse     all that is ours
//                app.kubernetes.io/instance: INSTANCE        of several Gatehouses in one namespace
//                gatehouse.dev/record: certificate           account, order, ledger, challenge
//   annotations  gatehouse.dev/record-name                   exactly; the Secret's own name is made of it
//                gatehouse.dev/written-by                    16 hex digits that each writer draws anew
//                gatehouse.dev/names                         the hosts, for people
//                gatehouse.dev/renew, gatehouse.dev/revoke   what an operator asks for (acme/secret_place)
#pragma once

#include "acme/records.h"
#include "base/result.h"
#include "config/kubernetes/tree.h"

#include <boost/json/object.hpp>

#include <map>
#include <string>
#include <string_view>

namespace gatehouse::acme {

// The API server takes no larger Secret; counted are its values.
constexpr std::size_t max_secret_bytes = 1024 * 1024;

inline constexpr std::string_view record_label = "gatehouse.dev/record";
inline constexpr std::string_view renew_annotation = "gatehouse.dev/renew";
inline constexpr std::string_view revoke_annotation = "gatehouse.dev/revoke";

// Whose Secrets: a namespace, and a name for one Gatehouse (all its replicas) among several there.
struct SecretOwner {
  std::string name_space;
  std::string instance = "gatehouse";  // a legal label value and beginning of a name
};

// A legal DNS-1123 subdomain; no two records have one name (80 bits of a hash say so, and the annotation).
std::string secret_name(const SecretOwner& owner, RecordKind kind, std::string_view record);

struct WrittenSecret {
  std::string name;
  boost::json::object object;  // without resourceVersion
};
// Fails when it cannot be stored: too large, bad names.
Result<WrittenSecret> to_secret(const SecretOwner& owner, const Record& record, std::string_view writer);

struct SeenSecret {
  std::string name;
  std::string resource_version;
  std::string writer;
  Record record;
  std::string renew, revoke;  // annotations; empty: none

  // What it says and who wrote it; what others add to labels and annotations does not count.
  std::string digest() const;
};

// What of a Secret is looked at, wherever it comes from: an answer, or a watch. Fields of another type are left out.
struct RawSecret {
  std::string name, resource_version;
  std::map<std::string, std::string> labels = {}, annotations = {};
  std::map<std::string, std::string> data = {};  // base64
};
RawSecret raw_secret(const boost::json::object& object);
RawSecret raw_secret(const kubernetes::Value& object);

// Of one that is labelled as ours; bad_configuration says what is wrong with it, its name first.
Result<SeenSecret> parse_secret(const SecretOwner& owner, const RawSecret& raw);

// Decimal, of the same length or shorter, and smaller: an older state (apimachinery util/resourceversion). Others are
// opaque: never older.
bool is_older_version(std::string_view a, std::string_view b);

}  // namespace gatehouse::acme
