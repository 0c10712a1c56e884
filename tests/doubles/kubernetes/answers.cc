#include "tests/doubles/kubernetes/answers.h"

namespace gatehouse::kubernetes::fake {
namespace {

json::array causes_of(const std::vector<Cause>& causes) {
  json::array list;
  for (const auto& cause : causes) {
    json::object each{{"reason", cause.reason}, {"message", cause.message}};
    if (!cause.field.empty()) each["field"] = cause.field;
    list.push_back(std::move(each));
  }
  return list;
}

}  // namespace

json::object status_of(const Trouble& trouble) {
  json::object metadata, details;
  if (!trouble.continue_token.empty()) metadata["continue"] = trouble.continue_token;
  if (!trouble.name.empty()) details["name"] = trouble.name;
  if (trouble.type != nullptr) {
    if (!trouble.type->group.empty()) details["group"] = trouble.type->group;
    details["kind"] = trouble.reason == "Invalid" ? trouble.type->kind : trouble.type->plural;
  }
  if (!trouble.causes.empty()) details["causes"] = causes_of(trouble.causes);
  if (trouble.retry_after > 0) details["retryAfterSeconds"] = trouble.retry_after;
  json::object status{{"kind", "Status"},
                      {"apiVersion", "v1"},
                      {"metadata", metadata},
                      {"status", "Failure"},
                      {"message", trouble.message}};
  if (!trouble.reason.empty()) status["reason"] = trouble.reason;
  if (!details.empty()) status["details"] = details;
  status["code"] = trouble.code;
  return status;
}

Reply refusal(const Trouble& trouble) {
  Reply reply{.status = trouble.code, .body = json::serialize(status_of(trouble)) + "\n"};
  if (trouble.retry_after > 0) reply.headers.emplace_back("Retry-After", std::to_string(trouble.retry_after));
  return reply;
}

void refuse(const Trouble& trouble) { throw Refused{refusal(trouble)}; }

void refuse_not_found(const ResourceType& type, const std::string& name) {
  refuse({404, "NotFound", type.dotted() + " \"" + name + "\" not found", &type, name});
}

void refuse_without_version(const ResourceType& type, const std::string& name) {
  const Cause cause{"FieldValueInvalid", "Invalid value: 0: must be specified for an update",
                    "metadata.resourceVersion"};
  ResourceType by_plural = type;
  by_plural.kind = type.plural;
  refuse({422,
          "Invalid",
          type.dotted() + " \"" + name + "\" is invalid: " + cause.field + ": " + cause.message,
          &by_plural,
          name,
          {cause}});
}

void refuse_bad_request(const std::string& message) { refuse({400, "BadRequest", message}); }

void refuse_invalid(const ResourceType& type, const std::string& name, std::vector<Cause> causes) {
  std::string message = type.kind + (type.group.empty() ? "" : "." + type.group) + " \"" + name + "\" is invalid: ";
  if (causes.size() > 1) message += "[";
  for (std::size_t i = 0; i < causes.size(); ++i)
    message += (i > 0 ? ", " : "") + causes[i].field + ": " + causes[i].message;
  if (causes.size() > 1) message += "]";
  refuse({422, "Invalid", message, &type, name, std::move(causes)});
}

void refuse_method() {
  refuse({405, "MethodNotAllowed", "the server does not allow this method on the requested resource"});
}

Reply no_such_page() {
  return {.status = 404, .body = "404 page not found\n", .content_type = "text/plain; charset=utf-8"};
}

}  // namespace gatehouse::kubernetes::fake
