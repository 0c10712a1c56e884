#include "tests/doubles/kubernetes/admission.h"

#include "base/asio.h"
#include "config/kubernetes/object_reader.h"
#include "tests/doubles/kubernetes/object_text.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <regex>

namespace gatehouse::kubernetes::fake {
namespace {

json::object* section(json::object& object, std::string_view key) {
  json::value& value = object[key];
  if (value.is_null()) value = json::object();
  return value.if_object();
}

void default_to(json::object& object, std::string_view key, json::value value) {
  if (!object.contains(key)) object.emplace(key, std::move(value));
}

void fill_in_service(json::object& object) {
  json::object* spec = section(object, "spec");
  if (spec == nullptr) return;
  default_to(*spec, "type", "ClusterIP");
  default_to(*spec, "sessionAffinity", "None");
  if (spec->at("type") != "ExternalName") {
    default_to(*spec, "ipFamilies", json::array{"IPv4"});
    default_to(*spec, "ipFamilyPolicy", "SingleStack");
    default_to(*spec, "internalTrafficPolicy", "Cluster");
  }
  if (spec->at("type") != "ExternalName" && !spec->contains("clusterIP")) {
    static std::atomic<unsigned> last = 0;
    const unsigned number = ++last;
    const std::string address = "10.96." + std::to_string(number / 250 % 250) + "." + std::to_string(number % 250 + 1);
    spec->emplace("clusterIP", address);
    spec->emplace("clusterIPs", json::array{json::string(address)});
  }
  if (json::value* ports = spec->if_contains("ports"); ports != nullptr && ports->is_array())
    for (auto& each : ports->get_array()) {
      auto* port = each.if_object();
      if (port == nullptr || !port->contains("port")) continue;
      default_to(*port, "protocol", "TCP");
      default_to(*port, "targetPort", port->at("port"));
    }
  if (json::object* status = section(object, "status")) default_to(*status, "loadBalancer", json::object());
}

void fill_in_secret(json::object& object) {
  default_to(object, "type", "Opaque");
  const json::value* plain = object.if_contains("stringData");
  if (plain == nullptr || !plain->is_object()) return;
  const json::object values = plain->get_object();
  object.erase("stringData");
  if (json::object* data = section(object, "data"))
    for (const auto& [key, value] : values)
      if (value.is_string()) (*data)[key] = encode_base64(value.get_string());
}

bool is_micro_time(const std::string& text) {
  static const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d))");
  return std::regex_match(text, form);
}

std::string wrong_micro_time(const json::object& object, std::initializer_list<std::string_view> path) {
  const json::value* value = field(object, path);
  if (value == nullptr || value->is_null()) return "";
  if (!value->is_string()) return "json: cannot unmarshal into Go value of type v1.MicroTime";
  const std::string text(value->get_string());
  if (is_micro_time(text)) return "";
  return "parsing time \"" + text + "\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse";
}

void require(std::vector<Cause>& causes, const json::object& object, std::initializer_list<std::string_view> path) {
  const json::value* value = field(object, path);
  if (value != nullptr && !value->is_null() && *value != "") return;
  std::string name;
  for (const auto part : path) name += (name.empty() ? "" : ".") + std::string(part);
  causes.push_back({"FieldValueRequired", "Required value", name});
}

void invalid_name(std::vector<Cause>& causes, const json::object& object, const ResourceType& type) {
  static const std::regex subdomain(R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)");
  static const std::regex label("[a-z]([-a-z0-9]*[a-z0-9])?");
  const std::string name = key_of(object).name;
  if (name.empty()) {
    causes.push_back({"FieldValueRequired", "Required value: name or generateName is required", "metadata.name"});
    return;
  }
  const bool is_label = type.kind == "Service";
  const bool good = std::regex_match(name, is_label ? label : subdomain) && name.size() <= (is_label ? 63 : 253);
  if (!good)
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: \"" + name +
                          (is_label ? "\": a DNS-1035 label must consist of lower case alphanumeric characters or '-'"
                                    : "\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                                      "characters, '-' or '.', and must start and end with an alphanumeric character"),
                      "metadata.name"});
}

void invalid_path(std::vector<Cause>& causes, const json::object& path, const std::string& where) {
  const std::string type = text_field(path, {"pathType"});
  const std::string text = text_field(path, {"path"});
  if (type.empty())
    causes.push_back({"FieldValueRequired", "Required value: pathType must be specified", where + ".pathType"});
  if (!type.empty() && type != "Exact" && type != "Prefix" && type != "ImplementationSpecific")
    causes.push_back({"FieldValueNotSupported", "Unsupported value: \"" + type + "\"", where + ".pathType"});
  if ((type == "Exact" || type == "Prefix") && !text.starts_with('/'))
    causes.push_back(
        {"FieldValueInvalid", "Invalid value: \"" + text + "\": must be an absolute path", where + ".path"});
  if (!path.contains("backend"))
    causes.push_back({"FieldValueRequired", "Required value: backend is required", where + ".backend"});
}

void invalid_ingress(std::vector<Cause>& causes, const json::object& object) {
  const json::value* rules = field(object, {"spec", "rules"});
  if (rules == nullptr && field(object, {"spec", "defaultBackend"}) == nullptr)
    causes.push_back(
        {"FieldValueInvalid", "Invalid value: null: either `defaultBackend` or `rules` must be specified", "spec"});
  if (rules == nullptr || !rules->is_array()) return;
  for (std::size_t i = 0; i < rules->get_array().size(); ++i) {
    const auto* rule = rules->get_array()[i].if_object();
    const json::value* paths = rule != nullptr ? field(*rule, {"http", "paths"}) : nullptr;
    if (paths == nullptr || !paths->is_array()) continue;
    for (std::size_t k = 0; k < paths->get_array().size(); ++k)
      if (const auto* path = paths->get_array()[k].if_object())
        invalid_path(causes, *path, "spec.rules[" + std::to_string(i) + "].http.paths[" + std::to_string(k) + "]");
  }
}

void invalid_addresses(std::vector<Cause>& causes, const json::object& object) {
  const json::value* list = field(object, {"status", "loadBalancer", "ingress"});
  if (list == nullptr || !list->is_array()) return;
  for (std::size_t i = 0; i < list->get_array().size(); ++i) {
    const auto* each = list->get_array()[i].if_object();
    const std::string ip = each != nullptr ? text_field(*each, {"ip"}) : "";
    boost::system::error_code error;
    asio::ip::make_address(ip, error);
    if (!ip.empty() && error)
      causes.push_back({"FieldValueInvalid",
                        "Invalid value: \"" + ip + "\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                        "status.loadBalancer.ingress[" + std::to_string(i) + "].ip"});
  }
}

void invalid_secret(std::vector<Cause>& causes, const json::object& object, const json::object* old) {
  if (text_field(object, {"type"}) == "kubernetes.io/tls")
    for (const char* key : {"tls.crt", "tls.key"})
      if (field(object, {"data", key}) == nullptr)
        causes.push_back({"FieldValueRequired", "Required value", std::string("data[") + key + "]"});
  if (old != nullptr && text_field(*old, {"type"}) != text_field(object, {"type"}))
    causes.push_back(
        {"FieldValueInvalid", "Invalid value: \"" + text_field(object, {"type"}) + "\": field is immutable", "type"});
}

void invalid_event(std::vector<Cause>& causes, const json::object& object) {
  const std::string type = text_field(object, {"type"});
  require(causes, object, {"eventTime"});
  if (type != "Normal" && type != "Warning")
    causes.push_back({"FieldValueInvalid", "Invalid value: \"\": has invalid value: " + type, "type"});
  if (text_field(object, {"eventTime"}).empty()) return;  // the real one, too, then looks no further
  for (const char* key : {"reportingController", "reportingInstance", "action", "reason"})
    require(causes, object, {key});
  for (const char* key : {"reportingInstance", "action", "reason"})
    if (text_field(object, {key}).size() > 128)
      causes.push_back({"FieldValueInvalid", "Invalid value: can have at most 128 characters", key});
  if (text_field(object, {"note"}).size() > 1024)
    causes.push_back({"FieldValueInvalid", "Invalid value: can have at most 1024 characters", "note"});
  const std::string about = text_field(object, {"regarding", "namespace"});
  const std::string ns = key_of(object).ns;
  if (about.empty() ? ns != "default" && ns != "kube-system" : about != ns)
    causes.push_back({"FieldValueInvalid", "Invalid value: \"" + about + "\": does not match event.namespace",
                      "involvedObject.namespace"});
}

void invalid_lease(std::vector<Cause>& causes, const json::object& object) {
  for (const auto& [key, least] : {std::pair("leaseDurationSeconds", 1), std::pair("leaseTransitions", 0)})
    if (const auto* value = field(object, {"spec", key}); value != nullptr && value->is_int64())
      if (value->get_int64() < least)
        causes.push_back({"FieldValueInvalid",
                          "Invalid value: " + std::to_string(value->get_int64()) +
                              (least > 0 ? ": must be greater than 0" : ": must be greater than or equal to 0"),
                          std::string("spec.") + key});
}

}  // namespace

std::string new_uid() {
  static std::atomic<unsigned> last = 0;
  char text[40];
  std::snprintf(text, sizeof text, "%08x-5bd1-4e95-9c11-%012x", ++last, 0x6a7e5u);
  return text;
}

std::string timestamp(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void fill_in(json::object& object, const ResourceType& type) {
  object["kind"] = type.kind;
  object["apiVersion"] = type.api_version();
  if (type.kind == "Service") fill_in_service(object);
  if (type.kind == "Secret") fill_in_secret(object);
  if (type.kind == "Ingress" || type.kind == "Namespace")
    if (json::object* status = section(object, "status"))
      default_to(*status, type.kind == "Ingress" ? "loadBalancer" : "phase",
                 type.kind == "Ingress" ? json::value(json::object()) : json::value("Active"));
  if (type.kind == "Namespace")
    if (json::object* labels = section(metadata_of(object), "labels"))
      (*labels)["kubernetes.io/metadata.name"] = key_of(object).name;
}

void give_birth(json::object& object, const ResourceType& type, WallTime now) {
  json::object& metadata = metadata_of(object);
  default_to(metadata, "uid", json::string(new_uid()));
  default_to(metadata, "creationTimestamp", json::string(timestamp(now)));
  if (type.generation) default_to(metadata, "generation", 1);
}

void keep_identity(json::object& object, const json::object& old, const ResourceType& type) {
  json::object& metadata = metadata_of(object);
  for (const char* key :
       {"uid", "creationTimestamp", "deletionTimestamp", "generation", "generateName", "managedFields"}) {
    const json::value* kept = field(old, {"metadata", key});
    if (kept != nullptr)
      metadata[key] = *kept;
    else
      metadata.erase(key);
  }
  if (type.kind != "Service") return;
  json::object* spec = section(object, "spec");
  for (const char* key : {"clusterIP", "clusterIPs"})
    if (const json::value* kept = field(old, {"spec", key}); spec != nullptr && kept != nullptr)
      default_to(*spec, key, *kept);
}

void count_generation(json::object& object, const json::object& old, const ResourceType& type) {
  if (!type.generation) return;
  const auto wanted = [&](const json::object& each) {
    json::object copy = each;
    copy.erase("metadata");
    if (type.status) copy.erase("status");
    return copy;
  };
  const json::value* count = field(old, {"metadata", "generation"});
  const std::int64_t number = count != nullptr && count->is_int64() ? count->get_int64() : 1;
  metadata_of(object)["generation"] = number + (wanted(object) != wanted(old) ? 1 : 0);
}

void add_managed_fields(json::object& object, const ResourceType& type, std::string_view manager, WallTime now) {
  json::object fields;
  for (const auto& [key, value] : object) {
    const std::string_view name = key;
    if (name == "kind" || name == "apiVersion" || name == "metadata") continue;
    json::object inside;
    if (value.is_object())
      for (const auto& each : value.get_object()) inside["f:" + std::string(each.key())] = json::object();
    fields["f:" + std::string(name)] = inside;
  }
  metadata_of(object)["managedFields"] = json::array{json::object{{"manager", json::string_view(manager)},
                                                                  {"operation", "Update"},
                                                                  {"apiVersion", type.api_version()},
                                                                  {"time", timestamp(now)},
                                                                  {"fieldsType", "FieldsV1"},
                                                                  {"fieldsV1", fields}}};
}

std::string undecodable(const json::object& object, const ResourceType& type) {
  if (type.kind == "Lease") {
    auto wrong = wrong_micro_time(object, {"spec", "renewTime"});
    return !wrong.empty() ? wrong : wrong_micro_time(object, {"spec", "acquireTime"});
  }
  if (type.kind == "Event") {
    auto wrong = wrong_micro_time(object, {"eventTime"});
    return !wrong.empty() ? wrong : wrong_micro_time(object, {"series", "lastObservedTime"});
  }
  if (const json::value* data = field(object, {"data"}); type.kind == "Secret" && data != nullptr && data->is_object())
    for (const auto& each : data->get_object())
      if (!each.value().is_string() || !decode_base64(std::string_view(each.value().get_string())))
        return "illegal base64 data at input byte 0";
  const json::value* labels = field(object, {"metadata", "labels"});
  if (labels != nullptr && !labels->is_object() && !labels->is_null())
    return "json: cannot unmarshal into Go struct field ObjectMeta.metadata.labels of type map[string]string";
  return "";
}

std::vector<Cause> invalid(const json::object& object, const json::object* old, const ResourceType& type) {
  std::vector<Cause> causes;
  invalid_name(causes, object, type);
  if (type.kind == "Ingress") invalid_ingress(causes, object);
  if (type.kind == "Ingress" || type.kind == "Service") invalid_addresses(causes, object);
  if (type.kind == "Secret") invalid_secret(causes, object, old);
  if (type.kind == "Lease") invalid_lease(causes, object);
  if (type.kind == "Event" && !type.group.empty()) invalid_event(causes, object);
  if (type.kind == "Service" && text_field(object, {"spec", "type"}) != "ExternalName" &&
      text_field(object, {"spec", "clusterIP"}) != "None")
    require(causes, object, {"spec", "ports"});
  if (type.kind == "EndpointSlice") require(causes, object, {"addressType"});
  return causes;
}

}  // namespace gatehouse::kubernetes::fake
