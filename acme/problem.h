// What a CA says when it refuses (RFC 7807, RFC 8555 §6.7), what that means for us, and in which words a person hears
// of it. ◦
#pragma once

#include "base/clock.h"
#include "base/names.h"
#include "base/result.h"

#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

// A problem document. All texts are untrusted.
struct CaProblem {
  std::string type;  // without "urn:ietf:params:acme:error:"; empty: none given
  std::string detail;
  std::string host;  // of a subproblem: the identifier it is about
  std::vector<CaProblem> subproblems = {};
};

// What may help.
enum class Remedy : std::uint8_t {
  try_again,    // CA or network are ill: soon, with back-off
  wait,         // a rate limit: not before `not_before`
  new_account,  // the CA does not know the account (any more)
  person,       // settings or the agreement with the CA have to change; trying again does not help
  host,         // the hosts are refused or do not pass validation: DNS, routing or the name itself
};

// Why an ACME call or order failed.
struct Trouble {
  Remedy remedy = Remedy::try_again;
  Failure failure = {};
  std::string type = {};  // the problem's, as CaProblem has it; empty: it was not the CA that refused
  std::optional<WallTime> not_before = {};  // from Retry-After
  std::vector<std::string> hosts = {};  // those the CA named as the cause
  bool order_over = false;  // the order is invalid or gone: its PendingOrder is of no more use
};

[[noreturn]] void throw_exception_from_error(const Trouble& trouble, const boost::source_location& where);

// A value, or the trouble that prevented it.
template <class T>
using Answer = boost::system::result<T, Trouble>;

// Never fails: what is no problem document has no type, and its status as detail. Up to 100 subproblems.
CaProblem read_problem(std::uint16_t status, std::string_view body);
CaProblem problem_of(const boost::json::object& document);

// What an answer with this status and problem means. Of the problem of a challenge, order or authorization, `status` is
// 0 and the hosts are the cause.
Trouble trouble_of(std::uint16_t status, const CaProblem& problem, std::optional<WallTime> retry_after);
// The network's failures, and answers that cannot be understood.
Trouble trouble_of(Failure failure);

// "rateLimited: too many certificates …; a.example: dns: no such name", one line of printable text, at most 1000 bytes.
std::string words_of(const CaProblem& problem);

}  // namespace gatehouse::acme
