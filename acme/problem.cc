#include "acme/problem.h"

#include "acme/json.h"
#include "base/escape.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace gatehouse::acme {
namespace {

constexpr std::string_view prefix = "urn:ietf:params:acme:error:";
constexpr std::size_t max_words = 1000;
constexpr std::size_t max_subproblems = 100;

struct Meaning {
  std::string_view type;
  Remedy remedy;
};

// RFC 8555 §6.7 and RFC 9773 §7.4. Types that are not here are judged by the status.
constexpr std::array meanings{
    Meaning{"accountDoesNotExist", Remedy::new_account},
    Meaning{"alreadyReplaced", Remedy::try_again},
    Meaning{"alreadyRevoked", Remedy::person},
    Meaning{"badCSR", Remedy::person},
    Meaning{"badNonce", Remedy::try_again},
    Meaning{"badPublicKey", Remedy::person},
    Meaning{"badSignatureAlgorithm", Remedy::person},
    Meaning{"caa", Remedy::host},
    Meaning{"compound", Remedy::host},
    Meaning{"connection", Remedy::host},
    Meaning{"dns", Remedy::host},
    Meaning{"externalAccountRequired", Remedy::person},
    Meaning{"incorrectResponse", Remedy::host},
    Meaning{"invalidContact", Remedy::person},
    Meaning{"invalidProfile", Remedy::person},
    Meaning{"orderNotReady", Remedy::try_again},
    Meaning{"rateLimited", Remedy::wait},
    Meaning{"rejectedIdentifier", Remedy::host},
    Meaning{"serverInternal", Remedy::try_again},
    Meaning{"tls", Remedy::host},
    Meaning{"unsupportedContact", Remedy::person},
    Meaning{"unsupportedIdentifier", Remedy::host},
    Meaning{"userActionRequired", Remedy::person},
};

Remedy remedy_of(std::uint16_t status, const CaProblem& problem) {
  for (const Meaning& meaning : meanings)
    if (meaning.type == problem.type) return meaning.remedy;
  if (status == 0) return Remedy::host;
  if (status == 429) return Remedy::wait;
  if (status >= 500 || status == 408 || status < 400) return Remedy::try_again;
  return Remedy::person;
}

std::string one_line(std::string_view type, std::string_view detail) {
  std::string text(type);
  if (!text.empty() && !detail.empty()) text += ": ";
  return text.append(detail);
}

CaProblem flat_problem(const boost::json::object& document) {
  CaProblem problem;
  problem.type = text_at(document, "type");
  if (problem.type.starts_with(prefix)) problem.type.erase(0, prefix.size());
  if (problem.type == "about:blank") problem.type.clear();
  problem.detail = text_at(document, "detail");
  problem.host = text_at(object_at(document, "identifier"), "value");
  return problem;
}

}  // namespace

void throw_exception_from_error(const Trouble& trouble, const boost::source_location& where) {
  throw std::logic_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": " +
                         describe(trouble.failure));
}

CaProblem problem_of(const boost::json::object& document) {
  CaProblem problem = flat_problem(document);
  for (const auto& sub : objects_at(document, "subproblems"))
    if (problem.subproblems.size() < max_subproblems) problem.subproblems.push_back(flat_problem(sub));
  return problem;
}

CaProblem read_problem(std::uint16_t status, std::string_view body) {
  CaProblem problem;
  if (const auto document = parse_object(body)) problem = problem_of(*document);
  if (problem.type.empty() && problem.detail.empty())
    problem.detail = "it answers with status " + std::to_string(status);
  return problem;
}

Trouble trouble_of(std::uint16_t status, const CaProblem& problem, std::optional<WallTime> retry_after) {
  Trouble trouble;
  trouble.remedy = remedy_of(status, problem);
  const auto kind = status == 0 ? FailureKind::validation_failed : FailureKind::ca_refused;
  trouble.failure = Failure(kind, words_of(problem));
  trouble.type = problem.type;
  trouble.not_before = retry_after;
  for (const CaProblem& sub : problem.subproblems)
    if (!sub.host.empty()) trouble.hosts.push_back(sub.host);
  return trouble;
}

Trouble trouble_of(Failure failure) {
  Trouble trouble;
  trouble.remedy = failure.kind == FailureKind::bad_configuration ? Remedy::person : Remedy::try_again;
  trouble.failure = std::move(failure);
  return trouble;
}

std::string words_of(const CaProblem& problem) {
  std::string text = one_line(problem.type, problem.detail);
  for (const CaProblem& sub : problem.subproblems) {
    if (text.size() > max_words) break;
    text.append("; ").append(one_line(sub.host, one_line(sub.type, sub.detail)));
  }
  text = printable(text.substr(0, max_words));
  return text.substr(0, max_words);
}

}  // namespace gatehouse::acme
