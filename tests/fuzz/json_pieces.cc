// An API server's bytes to objects: the same pieces however the bytes are cut, never more than whole ones, and what was
// read is written as JSON that says the same.
#include "config/kubernetes/json_pieces.h"
#include "config/kubernetes/object_reader.h"
#include "tests/fuzz/promise.h"

#include <algorithm>
#include <string>

namespace {

using namespace gatehouse;
using namespace gatehouse::kubernetes;

std::string list_of(std::string_view text, std::size_t cut) {
  std::string read;
  ListPieces pieces([&](const ObjectText& item) { (read += item.text) += item.too_large ? "!" : "\n"; });
  for (; !text.empty(); text.remove_prefix(std::min(cut, text.size()))) pieces.feed(text.substr(0, cut));
  const ListFacts& facts = pieces.facts();
  return read + facts.kind + facts.resource_version + facts.continue_token + (pieces.whole() ? "whole" : "");
}

std::string watch_of(std::string_view text, std::size_t cut) {
  std::string read;
  WatchPieces pieces([&](const EventText& event) { ((read += event.type) += event.object.text) += "\n"; });
  for (; !text.empty(); text.remove_prefix(std::min(cut, text.size()))) pieces.feed(text.substr(0, cut));
  return read + (pieces.failed() ? "failed" : pieces.between() ? "between" : "within");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t cut = data[0] % 61 + 1;
  const std::string_view text = as_text(data + 1, size - 1);
  promise(list_of(text, cut) == list_of(text, size), "a list is the same however it is cut");
  promise(watch_of(text, cut) == watch_of(text, size), "a watch is the same however it is cut");

  const Tree tree = Tree::from_json(text);
  promise(tree.root().kind() != Tree::Kind::absent || !tree.failure().words.empty(), "no tree has a reason");
  if (!tree.failure().words.empty()) return 0;
  const std::string json = tree.root().json();
  const Tree again = Tree::from_json(json);
  promise(again.failure().words.empty() && again.root().json() == json, "what is written reads the same");
  ParsedManifest parsed;
  for (const char* kind : {"Ingress", "IngressClass"})
    read_object(tree.root(), {"networking.k8s.io/v1", kind}, {}, parsed);
  for (const char* kind : {"Service", "Secret"}) read_object(tree.root(), {"v1", kind}, {}, parsed);
  read_object(tree.root(), {"discovery.k8s.io/v1", "EndpointSlice"}, {}, parsed);
  read_object(tree.root(), {"traefik.io/v1alpha1", "IngressRouteTCP"}, {}, parsed);
  promise(parsed.problems.size() <= most_problems, "problems are bounded");
  return 0;
}
