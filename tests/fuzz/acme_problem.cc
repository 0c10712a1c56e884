// A refusal of a certificate authority: whatever it says, what a person hears of it is one short printable line. The
// first byte is the status' class.
#include "acme/problem.h"

#include "tests/fuzz/promise.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  using namespace gatehouse::acme;
  if (size == 0) return 0;
  const auto status = static_cast<std::uint16_t>(data[0] % 6 * 100);
  const CaProblem problem = read_problem(status, as_text(data + 1, size - 1));
  promise(problem.subproblems.size() <= 100, "subproblems are bounded");
  const Trouble trouble = trouble_of(status, problem, {});
  promise(trouble.hosts.size() <= problem.subproblems.size(), "hosts are those of subproblems");
  const std::string words = words_of(problem);
  promise(!words.empty() && words.size() <= 1000, "there are words, and not too many");
  promise(std::all_of(words.begin(), words.end(), [](char c) { return c >= ' ' && c < 0x7f; }), "they are printable");
  return 0;
}
