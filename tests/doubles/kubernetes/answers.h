// What the API answers, and its Status objects.
#pragma once

#include "tests/doubles/kubernetes/admission.h"
#include "tests/doubles/kubernetes/state.h"

namespace gatehouse::kubernetes::fake {

struct Call {
  std::string method;
  Target target;
  std::string body, content_type, accept, user_agent;
};

struct Reply {
  std::uint16_t status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::shared_ptr<Watch> watch = {};  // then `body` is empty
};

// Thrown by what carries out a call.
struct Refused {
  Reply reply;
};

struct Trouble {
  std::uint16_t code;
  std::string reason, message;
  const ResourceType* type = nullptr;  // for details
  std::string name = {};
  std::vector<Cause> causes = {};
  int retry_after = 0;
  std::string continue_token = {};
};

json::object status_of(const Trouble& trouble);
Reply refusal(const Trouble& trouble);
[[noreturn]] void refuse(const Trouble& trouble);
[[noreturn]] void refuse_not_found(const ResourceType& type, const std::string& name);
// By its plural, as storage refuses; refuse_invalid() by its kind, as validation does.
[[noreturn]] void refuse_without_version(const ResourceType& type, const std::string& name);
[[noreturn]] void refuse_bad_request(const std::string& message);
[[noreturn]] void refuse_invalid(const ResourceType& type, const std::string& name, std::vector<Cause> causes);
[[noreturn]] void refuse_method();
Reply no_such_page();

}  // namespace gatehouse::kubernetes::fake
